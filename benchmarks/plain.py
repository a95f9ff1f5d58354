"""What most people deploy: a scikit-learn pipeline behind a bare WSGI function.

No key, no check, no log, nothing stored. Started by benchmarks/serving.py with the
training table in PLAIN_TABLE.
"""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def fitted() -> Any:
    table = pd.read_parquet(os.environ["PLAIN_TABLE"])
    truth = table.pop("churn")
    numbers = list(table.select_dtypes("number"))
    words = [name for name in table if name not in numbers]
    if os.environ["PLAIN_MODEL"] == "trees":
        encoder: Any = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1
        )
        model: Any = HistGradientBoostingClassifier(max_iter=100)
        scaled: Any = "passthrough"
    else:
        encoder = OneHotEncoder(handle_unknown="ignore")
        model = LogisticRegression(max_iter=500)
        scaled = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [("numbers", scaled, numbers), ("words", encoder, words)]
    )
    return make_pipeline(columns, model).fit(table, truth)


MODEL = fitted()


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    body = json.load(environ["wsgi.input"])
    share = MODEL.predict_proba(pd.DataFrame([body["input"]]))[0, 1]
    answer = {"prediction": "Yes" if share >= 0.5 else "No", "score": float(share)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
