"""An image is read alike whatever it comes as: upright, small, grey or in colour; what
is none, or would eat the machine, is refused with words."""

import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from registry import images
from registry.schema import check_row
from tests.small_images import BROKEN, IMAGE, encoded, of_pixels

HALF = np.zeros((10, 20), dtype=np.uint8)
HALF[:, :10] = 200  # the left half is bright


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_every_format_reads_the_same(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    small = images.small(of_pixels(HALF, form, **options))
    assert small.shape == (10, 20)
    assert np.abs(small.astype(int) - HALF).max() < 10


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_an_image_is_turned_as_the_camera_says(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    small = images.small(of_pixels(HALF, form, exif=exif))
    assert small.shape == (20, 10)
    assert small[:10].mean() > 150 > 50 > small[10:].mean()


def test_a_large_photo_becomes_small_and_keeps_its_proportions() -> None:
    photo = Image.fromarray(np.tile(HALF, (120, 60))).convert("RGB")
    for form in ("PNG", "JPEG", "WEBP"):
        assert max(images.small(encoded(photo, form)).shape) == images.SIDE
    assert images.size(encoded(photo)) == ("PNG", 1200, 1200)


def test_colour_is_kept_where_there_is_some_and_only_there() -> None:
    grey = Image.fromarray(HALF)
    assert images.small(encoded(grey.convert("RGB"))).ndim == 2
    red = Image.new("RGB", (4, 4), (200, 0, 0))
    assert images.small(encoded(red)).shape == (4, 4, 3)
    for mode in ("1", "P", "LA", "RGBA", "I;16"):
        assert images.small(encoded(grey.convert(mode))).ndim == 2
    assert images.small(encoded(Image.new("CMYK", (4, 4)), "JPEG")).shape[:2] == (4, 4)


def test_greys_of_sixteen_bits_are_not_cut_off() -> None:
    deep = Image.fromarray(HALF.astype(np.uint16) * 256)
    np.testing.assert_array_equal(images.small(encoded(deep)), HALF)


def test_what_is_transparent_is_white() -> None:
    assert (images.small(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))) == 255).all()


@pytest.mark.parametrize("name", BROKEN)
def test_garbage_is_refused_at_its_field_quickly_and_in_little_memory(
    name: str,
) -> None:
    text, told = BROKEN[name]
    tracemalloc.start()
    began = time.thread_time()  # of our own: others may be busy
    _, _, errors = check_row([IMAGE], {"photo": text})
    took, (_, peak) = time.thread_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert errors[0].field == "input.photo"
    assert told in errors[0].message
    assert took < 1
    assert peak < 20_000_000


def test_no_image_is_a_missing_value() -> None:
    assert check_row([IMAGE], {})[0] == {"photo": None}
