"""Component 2, Data Labeller: an answer as a form sends it."""

from typing import Any

from django.http import QueryDict

from labelling.labeller.annotate import Answer, read_answer
from registry.errors import FieldError, InvalidInput
from registry.models import Project

LONGEST = 500


def read_form(form: QueryDict, project: Project) -> Answer:
    """`value` (several of them, where several classes may be said), or `do` or `value`
    saying that nobody can tell; with a `comment`, if there is one."""
    several = project.task == Project.Task.MULTILABEL
    cannot = form.get("do") == "cannot_tell" or form.get("cannot_tell") == "yes"
    said: Any = None
    if not cannot and several:
        said = form.getlist("value")
    elif not cannot and project.is_classification:
        said = form.get("value")
    elif not cannot:
        said = _number(form.get("value", ""))
    answer = read_answer(project=project, value=said, cannot_tell=cannot)
    comment = form.get("comment", "").strip()[:LONGEST]
    return Answer(value=answer.value, comment=comment)


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        message = f"{text[:40]!r} is no number: write 12.5."
        raise InvalidInput(message, errors=[FieldError("value", message)]) from None
