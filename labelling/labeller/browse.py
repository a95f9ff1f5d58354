"""Component 2, Data Labeller: finds examples and answers. Filters use indexes; a search
in the text looks at a bounded number of rows, and says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform

from labelling.models import FROM_PRODUCTION, Annotation, Example, Flag
from registry.models import Project, User

PAGE = 50
LOOKED_AT = 10_000  # rows that one search in the text reads
STATES = Example.State.values
SEARCHED = ("text", "categorical")


class Holds(Func):
    """Whether a list in JSON holds a word: `contains` is unknown to SQLite."""

    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        given = {"arg_joiner": ") WHERE value = ", **more}
        template = "EXISTS (SELECT 1 FROM json_each(%(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **given)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        given = {"arg_joiner": " @> to_jsonb(", **more}
        template = "(%(expressions)s::text))"
        return self.as_sql(compiler, connection, template=template, **given)


@dataclass(kw_only=True)
class Found:
    """A page of rows; `after` is the id to go on from, `more` why there is more."""

    rows: list[Any] = field(default_factory=list)
    after: int | None = None
    cut: bool = False  # the search stopped before the page was full


def examples(
    project: Project, *, asked: Mapping[str, str], before: int | None
) -> Found:
    """Newest first, by `state`, `answer`, `annotator`, `source`, `flagged`, `text`."""
    rows = _narrowed(project, asked).select_related("payload", "duplicate_of")
    if before:
        rows = rows.filter(pk__lt=before)
    rows = rows.order_by("-pk")
    text = asked.get("text", "").strip()
    if not text:
        return _page(list(rows[: PAGE + 1]))
    return _searched(rows, project, text)


def _page(rows: list[Any]) -> Found:
    more = len(rows) > PAGE
    return Found(rows=rows[:PAGE], after=rows[PAGE - 1].pk if more else None)


def _narrowed(project: Project, asked: Mapping[str, str]) -> QuerySet[Example]:
    rows = Example.objects.filter(project=project)
    if asked.get("state") in STATES:
        rows = rows.filter(state=asked["state"])
    if answer := asked.get("answer"):
        several = project.task == Project.Task.MULTILABEL
        rows = rows.filter(
            Holds(F("answer"), Value(answer)) if several else Q(answer=answer)
        )
    if name := asked.get("annotator"):
        by = Annotation.objects.filter(
            example=OuterRef("pk"), state="submitted", user__username=name
        )
        rows = rows.filter(Exists(by))
    source = asked.get("source")
    if source == "production":
        rows = rows.filter(FROM_PRODUCTION)
    elif source == "imported":
        rows = rows.filter(~FROM_PRODUCTION)
    elif source == "gold":
        rows = rows.filter(gold__isnull=False)
    if asked.get("flagged"):
        rows = rows.filter(
            Exists(Flag.objects.filter(example=OuterRef("pk"), replied_at=None))
        )
    return rows


def _holding(
    rows: QuerySet[Any], project: Project, text: str, *, prefix: str = ""
) -> QuerySet[Any]:
    """The key begins with it, or a field of words holds it."""
    condition = Q(**{f"{prefix}key__startswith": text})
    fields = [
        one["name"]
        for one in project.fields
        if one["kind"] in SEARCHED and one["name"] != project.target
    ]
    for place, name in enumerate(fields):
        words = KeyTextTransform(name, f"{prefix}payload__data")
        rows = rows.alias(**{f"words{place}": words})
        condition |= Q(**{f"words{place}__icontains": text})
    return rows.filter(condition)


def answers_of(
    project: Project, user: User, *, asked: Mapping[str, str], before: int | None
) -> Found:
    """One's own answers, newest first, by `state` and `text`."""
    rows = (
        Annotation.objects.filter(example__project=project, user=user)
        .exclude(state="draft")
        .select_related("example__payload")
        .order_by("-pk")
    )
    if asked.get("state") in Annotation.State.values:
        rows = rows.filter(state=asked["state"])
    if before:
        rows = rows.filter(pk__lt=before)
    text = asked.get("text", "").strip()
    if not text:
        return _page(list(rows[: PAGE + 1]))
    return _searched(rows, project, text, prefix="example__")


def _searched(
    rows: QuerySet[Any], project: Project, text: str, *, prefix: str = ""
) -> Found:
    """A page of those that hold the text, among the next 10 000."""
    ids = list(rows.values_list("pk", flat=True)[:LOOKED_AT])
    if not ids:
        return Found()
    near = rows.filter(pk__gte=ids[-1])
    found = _page(list(_holding(near, project, text, prefix=prefix)[: PAGE + 1]))
    if found.after is None and len(ids) == LOOKED_AT:
        found.after, found.cut = ids[-1], True
    return found
