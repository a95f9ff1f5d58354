"""Component 4, Performance Monitor: how things are, in the sentence above its charts."""

from collections.abc import Mapping, Sequence

from monitoring.models import Alert
from monitoring.verdicts.terms import counted
from registry.templatetags.words import percent

State = Alert.State


def sentence(
    wrong: Mapping[str, Sequence[str]], *, n: int, failed: float | None, version: int
) -> str:
    r"""What is wrong, by the state of its alert; else what came in.

    >>> answers = {"n": 1200, "failed": 0.002, "version": 7}
    >>> sentence({"firing": ["inputs", "truth"]}, **answers)
    '2 alerts fire and need somebody: inputs and truth.'
    >>> sentence({}, **answers)
    'Nothing is wrong, as far as it is known: 1\u202f200 answers of version 7 in this period, 0.2\xa0% failed.'
    """
    if firing := wrong.get(State.FIRING):
        one = len(firing) == 1
        said = (
            "An alert fires and needs" if one else f"{len(firing)} alerts fire and need"
        )
        return f"{said} somebody: {_listed(firing)}."
    if seen := wrong.get(State.ACKNOWLEDGED):
        return f"Somebody looks after what is wrong: {_listed(seen)}."
    answers = counted(n, "answer") if n else "no answer"
    found = f"{answers} of version {version} in this period"
    if n and failed is not None:
        found += f", {percent(failed, 1) if failed else 'none'} failed"
    if unsure := wrong.get(State.PENDING):
        return f"Not sure yet whether something is wrong: {_listed(unsure)}; {found}."
    if muted := wrong.get(State.MUTED):
        return f"What is wrong is muted: {_listed(muted)}; {found}."
    return f"Nothing is wrong, as far as it is known: {found}."


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
