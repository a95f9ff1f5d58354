"""Registry: model versions are written once, signed, and proven again at every load."""

import hashlib
import hmac
import json
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from registry import artefact, definition_store, storage
from registry.answering import LoadedVersion, ModelFailure
from registry.errors import DomainError, Unavailable
from registry.models import Dataset, ModelVersion, Project, Run, User

PACKAGES = ("numpy", "pandas", "scikit-learn", "lightgbm", "scipy", "skops")
KEPT = 16  # loaded versions a process holds
NUMBER_TRIES = 20  # how often somebody else may take our number


class VersionBroken(Unavailable):
    """A version's file or signature cannot be trusted, or answers differently today."""

    title = "Model version cannot be loaded"

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


def register_version(
    *,
    project: Project,
    kind: str,
    name: str,
    algorithm: str,
    params: Mapping[str, Any],
    fields: Sequence[Mapping[str, Any]],
    features: Mapping[str, Any],
    decision: Mapping[str, Any],
    costs: Mapping[str, Any],
    classes: Sequence[str],
    sample_rows: Sequence[Mapping[str, Any]],
    model: Any = None,
    function: str = "",
    run: Run | None = None,
    dataset: Dataset | None = None,
    by: User | None = None,
    state: str = ModelVersion.State.BUILT,
    card: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """A new version of a project: its file is stored first, then its row.

    `model` is a fitted estimator, or the path of its skops file; a baseline declared in
    code gives `function` ("module:name") instead. `sample_rows` are rows of features as
    the model reads them: some become the golden rows, and its latency is measured there.
    `classes` may be any order: a model's own order of probabilities counts.
    """
    if (model is None) == (not function):
        raise ValueError("Give either a model or the name of a function.")
    version = ModelVersion(
        project=project,
        kind=kind,
        state=state,
        name=name[:120],
        algorithm=algorithm,
        params=dict(params),
        run=run,
        dataset=dataset,
        fields=list(fields),
        features=dict(features),
        decision=dict(decision),
        costs=dict(costs),
        classes=list(classes),
        function=function,
        environment=dict(_environment()),
        card=dict(card or {}),
        created_by=by,
    )
    if model is not None:
        _store_model(version, model, sample_rows)
    _insert(version)
    return version


def load_version(version: ModelVersion) -> LoadedVersion:
    """The version ready to answer: hash, signature, types and golden rows verified.

    Kept per process. Raises VersionBroken.
    """
    key = (version.pk, version.signature, _unit(version.project))
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
        lock = _loading.setdefault(key, threading.Lock())
    with lock:  # one thread loads, the others wait for it
        loaded = _cache.get(key) or _load(version)
        with _cache_lock:
            _cache[key] = loaded
            _loading.pop(key, None)
            while len(_cache) > KEPT:
                _cache.popitem(last=False)
    return loaded


def forget_loaded() -> None:
    """Load everything anew at the next use, as a new process would."""
    _cache.clear()


def signature_of(version: ModelVersion) -> str:
    """HMAC over everything that decides an answer, under SECRET_KEY: whoever can write
    a file or a row, but not read the key, cannot make us serve it."""
    signed = {
        name: getattr(version, name)
        for name in (
            "project_id", "number", "algorithm", "sha256", "function", "fields",
            "features", "decision", "costs", "classes",
        )
    }  # fmt: skip
    text = json.dumps(_canonical(signed), sort_keys=True)
    return salted_hmac("registry.versions", text, algorithm="sha256").hexdigest()


# By primary key, signature, and the word that explanations are in.
_cache: OrderedDict[tuple[int, str, str], LoadedVersion] = OrderedDict()
_cache_lock = threading.Lock()
_loading: dict[tuple[int, str, str], threading.Lock] = {}


def _unit(project: Project) -> str:
    return project.unit or project.target


def _canonical(value: Any) -> Any:
    """Numbers as every database gives them back: PostgreSQL reads 1e22 as an integer."""
    if isinstance(value, dict):
        return {str(key): _canonical(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _store_model(
    version: ModelVersion, model: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    project = version.project
    data = model.read_bytes() if isinstance(model, Path) else artefact.dumps(model)
    # What will serve is what was read back, so that is what is measured and proven.
    digest = hashlib.sha256(data).hexdigest()
    fitted = artefact.loads(data, sha256=digest)
    version.classes = [str(name) for name in fitted.classes_] or version.classes
    if rows:
        version.golden = artefact.golden_rows(fitted, rows)
        version.latency_us = artefact.latency_us(fitted, rows[:50], repeats=50)
    version.proof = {"engine": "scikit-learn", "golden_rows": len(version.golden)}
    path = f"models/{project.slug}/{secrets.token_hex(10)}.skops"
    stored = storage.put_bytes(path=path, data=data)
    version.uri, version.sha256 = stored.uri, stored.sha256
    version.size_bytes = stored.size


def _insert(version: ModelVersion) -> None:
    """Take the project's next number; who comes second takes the one after."""
    for _ in range(NUMBER_TRIES):
        taken = ModelVersion.objects.filter(project_id=version.project_id)
        version.number = (
            taken.order_by("-number").values_list("number", flat=True).first() or 0
        ) + 1
        version.signature = signature_of(version)
        try:
            with transaction.atomic():
                version.save(force_insert=True)
        except IntegrityError:
            version.pk = None
            if not taken.filter(number=version.number).exists():
                raise  # it was another rule that the row broke
        else:
            return
    raise Unavailable("Too many versions are being registered at once.", retry_after=1)


def _load(version: ModelVersion) -> LoadedVersion:
    if not hmac.compare_digest(version.signature, signature_of(version)):
        raise VersionBroken(f"{version}: the signature does not fit its row.")
    project = version.project
    about: dict[str, Any] = {
        "version": version,
        "task": project.task,
        "positive": project.positive_class,
        "unit": _unit(project),
    }
    if version.function:
        return LoadedVersion(function=_function(version), **about)
    loaded = LoadedVersion(model=_model(version), **about)
    inputs = [golden["input"] for golden in version.golden[:1]]
    try:
        loaded.answer(inputs)  # warm: the first answer loads what is lazy
    except ModelFailure as failure:
        raise VersionBroken(f"{version} {failure}") from failure
    return loaded


def _model(version: ModelVersion) -> Any:
    try:
        path = storage.local_copy(uri=version.uri, sha256=version.sha256)
        model = artefact.load(path, sha256=version.sha256)
        artefact.check_golden(model, version.golden)
    except (artefact.ArtifactError, storage.ArtifactError) as error:
        raise VersionBroken(
            f"{version}: {error.detail}", permanent=error.permanent
        ) from error
    return model


def _function(version: ModelVersion) -> Callable[[dict[str, Any]], Any]:
    try:
        return definition_store.baseline_function(version.function)
    except DomainError as error:
        raise VersionBroken(f"{version}: {error.detail}") from error


@cache
def _environment() -> Mapping[str, str]:
    """Once a process: to read what an installed package says of itself takes long."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
