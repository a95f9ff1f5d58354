"""Configuration is read once, strictly, and defaults give a working laptop."""

import os
import re
import runpy
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from mlsystem import checks, secret
from mlsystem.env import SettingError
from mlsystem.version import BASE_DIR

OURS = re.compile(
    r"PORT|HOST|SECRET_KEY|DEBUG|PUBLIC_URL|ALLOWED_HOSTS|TRUSTED_PROXIES|DATABASE_URL"
    r"|REDIS_URL|ARTIFACTS_URL|DATA_DIR|SOURCE_.*_URL|MLSYSTEM_DEFINITIONS|EMAIL_URL"
    r"|DJANGO_ALLOW_ASYNC_UNSAFE|SENTRY_DSN|OTEL_EXPORTER_OTLP_ENDPOINT"
)


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Reads the settings as a new process would, from these variables alone."""

    def read(**variables: str) -> dict[str, Any]:
        for name in [name for name in os.environ if OURS.fullmatch(name)]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(BASE_DIR / "mlsystem" / "settings.py"))

    return read


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not OURS.fullmatch(k)}
    return subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", *arguments],
        env=inherited | {"DJANGO_SETTINGS_MODULE": "mlsystem.settings"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- defaults -------------------------------------------------------------------------


def test_without_any_variable_a_laptop_works(load, tmp_path):
    found = load()

    assert (found["HOST"], found["PORT"], found["DEBUG"]) == ("127.0.0.1", 8000, False)
    assert found["PUBLIC_URL"] == "http://127.0.0.1:8000"
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "mlsystem.sqlite3")
    assert found["REDIS_URL"].startswith("unix://")
    assert found["ARTIFACTS_URL"] == f"file://{tmp_path}/artifacts"
    assert found["SOURCES"] == {}


def test_an_empty_variable_counts_as_not_set(load):
    assert load(PORT="", DEBUG=" ")["PORT"] == 8000


def test_data_lies_in_the_projects_own_folder_wherever_it_is_started(
    load, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)

    # The key is given, so that reading the default writes nothing into ./var.
    assert load(DATA_DIR="", SECRET_KEY="k" * 60)["DATA_DIR"] == BASE_DIR / "var"
    assert load(DATA_DIR="here")["DATA_DIR"] == tmp_path / "here"


# --- strictness -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DEBUG", "yes", "DEBUG='yes': write true or false."),
        ("DEBUG", "True", "DEBUG='True': write true or false."),
        ("PORT", "80a", "PORT='80a': write a whole number from 1 to 65535."),
        ("PORT", "0", "PORT='0': write a whole number from 1 to 65535."),
        ("PORT", "70000", "PORT='70000': write a whole number from 1 to 65535."),
        ("PUBLIC_URL", "ml.example", "PUBLIC_URL='ml.example': write https://host"),
        ("PUBLIC_URL", "https://ml.example/app", "no path."),
        ("PUBLIC_URL", "https://me:pw@ml.example", "no path."),
        ("PUBLIC_URL", "ftp://ml.example", "write https://host"),
        ("PUBLIC_URL", "https://ml.example:port", "write https://host"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS: '*' in the list"),
        ("ALLOWED_HOSTS", "a.example,http://b", "'http://b' in the list"),
        ("TRUSTED_PROXIES", "proxy", "TRUSTED_PROXIES: 'proxy' in the list"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' in the list"),
        ("MLSYSTEM_DEFINITIONS", "a/b.py", "MLSYSTEM_DEFINITIONS: 'a/b.py'"),
        ("SECRET_KEY", "short", "SECRET_KEY: 5 characters; write at least 50."),
        ("SOURCE_warehouse_URL", "sqlite:///x", "SOURCE_warehouse_URL: write SOURCE_"),
        ("SOURCE_DWH_URL", "no-url", "SOURCE_DWH_URL: write a URL that begins with"),
        ("SOURCE_DWH_URL", "mysql://u:hunter2@h/d", "with postgresql:"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "DATABASE_URL: write a URL that"),
        ("DATABASE_URL", "sqlite://:memory:", "is empty in every other process"),
        (
            "REDIS_URL",
            "localhost:6379",
            "REDIS_URL: write a URL that begins with redis:",
        ),
        ("ARTIFACTS_URL", "/srv", "ARTIFACTS_URL: write a URL that begins with file:"),
        (
            "EMAIL_URL",
            "me@example.org",
            "EMAIL_URL: write a URL that begins with smtp:",
        ),
    ],
)
def test_a_value_that_is_not_understood_stops_the_start(
    load, variable, value, sentence
):
    with pytest.raises(SettingError) as refusal:
        load(**{variable: value})

    assert sentence in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_every_mistake_is_told_at_once(load):
    with pytest.raises(SettingError) as refusal:
        load(DEBUG="1", PORT="-1", PUBLIC_URL="x")

    assert len(str(refusal.value).splitlines()) == 3


def test_a_command_answers_a_bad_setting_with_a_sentence_and_no_traceback(tmp_path):
    ended = manage("check", DATA_DIR=str(tmp_path), DEBUG="yes")

    assert ended.returncode == 2
    assert ended.stderr == (
        "mlsystem cannot start:\nDEBUG='yes': write true or false.\n"
    )


def test_the_readme_lists_every_variable():
    code = (BASE_DIR / "mlsystem" / "settings.py").read_text("utf-8")
    variables = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", code))
    readme = (BASE_DIR / "README.md").read_text("utf-8")

    assert {"PORT", "DATABASE_URL", "TRUSTED_PROXIES"} <= variables
    assert {name for name in variables if f"`{name}`" not in readme} == set()
    assert "`SOURCE_<NAME>_URL`" in readme


# --- what a variable does -------------------------------------------------------------


def test_the_public_address_is_allowed_beside_loopback_and_trusted_for_forms(load):
    found = load(PUBLIC_URL="https://ml.example", ALLOWED_HOSTS="b.example")

    assert set(found["ALLOWED_HOSTS"]) == {
        *("ml.example", "b.example", "localhost", "127.0.0.1", "[::1]")
    }
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://ml.example"]


def test_an_https_address_hardens_the_cookies_and_redirects(load):
    found = load(PUBLIC_URL="https://ml.example/")

    assert found["PUBLIC_URL"] == "https://ml.example"
    assert found["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert found["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert found["SESSION_COOKIE_SECURE"]
    assert found["CSRF_COOKIE_SECURE"]
    assert found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600


def test_over_plain_http_signing_in_still_works(load):
    found = load(PORT="9000")

    assert found["CSRF_TRUSTED_ORIGINS"] == ["http://127.0.0.1:9000"]
    assert not found["SESSION_COOKIE_SECURE"]
    assert not found["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert not found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] == 0


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8"])
def test_the_deployment_check_is_clean_with_an_https_address(tmp_path, proxies):
    ended = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        DATA_DIR=str(tmp_path),
        PUBLIC_URL="https://ml.example",
        TRUSTED_PROXIES=proxies,
    )

    assert ended.returncode == 0, ended.stderr
    # Without a proxy to believe, every page would redirect to itself: say so.
    assert ("mlsystem.I001" in ended.stderr) == (not proxies)


def test_sqlite_gets_the_options_that_were_measured(load):
    options = load()["DATABASES"]["default"]["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_gets_a_bounded_pool_and_keeps_its_url_options(load):
    found = load(DATABASE_URL="postgresql://erin:p%40ss@db:5433/ml?sslmode=require")[
        "DATABASES"
    ]["default"]

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db", 5433, "ml")
    assert (found["USER"], found["PASSWORD"]) == ("erin", "p@ss")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["pool"]["max_size"] >= settings.WEB_THREADS
    assert found["OPTIONS"]["pool"]["timeout"] <= 10
    assert found["CONN_HEALTH_CHECKS"]


def test_sources_are_collected_by_name(load):
    found = load(SOURCE_DWH_URL="postgresql://dwh/sales", SOURCE_CSV_2_URL="file:///p")

    assert found["SOURCES"] == {"dwh": "postgresql://dwh/sales", "csv_2": "file:///p"}


def test_a_redis_url_takes_the_place_of_the_embedded_broker(load):
    found = load(REDIS_URL="redis://:pw@cache:6379/2")

    assert not found["EMBEDDED_BROKER"]
    assert found["BROKER_URL"] == "redis://:pw@cache:6379/2"
    assert found["CACHES"]["default"]["LOCATION"] == "redis://:pw@cache:6379/2"


def test_mail_goes_where_its_url_says(load):
    found = load(EMAIL_URL="smtp+tls://erin:pw@mail.example:587")

    assert found["EMAIL_HOST"] == "mail.example"
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == (587, True)


def test_a_definition_module_that_is_missing_fails_the_check():
    with override_settings(MLSYSTEM_DEFINITIONS=["json", "no.such_thing", "nothing"]):
        found = checks.definitions_can_be_found()

    assert [error.id for error in found] == ["mlsystem.E001", "mlsystem.E001"]
    assert "no.such_thing" in found[0].msg


# --- the secret key -------------------------------------------------------------------


def test_the_secret_key_is_made_once_and_readable_by_its_owner_alone(load, tmp_path):
    first = load()["SECRET_KEY"]

    assert len(first) >= 50
    assert load()["SECRET_KEY"] == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(lambda _: secret.read_or_make(tmp_path / "key"), range(64))
        )

    assert len(set(found)) == 1
    assert os.listdir(tmp_path) == ["key"]


def test_a_secret_key_that_others_can_read_is_refused(load, tmp_path):
    load()
    (tmp_path / "secret_key").chmod(0o644)

    with pytest.raises(SettingError, match="chmod 600"):
        load()


def test_a_secret_key_cut_short_is_refused_with_the_cure(tmp_path):
    key = tmp_path / "key"
    key.touch(mode=0o600)

    with pytest.raises(SettingError, match="Delete it to get a new one"):
        secret.read_or_make(key)
