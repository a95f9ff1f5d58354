"""Artefacts: immutable files under ARTIFACTS_URL, known by their SHA-256.

A file appears complete or not at all (temporary name, fsync, rename), and is verified
before anybody reads it. Sealed truth is not handed out here: see registry/seal.py.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from registry.errors import ArtifactError

SEALED = "sealed"  # first folder of test truth
PIECE = 1024**2
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_verified: set[tuple[str, str, int, int, int]] = set()  # of this process


@dataclass(frozen=True)
class Stored:
    """Where a file lies (relative to ARTIFACTS_URL), what it holds, how large it is."""

    uri: str
    sha256: str
    size: int


def put_bytes(*, path: str, data: bytes) -> Stored:
    """Store bytes under a relative path such as `models/churn/3.skops`."""
    digest = hashlib.sha256(data).hexdigest()
    if folder := _folder():
        with _local_file(folder / _checked(path)) as file:
            file.write(data)
    else:
        # An object store shows an object only once its upload is complete.
        system, root = _remote()
        system.pipe_file(f"{root}/{_checked(path)}", data)
    return Stored(uri=path, sha256=digest, size=len(data))


def put_file(*, path: str, local: Path) -> Stored:
    """Store a local file under a relative path, a piece at a time."""
    digest, size = hashlib.sha256(), 0
    folder = _folder()
    with (
        local.open("rb") as source,
        _local_file(folder / _checked(path)) if folder else nullcontext() as file,
    ):
        while piece := source.read(PIECE):
            digest.update(piece)
            size += len(piece)
            if file:
                file.write(piece)
    if not folder:
        system, root = _remote()
        system.put_file(str(local), f"{root}/{_checked(path)}")
    return Stored(uri=path, sha256=digest.hexdigest(), size=size)


def local_copy(*, uri: str, sha256: str) -> Path:
    """A verified file on this machine; what lies elsewhere is fetched once."""
    if uri.partition("/")[0] == SEALED:
        raise ArtifactError(f"{uri} is sealed: only the Evaluator looks at test truth.")
    return fetch(uri=uri, sha256=sha256)


def fetch(*, uri: str, sha256: str) -> Path:
    """`local_copy` without the seal; registry/seal.py alone may call it directly."""
    if folder := _folder():
        path = folder / _checked(uri)
        if not path.is_file():
            raise ArtifactError(f"{uri} is missing under ARTIFACTS_URL.")
        _verify(path, uri=uri, sha256=sha256)
        return path
    cached = Path(settings.DATA_DIR) / "cache" / sha256[:2] / sha256
    if cached.is_file():
        try:
            _verify(cached, uri=uri, sha256=sha256)
        except ArtifactError:
            cached.unlink(missing_ok=True)  # the copy went bad, perhaps not the file
        else:
            return cached
    return _download(uri=uri, sha256=sha256, cached=cached)


def is_gone(uri: str) -> bool:
    """Whether a file that should lie on this machine is not there. Of no file, and of
    files elsewhere, nothing is said: no page waits for another machine."""
    folder = _folder()
    if folder is None or not uri:
        return False
    try:
        return not (folder / _checked(uri)).is_file()
    except ValueError:
        return True


def delete(uri: str) -> None:
    """Remove a file; one that is not there is no error."""
    if folder := _folder():
        (folder / _checked(uri)).unlink(missing_ok=True)
        return
    system, root = _remote()
    try:
        system.rm_file(f"{root}/{_checked(uri)}")
    except FileNotFoundError:
        pass


def _checked(path: str) -> str:
    """The path, if it cannot lead anywhere else."""
    if not path or not all(_PART.match(part) for part in path.split("/")):
        raise ValueError(f"{path!r} is no artefact path: write a/b/c.parquet.")
    return path


def _folder() -> Path | None:
    """The folder of a file:// ARTIFACTS_URL, else None."""
    scheme, _, rest = settings.ARTIFACTS_URL.partition("://")
    return Path(rest) if scheme == "file" else None


def _remote() -> tuple[Any, str]:
    import fsspec

    system, root = fsspec.core.url_to_fs(settings.ARTIFACTS_URL)
    return system, root.rstrip("/")


@contextmanager
def _local_file(target: Path) -> Iterator[Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # the name, too, survives power loss
    finally:
        os.close(descriptor)


def _download(*, uri: str, sha256: str, cached: Path) -> Path:
    system, root = _remote()
    try:
        with (
            system.open(f"{root}/{_checked(uri)}", "rb") as source,
            _local_file(cached) as file,
        ):
            while piece := source.read(PIECE):
                file.write(piece)
    except FileNotFoundError as error:
        raise ArtifactError(f"{uri} is missing under ARTIFACTS_URL.") from error
    except OSError as error:
        raise ArtifactError(f"{uri} cannot be fetched now.", permanent=False) from error
    try:
        _verify(cached, uri=uri, sha256=sha256)
    except ArtifactError:
        cached.unlink(missing_ok=True)
        raise
    return cached


def _verify(path: Path, *, uri: str, sha256: str) -> None:
    """Hash a file, once a process as long as it is not touched."""
    status = path.stat()
    seen = (str(path), sha256, status.st_mtime_ns, status.st_size, status.st_ino)
    if seen in _verified:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ArtifactError(
            f"{uri} is not what was stored: SHA-256 {found[:12]}…, not {sha256[:12]}…."
        )
    _verified.add(seen)
