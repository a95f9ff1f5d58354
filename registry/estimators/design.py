"""From typed columns to the numbers of a linear model, by plain scikit-learn parts."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.estimators import pixels
from registry.estimators.table import NUMBERS, Field, Table, category, date_parts

MAX_CATEGORIES = 1000  # one-hot columns of a field; the rest share one
MAX_TERMS = 20_000  # of a text field
DENSE_COLUMNS = 1000  # from here on, and with text, the matrix is sparse
LARGEST = 1e100  # its square is still a number
_AS_NUMBER = ("day_number",)  # other date parts go in circles, so they are categories


class Design:
    """A fitted map from a Table to a matrix, knowing whose column each one is.

    Numbers are imputed by the median with an indicator of what was missing, and scaled;
    categories become one-hot columns (none for one never seen); text becomes TF-IDF,
    and images become pixels, centred on the mean image.
    """

    images_: Mapping[str, Any] = MappingProxyType({})  # files of before have none

    def __init__(
        self,
        *,
        fields: Sequence[Field],
        min_frequency: int = 1,
        ngrams: int = 1,
        min_documents: int = 2,
    ) -> None:
        self.fields = [dict(field) for field in fields]
        self.min_frequency = min_frequency
        self.ngrams = ngrams
        self.min_documents = min_documents

    def fit(self, table: Table) -> "Design":
        self.fit_transform(table)
        return self

    def fit_transform(self, table: Table) -> Any:
        """Fit, and the matrix of these rows: a text is taken apart once."""
        self.owners_: list[str] = []  # the field of each column
        self._fit_numbers(_numbers(table, self.fields))
        self._fit_categories(_categories(table, self.fields))
        self.sparse_ = len(self.owners_) > DENSE_COLUMNS
        self._fit_images(table)
        texts = self._fit_texts(table)
        self.sparse_ = self.sparse_ or bool(self.texts_)
        return self._joined(table, texts)

    def _fit_numbers(self, columns: dict[str, NDArray[Any]]) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        self.imputer_ = self.scaler_ = None
        if not columns:
            return
        self.imputer_ = SimpleImputer(
            strategy="median", add_indicator=True, keep_empty_features=True
        )
        filled = self.imputer_.fit_transform(_stack(columns, float))
        self.scaler_ = StandardScaler().fit(filled)
        owners = [_owner(name) for name in columns]
        indicated = self.imputer_.indicator_.features_
        self.owners_ += owners + [owners[index] for index in indicated]

    def _fit_categories(self, columns: dict[str, NDArray[Any]]) -> None:
        from sklearn.preprocessing import OneHotEncoder

        self.encoder_ = None
        if not columns:
            return
        self.encoder_ = OneHotEncoder(
            handle_unknown="ignore",
            min_frequency=self.min_frequency,
            max_categories=MAX_CATEGORIES,
        ).fit(_stack(columns, object))
        rare = self.encoder_.infrequent_categories_
        for name, known, few in zip(
            columns, self.encoder_.categories_, rare, strict=True
        ):
            hidden = 0 if few is None else len(few) - 1  # they share one column
            self.owners_ += [_owner(name)] * (len(known) - hidden)

    def _fit_images(self, table: Table) -> None:
        """Each field's size and colour, mean image, and spread of its pixels."""
        fitted: dict[str, Any] = {}
        for name in _names(self.fields, ("image",)):
            frame = pixels.frame_of(table.columns[name])
            found = pixels.matrix(table.columns[name], frame)
            known = found[~np.isnan(found[:, 0])]
            if not len(known):
                continue
            fitted[name] = {
                "side": frame.side,
                "colour": frame.colour,
                "mean": known.mean(axis=0),
                "spread": float(known.std(axis=0).mean()) or 1.0,
            }
            self.owners_ += [name] * frame.columns
        self.images_ = fitted

    def frame(self, name: str) -> pixels.Frame:
        """What the images of a field are brought to."""
        about = self.images_[name]
        return pixels.Frame(about["side"], about["colour"])

    def _pixels(self, table: Table, name: str) -> NDArray[np.float64]:
        about = self.images_[name]
        found = pixels.matrix(table.columns[name], self.frame(name)) - about["mean"]
        return np.nan_to_num(found / about["spread"], nan=0.0)  # missing: the mean

    def _fit_texts(self, table: Table) -> list[Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.texts_: dict[str, Any] = {}
        blocks = []
        for name in _names(self.fields, ("text",)):
            vectorizer = TfidfVectorizer(
                ngram_range=(1, self.ngrams),
                min_df=min(self.min_documents, max(1, table.n // 2)),
                max_features=MAX_TERMS,
                sublinear_tf=True,
            )
            try:
                blocks.append(vectorizer.fit_transform(table.columns[name]))
            except ValueError:  # no word occurs often enough: the field says nothing
                continue
            self.texts_[name] = vectorizer
            self.owners_ += [name] * len(vectorizer.vocabulary_)
        return blocks

    def transform(self, table: Table) -> Any:
        """The matrix (n, columns): ndarray, or CSR where sparse."""
        texts = [v.transform(table.columns[name]) for name, v in self.texts_.items()]
        return self._joined(table, texts)

    def _joined(self, table: Table, texts: list[Any]) -> Any:
        blocks: list[Any] = []
        if self.imputer_ is not None and self.scaler_ is not None:
            numbers = _stack(_numbers(table, self.fields), float)
            blocks.append(self.scaler_.transform(self.imputer_.transform(numbers)))
        if self.encoder_ is not None:
            names = _stack(_categories(table, self.fields), object)
            hot = self.encoder_.transform(names)
            blocks.append(hot if self.sparse_ else hot.toarray())
        blocks += [self._pixels(table, name) for name in self.images_]
        blocks += texts
        if not blocks:
            return np.zeros((table.n, 0))
        if not self.sparse_:
            return np.hstack(blocks)
        from scipy import sparse

        return sparse.hstack(blocks, format="csr")


def _names(fields: Sequence[Field], kinds: Sequence[str]) -> list[str]:
    return [field["name"] for field in fields if field["kind"] in kinds]


def _owner(column: str) -> str:
    return column.split("\x1f", maxsplit=1)[0]


def _numbers(table: Table, fields: Sequence[Field]) -> dict[str, NDArray[Any]]:
    found = {
        name: np.clip(table.columns[name], -LARGEST, LARGEST)
        for name in _names(fields, NUMBERS)
    }
    for name in _names(fields, ("datetime",)):
        parts = date_parts(table.columns[name])
        found |= {f"{name}\x1f{part}": parts[part] for part in _AS_NUMBER}
    return found


def _categories(table: Table, fields: Sequence[Field]) -> dict[str, NDArray[Any]]:
    found = {name: table.columns[name] for name in _names(fields, ("categorical",))}
    for name in _names(fields, ("datetime",)):
        for part, values in date_parts(table.columns[name]).items():
            if part not in _AS_NUMBER:
                words = np.array([category(value) for value in values], dtype=object)
                found[f"{name}\x1f{part}"] = words
    return found


def _stack(columns: dict[str, NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.column_stack(list(columns.values())).astype(dtype, copy=False)
