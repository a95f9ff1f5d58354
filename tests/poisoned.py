"""Families of models that misbehave, for the builder's tests."""

import os
import signal
import time
from typing import Any

from mlsystem.builder.families import Family
from mlsystem.builder.space import Float
from registry.estimators.baselines import Majority

ENDLESS = 600  # seconds, where a test waits for no end


class Raises(Majority):
    def _fit(self, *args: Any) -> None:
        raise RuntimeError("the well is poisoned")


class Dies(Majority):
    def _fit(self, *args: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Sleeps(Majority):
    def _fit(self, *args: Any) -> None:
        time.sleep(ENDLESS)


class Eats(Majority):
    def _fit(self, *args: Any) -> None:
        bytearray(64 << 30)


class Talks(Majority):
    def _fit(self, *args: Any) -> None:
        print("not JSON")
        os.write(1, b'{"result": {}}\n')
        super()._fit(*args)


class Nan(Majority):
    def _raw(self, table: Any) -> Any:
        return super()._raw(table) * float("nan")


class SlowOnAllRows(Majority):
    """Quick on a fold, endless on all rows: a refit that cannot end in time."""

    def _fit(self, table: Any, *args: Any) -> None:
        if table.n >= 120:
            time.sleep(ENDLESS)
        super()._fit(table, *args)


class Slow(Majority):
    def _fit(self, *args: Any) -> None:
        time.sleep(0.4)
        super()._fit(*args)


def _family(model: type[Majority]) -> Family:
    def make(params: dict[str, Any], *, seed: int, **schema: Any) -> Majority:
        return model(**schema)

    return Family(
        make=make,
        defaults=lambda task, metric: {"x": 1.0},
        space=lambda task, fields: {"x": Float(0, 10)},
        types=(f"{model.__module__}.{model.__name__}",),
    )


FAMILIES = {
    model.__name__.lower(): _family(model)
    for model in (Raises, Dies, Sleeps, Eats, Talks, Nan, SlowOnAllRows, Slow)
}
