"""Every process knows the text of the modules that it started with."""

import pytest
from celery.signals import worker_init

from mlsystem import celery  # noqa: F401  # connects
from registry import definition_store
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

BARE = 'p = Project("orders", task="regression", target="minutes", unit="min")\n'


def test_children_know_the_text_that_was_there_before_they_were_forked(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = modules.write(BARE)
    broken = modules.write("x = = 1")
    ours = [one for one in worker_init.receivers if "fixups.django" not in repr(one)]
    monkeypatch.setattr(worker_init, "receivers", ours)

    worker_init.send(sender=None)  # as Celery does, before its pool
    modules.write(BARE.replace("min", "h"), name)
    modules.write(BARE.replace("orders", "late"), broken)

    found = definition_store.find("orders")
    assert found is not None
    assert found.settings["unit"] == "min"
    with pytest.raises(definition_store.DefinitionBroken):
        definition_store.find("late")
