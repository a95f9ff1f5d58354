"""Settings of the test run: the product's own, on data that is thrown away."""

import atexit
import os
import shutil
import tempfile

# Before anything reads it: a test run never sees ./var.
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="mlsystem-tests-")
# Playwright's event loop runs in the test's own thread, where Django would refuse.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from mlsystem.settings import *  # noqa: E402, F403
from mlsystem.settings import (  # noqa: E402
    CACHES,
    DATA_DIR,
    DATABASES,
    EMBEDDED_BROKER,
    STATIC_ROOT,
    STORAGES,
)

# A file, so that threads and child processes share it as they do in production.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "tests.sqlite3")}
    # No test cuts the power; fsync would cost half of the run.
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    )
if EMBEDDED_BROKER:
    CACHES["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
STORAGES["staticfiles"]["BACKEND"] = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
)
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
