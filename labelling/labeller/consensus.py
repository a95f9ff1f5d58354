"""Component 2, Data Labeller: what several answers to one example amount to. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from labelling.collector.values import Value

OPEN, DISPUTED, LABELLED, CANNOT_TELL = "open", "disputed", "labelled", "cannot_tell"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    state: str
    value: Value | None = None
    agreement: float | None = None  # share of the answers that say the same


def decide(
    *,
    task: str,
    answers: Sequence[Value | None],
    overlap: int,
    decision: Sequence[Value | None] = (),
    classes: Sequence[str] = (),
) -> Verdict:
    """The verdict on one example; an answer None is "cannot tell".

    A reviewer's `decision` (a list of one answer, or of none) ends it. Else, once `overlap` answers
    are there: the class that most named, several classes each by its own majority, the
    median of numbers. A tie is disputed.

    >>> decide(task="binary", answers=["Yes", "No", "Yes"], overlap=3)
    Verdict(state='labelled', value='Yes', agreement=0.6666666666666666)
    >>> decide(task="binary", answers=["Yes", "No"], overlap=2).state
    'disputed'
    """
    if decision:
        value = decision[0]
        return _final(value, answers)
    if len(answers) < overlap or not answers:
        return Verdict(state=OPEN)
    if task == "regression":
        return _numbers(answers)
    if task == "multilabel":
        return _each_class(answers, classes)
    counted = Counter(answers).most_common(2)
    if len(counted) == 2 and counted[0][1] == counted[1][1]:
        return Verdict(state=DISPUTED, agreement=counted[0][1] / len(answers))
    return _final(counted[0][0], answers)


def _final(value: Value | None, answers: Sequence[Value | None]) -> Verdict:
    agreement = answers.count(value) / len(answers) if answers else None
    state = CANNOT_TELL if value is None else LABELLED
    return Verdict(state=state, value=value, agreement=agreement)


def _numbers(answers: Sequence[Any]) -> Verdict:
    told = [answer for answer in answers if answer is not None]
    unsure = len(answers) - len(told)
    if unsure == len(told):
        return Verdict(state=DISPUTED, agreement=0.5)
    if unsure > len(told):
        return _final(None, answers)
    # How far numbers lie apart is no share: agreement stays unknown.
    return Verdict(state=LABELLED, value=float(median(told)))


def _each_class(answers: Sequence[Any], classes: Sequence[str]) -> Verdict:
    told = [answer for answer in answers if answer is not None]
    unsure = len(answers) - len(told)
    if unsure > len(told):
        return _final(None, answers)
    votes = Counter(name for answer in told for name in answer)
    if unsure == len(told) or any(2 * n == len(told) for n in votes.values()):
        return Verdict(state=DISPUTED, agreement=_most_common_share(answers))
    chosen = [name for name in classes if 2 * votes[name] > len(told)]
    return _final(chosen, answers)


def _most_common_share(answers: Sequence[Any]) -> float:
    return max(answers.count(answer) for answer in answers) / len(answers)
