"""An artefact appears whole, is verified before it is read, and stays where it belongs."""

import hashlib
import os
from pathlib import Path

import pytest
from pytest_django import Settings

from registry import storage

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(params=["file", "memory"])
def artifacts(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> str:
    """A folder, and a store that only fsspec reaches (as it does S3)."""
    settings.DATA_DIR = tmp_path / "data"
    name = tmp_path.name
    settings.ARTIFACTS_URL = (
        f"file://{tmp_path}/artifacts"
        if request.param == "file"
        else f"memory://{name}/prefix"
    )
    return str(settings.ARTIFACTS_URL)


def spoil(url: str, path: str) -> None:
    """Change the stored bytes behind our back."""
    import fsspec

    with fsspec.open(f"{url}/{path}", "wb") as file:
        file.write(b"jello")


def test_bytes_come_back_as_a_verified_file(artifacts: str) -> None:
    stored = storage.put_bytes(path="models/churn/3.skops", data=b"hello")
    assert stored == storage.Stored("models/churn/3.skops", HELLO, 5)
    copy = storage.local_copy(uri=stored.uri, sha256=stored.sha256)
    assert copy.read_bytes() == b"hello"
    assert storage.local_copy(uri=stored.uri, sha256=stored.sha256) == copy


def test_a_file_is_stored_by_pieces(
    artifacts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PIECE", 2)
    local = tmp_path / "local"
    local.write_bytes(b"hello")
    stored = storage.put_file(path="a/b", local=local)
    assert (stored.sha256, stored.size) == (HELLO, 5)
    assert storage.local_copy(uri="a/b", sha256=HELLO).read_bytes() == b"hello"


def test_another_content_than_was_stored_is_refused(artifacts: str) -> None:
    storage.put_bytes(path="a/b", data=b"hello")
    spoil(artifacts, "a/b")
    with pytest.raises(storage.ArtifactError, match="not what was stored") as error:
        storage.local_copy(uri="a/b", sha256=HELLO)
    assert error.value.permanent


@pytest.mark.faults
def test_a_file_changed_after_its_first_reading_is_noticed(artifacts: str) -> None:
    storage.put_bytes(path="a/b", data=b"hello")
    copy = storage.local_copy(uri="a/b", sha256=HELLO)
    copy.write_bytes(b"jellos")
    if artifacts.startswith("file"):
        with pytest.raises(storage.ArtifactError):
            storage.local_copy(uri="a/b", sha256=HELLO)
    else:  # only the cached copy went bad: it is fetched again
        again = storage.local_copy(uri="a/b", sha256=HELLO)
        assert again.read_bytes() == b"hello"


@pytest.mark.faults
def test_a_missing_file_says_so(artifacts: str) -> None:
    with pytest.raises(storage.ArtifactError, match="a/b is missing"):
        storage.local_copy(uri="a/b", sha256=HELLO)


def test_deleting_twice_is_no_error(artifacts: str) -> None:
    storage.put_bytes(path="a/b", data=b"hello")
    storage.delete("a/b")
    storage.delete("a/b")
    with pytest.raises(storage.ArtifactError):
        storage.local_copy(uri="a/b", sha256=HELLO)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.x", "a\\b", "a/b\n"]
)
def test_no_path_leads_out_of_the_store(artifacts: str, path: str) -> None:
    with pytest.raises(ValueError, match="no artefact path"):
        storage.put_bytes(path=path, data=b"hello")
    with pytest.raises(ValueError, match="no artefact path"):
        storage.local_copy(uri=path, sha256=HELLO)


@pytest.mark.faults
def test_a_crash_while_writing_leaves_nothing_behind(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARTIFACTS_URL = f"file://{tmp_path}"
    storage.put_bytes(path="a/b", data=b"hello")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.put_bytes(path="a/b", data=b"other")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b").read_bytes() == b"hello"
