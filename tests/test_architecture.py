"""Five floors, imports only downwards; and what the import linter cannot see."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from mlsystem.version import BASE_DIR

FLOORS = ("registry", "serving", "labelling", "monitoring", "mlsystem")
PROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))
# A cold import of one of these costs a web worker seconds and 160 MB.
HEAVY = ("sklearn", "pandas", "lightgbm", "optuna", "ibis", "onnxruntime", "plotly")


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_import_contract_holds():
    linter = Path(sys.executable).with_name("lint-imports")

    ended = subprocess.run(
        [linter, "--no-logo", "--no-cache"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout


def test_the_linter_watches_all_five_floors_in_their_order():
    contracts = {
        found["id"]: found for found in PROJECT["tool"]["importlinter"]["contracts"]
    }

    assert contracts["floors"]["layers"] == list(reversed(FLOORS))
    assert set(contracts["cycles"]["ancestors"]) == set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_no_table_points_at_a_higher_floor(floor):
    upwards = [
        f"{model.__name__}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_app_config(floor).get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if field.is_relation
        and not field.auto_created
        and field.related_model
        and field.related_model._meta.app_label in FLOORS
        and FLOORS.index(field.related_model._meta.app_label) > FLOORS.index(floor)
    ]

    assert upwards == []


def test_every_floor_has_tables_to_walk():
    with_tables = {
        floor for floor in FLOORS if list(apps.get_app_config(floor).get_models())
    }

    assert with_tables >= {"registry", "serving", "labelling", "monitoring"}


def test_no_generic_relation_escapes_the_walk():
    generic = [
        f"{model.__name__}.{field.name}"
        for floor in FLOORS
        for model in apps.get_app_config(floor).get_models()
        for field in model._meta.private_fields
        if type(field).__name__ == "GenericForeignKey"
    ]

    assert generic == []


@pytest.mark.parametrize("floor", FLOORS)
def test_importing_a_floor_runs_nothing(floor):
    assert (BASE_DIR / floor / "__init__.py").read_bytes() == b""


def test_pure_code_loads_where_there_is_no_django():
    contracts = {
        found["id"]: found for found in PROJECT["tool"]["importlinter"]["contracts"]
    }
    pure = contracts["pure"]["source_modules"]

    ended = run(
        """
import importlib, pkgutil, sys

class NoDjango:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "rest_framework", "celery"}:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, NoDjango())
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", []), name + "."):
        importlib.import_module(found.name)
""",
        *pure,
    )

    assert ended.returncode == 0, ended.stderr


def test_the_web_starts_without_the_heavy_libraries(tmp_path):
    ended = run(
        """
import os, sys
os.environ |= {"DJANGO_SETTINGS_MODULE": "mlsystem.settings", "DATA_DIR": sys.argv[1]}
import mlsystem.wsgi
from django.urls import get_resolver
assert get_resolver().url_patterns
print(*sorted(set(sys.argv[2:]) & set(sys.modules)))
""",
        str(tmp_path),
        *HEAVY,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == []
