"""Small images as clients send them: base64, in any format, and broken ones."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGE = {"name": "photo", "kind": "image"}


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return base64.b64encode(buffer.getvalue()).decode()


def of_pixels(pixels: NDArray[Any], form: str = "PNG", **options: Any) -> str:
    return encoded(Image.fromarray(np.asarray(pixels, dtype=np.uint8)), form, **options)


def bars(n: int = 120, *, seed: int = 0, side: int = 8) -> tuple[list[str], list[str]]:
    """Grey noise with a bright bar that lies or stands, somewhere; and which it is."""
    rng = np.random.default_rng(seed)
    texts, names = [], []
    for index in range(n):
        pixels = rng.integers(0, 60, (side, side))
        place = rng.integers(1, side - 1)
        name = ("lying", "standing")[index % 2]
        if name == "lying":
            pixels[place] += 180
        else:
            pixels[:, place] += 180
        texts.append(of_pixels(pixels))
        names.append(name)
    return texts, names


def bomb(width: int = 50_000, height: int = 50_000) -> str:
    """A PNG of a few bytes that says it has this many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(b"\0" * 1000)),
        chunk(b"IEND", b""),
    ]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


NOISE = np.random.default_rng(0).integers(0, 255, (60, 60, 3))
WHOLE, JPEG = of_pixels(NOISE), of_pixels(NOISE, "JPEG")
BROKEN = {  # what people upload, and a word of the answer
    "a bomb": (bomb(), "too large"),
    "a thin one": (bomb(50_000, 1), "too large"),
    "no words": ("", "Write a PNG"),
    "text": ("a cat", "Write a PNG"),
    "a link": ("https://example.com/cat.png", "Write a PNG"),
    "a data URL": ("data:image/png;base64,iVBORw0KGgo=", "Write a PNG"),
    "broken base64": ("iVBORw0KGgo*", "Write a PNG"),
    "base64 of words": (base64.b64encode(b"hello world").decode(), "Write a PNG"),
    "only a header": ("iVBORw0KGgo=", "cannot be opened"),
    "half of it": (WHOLE[: len(WHOLE) // 8 * 4], "damaged"),
    "a GIF": (encoded(Image.new("L", (4, 4)), "GIF"), "Write a PNG"),
    "a JPEG cut": (JPEG[: len(JPEG) // 8 * 4], "damaged"),
}
