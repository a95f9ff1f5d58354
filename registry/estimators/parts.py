"""What adds how much to one answer, as finely as a person can follow: a text by its
words, an image by its regions, any other field as a whole."""

import numpy as np
from numpy.typing import NDArray

from registry.estimators import pixels
from registry.estimators.base import Floats, Part
from registry.estimators.design import Design


def of_row(design: Design, added: Floats) -> list[Part]:
    """Parts of one row from what each column of its design adds, (columns,) or
    (columns, k); they add up to the same."""
    owners = np.array(design.owners_, dtype=object)
    parts: list[Part] = []
    for name in dict.fromkeys(design.owners_):
        mine = added[owners == name]
        if name in design.texts_:
            parts += _words(name, mine, design)
        elif name in design.images_ and np.any(mine):
            parts += _regions(name, mine, design.frame(name))
        else:
            parts.append(Part(name, None, mine.sum(axis=0)))
    return parts


def _words(name: str, added: Floats, design: Design) -> list[Part]:
    there = _somewhere(added)
    if not len(there):  # no word that the model knows
        return [Part(name, None, added.sum(axis=0))]
    words = design.texts_[name].get_feature_names_out()
    return [Part(name, str(words[column]), added[column]) for column in there]


def _regions(name: str, added: Floats, frame: pixels.Frame) -> list[Part]:
    region, names = pixels.region_of(frame)
    return [
        Part(name, what, added[region == place].sum(axis=0))
        for place, what in enumerate(names)
    ]


def _somewhere(added: Floats) -> NDArray[np.intp]:
    filled = added != 0
    return np.flatnonzero(filled if filled.ndim == 1 else filled.any(axis=1))
