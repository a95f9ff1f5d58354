"""The secret key: from the environment, else generated once into a 0600 file."""

import os
import secrets
from pathlib import Path

from mlsystem.env import SettingError


def read_or_make(path: Path) -> str:
    """The key in the file; of two processes that start together one writes it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise SettingError(f"{path} can be read by others: chmod 600 {path}")
    key = path.read_text("utf-8").strip()
    if len(key) < 50:
        raise SettingError(
            f"{path} holds {len(key)} characters, not a secret key. Delete it to get "
            "a new one (everybody has to sign in again), or set SECRET_KEY."
        )
    return key
