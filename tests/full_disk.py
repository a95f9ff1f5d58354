"""A file on a disk that has no room left."""

import errno
import io
from typing import Any


class FullDisk(io.BytesIO):
    """In place of `tempfile`'s files: it opens, and takes nothing."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def write(self, _: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")
