"""Images as columns of a matrix: every image of a field at one size, grey or in colour."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.images import SIDE

Floats = NDArray[np.float64]
MOST_COLUMNS = 1024  # of a field: 32 × 32 in grey, 18 × 18 in colour
SMALLEST_SIDE = 4
REGIONS = 4  # rows and columns of regions by which an image is explained


@dataclass(frozen=True)
class Frame:
    """What all images of a field are brought to."""

    side: int
    colour: bool

    @property
    def columns(self) -> int:
        return self.side * self.side * (3 if self.colour else 1)


def frame_of(images: NDArray[Any]) -> Frame:
    """The usual size of these images, in colour where one of them is."""
    shapes = [image.shape for image in images if image is not None]
    colour = any(len(shape) == 3 for shape in shapes)
    usual = int(np.median([max(shape[:2]) for shape in shapes])) if shapes else 0
    most = int((MOST_COLUMNS / (3 if colour else 1)) ** 0.5)
    return Frame(min(max(usual, SMALLEST_SIDE), most, SIDE), colour)


def matrix(images: NDArray[Any], frame: Frame) -> Floats:
    """(n, columns) from 0, black, to 1; NaN where there is no image."""
    found = np.full((len(images), frame.columns), np.nan)
    for row, image in enumerate(images):
        if image is not None:
            found[row] = _fitted(image, frame).ravel()
    return found / 255.0


def _fitted(image: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    if image.ndim == 2 and frame.colour:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape[:2] != (frame.side, frame.side):
        from PIL import Image

        shrinks = min(image.shape[:2]) >= frame.side  # then pixels are averaged
        how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        scaled = Image.fromarray(image).resize((frame.side, frame.side), how)
        image = np.asarray(scaled, dtype=np.uint8)
    if image.ndim == 3 and not frame.colour:  # colour was never seen in training
        image = (image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return image


def region_of(frame: Frame) -> tuple[NDArray[np.intp], list[str]]:
    """The region of each column, and what a person calls each region."""
    place = np.arange(frame.side) * REGIONS // frame.side
    by_pixel = place[:, None] * REGIONS + place[None, :]
    channels = 3 if frame.colour else 1
    names = [
        f"row {down + 1} of {REGIONS}, column {right + 1} of {REGIONS}"
        for down in range(REGIONS)
        for right in range(REGIONS)
    ]
    return np.repeat(by_pixel.ravel(), channels), names
