"""The embedded broker's address, the same in every process of one DATA_DIR."""

import hashlib
import os
import tempfile
from pathlib import Path

from mlsystem.env import SettingError

# The kernel's limit is 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 100


def socket_path(data_dir: Path) -> Path:
    """Where the private valkey-server of this DATA_DIR listens.

    Inside DATA_DIR (0700), or, where that path is too long for a socket, in a folder
    of the user's own below the temporary directory, named by the hash of DATA_DIR.
    """
    path = data_dir / "broker" / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"mlsystem-{os.getuid()}-{digest}"
    _must_be_ours(folder)
    return folder / "valkey.sock"


def _must_be_ours(folder: Path) -> None:
    """A stranger who made the folder first could hand us tasks of his own."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise SettingError(
            f"DATA_DIR is too long for a socket, and {folder} is not a folder of "
            "yours alone: write a shorter DATA_DIR or set REDIS_URL."
        )


def redis_url(data_dir: Path) -> str:
    """As redis-py and Django's cache spell it."""
    return f"unix://{socket_path(data_dir)}"


def broker_url(redis: str) -> str:
    """As Celery spells the same address."""
    if redis.startswith("unix://"):
        return "redis+socket://" + redis.removeprefix("unix://")
    return redis


def broker_answers(data_dir: Path) -> bool:
    """Whether the private server of this DATA_DIR is there and has loaded its log."""
    import redis

    client = redis.Redis.from_url(redis_url(data_dir), socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
