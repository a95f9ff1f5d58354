"""The forms by which somebody brings a table, step by step, as a browser sends them."""

from io import BytesIO
from typing import Any

from django.http import HttpResponse
from django.test import Client

from mlsystem import tasks  # noqa: F401  # registers the tasks
from registry import tasks as registry_tasks  # noqa: F401
from registry.models import Draft, User
from tests.pages import text
from tests.test_create_project import HEADER


def newcomer() -> Client:
    """Nina, somebody new, who may create projects."""
    user = User.objects.create(username="Nina", may_create_projects=True)
    client = Client()
    client.force_login(user)
    return client


def csv(lines: list[str], header: str = HEADER, name: str = "late-orders.csv") -> Any:
    file = BytesIO("\n".join([header, *lines, ""]).encode())
    file.name = name
    return file


def take(client: Client, file: Any) -> Draft:
    """Upload a file; its draft."""
    answer = client.post("/new", {"file": file})
    assert answer.status_code == 302, text(answer)
    return Draft.objects.get(pk=answer.headers["Location"].rsplit("/", 1)[-1])


def step(client: Client, draft: Draft, place: str, /, **form: Any) -> HttpResponse:
    return client.post(f"/new/{draft.pk}/{place}", form)


def target_form(**changes: str) -> dict[str, str]:
    given = {"target": "late", "task": "", "name": "Late orders", "slug": ""}
    return given | {"time": "", "group": ""} | changes


def columns_form(client: Client, draft: Draft, **changes: str) -> dict[str, str]:
    """What the page's form holds, with `use-distance=""` and the like."""
    form = {}
    rows = client.get(f"/new/{draft.pk}/columns").context["rows"]
    for row in rows:
        form |= {f"kind-{row['place']}": row["kind"]}
        form |= {f"use-{row['place']}": "on"} if row["use"] else {}
        form |= {f"required-{row['place']}": "on"} if row["required"] else {}
    places = {row["name"]: row["place"] for row in rows}
    for key, value in changes.items():
        what, _, name = key.partition("_")
        form[f"{what}-{places[name]}"] = value
    return {key: value for key, value in form.items() if value}


def to_baseline(client: Client, draft: Draft, **target: str) -> None:
    """Through the first three steps with what was guessed."""
    step(client, draft, "target", **target_form(**target))
    step(client, draft, "columns", **columns_form(client, draft))
    step(client, draft, "value", costs="none", silence="unknown")
