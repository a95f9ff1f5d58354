"""Registry: an image as models read it: upright, small, grey or in colour. Pure.

Training and serving read images here and nowhere else, so orientation, size and colour
are handled alike. What is no image, or too large to open, is refused before it is.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SIDE = 32  # pixels: the longer side of what models read
LONGEST_SIDE = 12_000  # pixels of what may come in
MOST_PIXELS = 25_000_000  # 75 MB unpacked
FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP"}  # by Pillow's name
STARTS = {"iVBORw0KGgo": "PNG", "/9j/": "JPEG", "UklGR": "WebP"}  # of their base64
WANTED = "a PNG, JPEG or WebP image in base64"
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # greys of more than 8 bits


def format_of(text: str) -> str | None:
    """PNG, JPEG or WebP by the first bytes of its base64, or None.

    >>> format_of("iVBORw0KGgo="), format_of("hello")
    ('PNG', None)
    """
    name = next((STARTS[start] for start in STARTS if text.startswith(start)), None)
    return name if name and _decoded(text) is not None else None


# The same string is checked, then read by a model: it is unpacked once.
@lru_cache(maxsize=8)
def small(text: str) -> NDArray[np.uint8]:
    """The image as models read it: (height, width), or (height, width, 3) in colour;
    the longer side at most 32 pixels. ValueError says what is wrong with it."""
    with _opened(text) as image:
        import numpy as np
        from PIL import Image

        try:
            image.draft(None, (2 * SIDE, 2 * SIDE))  # a JPEG is unpacked small at once
            upright = _upright(image)
            upright.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            name = FORMATS[str(image.format)]
            told = f"This {name} is damaged: a part of it is missing or wrong."
            raise ValueError(told) from error
    pixels = np.asarray(upright, dtype=np.uint8)
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    pixels.setflags(write=False)
    return pixels


def png(pixels: Sequence[Sequence[int]]) -> str:
    """Rows of greys from 0, black, to 255, white, as an image's field wants them.

    >>> small(png([[0, 255], [128, 0]])).tolist()
    [[0, 255], [128, 0]]
    """
    from PIL import Image

    greys = bytes(grey for row in pixels for grey in row)
    buffer = BytesIO()
    Image.frombytes("L", (len(pixels[0]), len(pixels)), greys).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def size(text: str) -> tuple[str, int, int]:
    """Format, width and height, without unpacking it.

    >>> size("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgAB"
    ...      "SK+kcQAAAABJRU5ErkJggg==")
    ('PNG', 1, 1)
    """
    with _opened(text) as image:
        return FORMATS[str(image.format)], image.width, image.height


def told(text: str) -> str:
    """An image in a few words, where its base64 would say nothing."""
    try:
        name, width, height = size(text)
    except ValueError:
        return "an image that cannot be read"
    return f"{name}, {width} \N{MULTIPLICATION SIGN} {height} pixels"


def _opened(text: str) -> Image.Image:
    data = _decoded(text) if text.startswith(tuple(STARTS)) else None
    if data is None:
        raise ValueError(f"Write {WANTED}.")
    from PIL import Image, UnidentifiedImageError

    too_large = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        image = Image.open(BytesIO(data), formats=tuple(FORMATS))
    except too_large:
        raise ValueError(_too_large("It")) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        raise ValueError(f"It cannot be opened: write {WANTED}.") from None
    width, height = image.size
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        image.close()
        raise ValueError(_too_large(f"{width} \N{MULTIPLICATION SIGN} {height} pixels"))
    return image


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # not base64, or not even ASCII
        return None


def _too_large(what: str) -> str:
    most = f"{MOST_PIXELS // 10**6} million pixels, {LONGEST_SIDE:,} on a side"
    return f"{what} is too large: send at most {most}."


def _upright(image: Image.Image) -> Image.Image:
    """As a person sees it: turned as the camera says, on white where transparent."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:
        return image.convert("I").point(lambda grey: grey / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")
