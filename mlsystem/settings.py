"""Settings: from the environment alone, parsed strictly, working without any."""

import os
from typing import Any

from django.contrib.messages import constants as levels

from mlsystem import databases, embedded, logs, secret
from mlsystem.env import Environment
from mlsystem.version import BASE_DIR, VERSION

env = Environment(os.environ)

# Where things are
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, low=1, high=65535)
DEBUG = env.flag("DEBUG", default=False)
PUBLIC = env.origin("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
PUBLIC_URL = PUBLIC.geturl()
HTTPS = PUBLIC.scheme == "https"
WEB_THREADS = 8

# What is stored where
DATABASE_URL = env.url(
    "DATABASE_URL",
    f"sqlite:///{DATA_DIR / 'mlsystem.sqlite3'}",
    schemes="sqlite postgres postgresql",
)
REDIS_URL = env.url("REDIS_URL", "", schemes="redis rediss unix")
EMBEDDED_BROKER = not REDIS_URL
ARTIFACTS_URL = env.url(
    "ARTIFACTS_URL", f"file://{DATA_DIR / 'artifacts'}", schemes="file s3"
)
SOURCES = env.sources()
MLSYSTEM_DEFINITIONS = env.modules("MLSYSTEM_DEFINITIONS")
EXAMPLE_DEFINITIONS = "mlsystem.examples"  # their projects are made by `demo`

# Who may reach us
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
ALLOWED_HOSTS = [
    *dict.fromkeys(
        [
            PUBLIC.hostname or "",
            "localhost",
            "127.0.0.1",
            "[::1]",
            *env.hosts("ALLOWED_HOSTS"),
        ]
    )
]
given_secret_key = env.secret("SECRET_KEY", shortest=50)
email_url = env.url(
    "EMAIL_URL",
    "dummymail://",
    schemes="smtp smtps smtp+tls smtp+ssl consolemail filemail dummymail",
)
SENTRY_DSN = env.url("SENTRY_DSN", "", schemes="https http")
OTEL_EXPORTER_OTLP_ENDPOINT = env.url(
    "OTEL_EXPORTER_OTLP_ENDPOINT", "", schemes="https http"
)
env.finish()

REDIS_URL = REDIS_URL or embedded.redis_url(DATA_DIR)
BROKER_URL = embedded.broker_url(REDIS_URL)
SECRET_KEY = given_secret_key or secret.read_or_make(DATA_DIR / "secret_key")
DATABASES = {"default": databases.configuration(DATABASE_URL, threads=WEB_THREADS)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "mlsystem",
        # A dead cache may cost a page a moment, never a thread.
        "OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
}
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "media"  # nothing is stored there: artefacts have a home

# The application
ROOT_URLCONF = "mlsystem.urls"
WSGI_APPLICATION = "mlsystem.wsgi.application"
APPEND_SLASH = False  # both spellings answer; a redirect would lose a POST's body
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "mlsystem",
    "monitoring",
    "labelling",
    "serving",
    "registry",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "mlsystem.middleware.TrustedProxies",
    "mlsystem.middleware.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "registry.web.middleware.Addresses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "registry.web.wide_forms.WideForms",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "registry.web.middleware.Doorkeeper",
]
if OTEL_EXPORTER_OTLP_ENDPOINT:
    MIDDLEWARE.insert(0, "mlsystem.telemetry.Traced")
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = logs.configuration(debug=DEBUG)

# People
AUTH_USER_MODEL = "registry.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"
MESSAGE_TAGS = {  # the states of a notice
    levels.INFO: "unknown",
    levels.SUCCESS: "good",
    levels.WARNING: "warning",
    levels.ERROR: "bad",
}
globals().update(databases.mail(email_url))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"mlsystem@{PUBLIC.hostname}"

# Browsers. A cookie named __Host- is refused over plain http, also on a laptop.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True  # forms and htmx send the token from the page
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "registry.web.late_forms.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_SSL_REDIRECT = HTTPS
SECURE_SSL_HOST = PUBLIC.netloc if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz/?$", r"^readyz/?$"]  # probes speak plain http
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # see TrustedProxies
USE_X_FORWARDED_HOST = bool(TRUSTED_PROXIES)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; "  # Plotly sets style attributes
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# Request bodies: the REST front has its own limits, these hold for forms.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024**2
# Of everybody; a page of thousands of columns says so itself (registry/web/wide_forms.py).
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024**2

# REST
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "registry.web.authentication.KeyAuthentication",
        "registry.web.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["registry.web.access.Denied"],
    "DEFAULT_PARSER_CLASSES": ["registry.web.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "registry.web.problems.handler",
    "URL_FORMAT_OVERRIDE": None,  # ?format=csv is ours
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "mlsystem",
    "DESCRIPTION": "A whole machine-learning system: labels in, predictions out.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["registry.web.openapi.finish"],
}
