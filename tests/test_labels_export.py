"""Labels go out as CSV, NDJSON, Parquet and Label Studio's JSON, streamed and harmless."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from labelling.labeller import export
from labelling.labeller.annotate import Answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from labelling.models import Example
from registry.models import Project
from tests.calls import Rest
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS = [
    {"name": "text", "kind": "text"},
    {"name": "words", "kind": "integer"},
    {"name": "paid", "kind": "boolean"},
]


def make_labelled(texts: dict[str, Any], **changes: Any) -> Project:
    """A project in which Erin has labelled these texts, and left one open."""
    project = make_project(
        "mail", **{"target": "spam", "fields": FIELDS, "entity": []} | changes
    )
    erin = make_user("Erin", project=project, role="labeller")
    items = [
        {"payload": {"text": text, "words": n, "paid": n % 2 == 0}, "key": f"mail {n}"}
        for n, text in enumerate([*texts, "left open"])
    ]
    import_examples(project=project, items=enumerate(items), now=NOW)
    for n, value in enumerate(texts.values()):
        example = Example.objects.get(key=f"mail {n}")
        Example.objects.filter(pk=example.pk).update(priority=1)
        (card,) = hand_out(
            project=project, user=erin, reviews=False, count=1, now=NOW
        ).cards
        submit(
            project=project,
            example_id=card.example.pk,
            user=erin,
            reviews=False,
            token=card.lease.token,
            answer=Answer(value=value),
            client_key=f"k{n}",
            count=0,
            now=NOW,
        )
    return project


def download(project: Project, kind: str = "") -> Any:
    rest = Rest(project, make_key(project, "label", name=kind or "csv"))
    answer = rest.get(f"labels?format={kind}" if kind else "labels")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Disposition"].startswith("attachment; ")
    return answer, b"".join(answer.streaming_content)


def test_csv_names_the_target_so_that_it_can_be_uploaded_again() -> None:
    project = make_labelled({"hello": "No", "buy, now": "Yes"})
    answer, body = download(project)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert list(rows[0]) == [
        "example_id", "key", "text", "words", "paid", "spam", "agreement", "annotators",
    ]  # fmt: skip
    assert [(row["text"], row["spam"]) for row in rows] == [
        ("hello", "No"),
        ("buy, now", "Yes"),
    ]
    assert (rows[0]["paid"], rows[0]["annotators"]) == ("true", "Erin")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_nothing(text: str) -> None:
    _, body = download(make_labelled({text: "No"}), "csv")
    (row,) = csv.DictReader(io.StringIO(body.decode(), newline=""))
    assert row["text"] == f"'{text}"
    assert row["words"] == "0"


def test_a_field_of_our_names_keeps_its_name() -> None:
    fields = [{"name": "key", "kind": "text"}, {"name": "agreement", "kind": "text"}]
    project = make_project("mail", target="spam", fields=fields)
    assert export.columns(project) == [
        "example_id", "key_", "key", "agreement", "spam", "agreement_", "annotators",
    ]  # fmt: skip


def test_lines_hold_everything() -> None:
    answer, body = download(make_labelled({"=1+1": "No", "\u00e9": "Yes"}), "jsonl")
    assert answer["Content-Type"] == "application/x-ndjson"
    first, second = [json.loads(line) for line in body.splitlines()]
    assert first["payload"] == {"text": "=1+1", "words": 0, "paid": True}
    assert (first["label"], first["annotators"]) == ("No", ["Erin"])
    assert (second["key"], second["payload"]["text"]) == ("mail 1", "\u00e9")


def test_label_studio_reads_its_own_shape() -> None:
    _, body = download(make_labelled({"hello": "No", "buy": "Yes"}), "label-studio")
    tasks = json.loads(body)
    assert [task["data"]["text"] for task in tasks] == ["hello", "buy"]
    (annotation,) = tasks[1]["annotations"]
    assert annotation["result"][0]["type"] == "choices"
    assert annotation["result"][0]["value"] == {"choices": ["Yes"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "label-studio", "parquet"])
def test_no_label_is_a_file_too(kind: str) -> None:
    _, body = download(make_labelled({}), kind)
    if kind == "csv":
        assert body.decode().count("\n") == 1
    elif kind == "label-studio":
        assert json.loads(body) == []
    elif kind == "parquet":
        assert read_parquet(body).num_rows == 0
    else:
        assert body == b""


def read_parquet(body: bytes) -> Any:
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(body))


def test_parquet_is_typed() -> None:
    _, body = download(make_labelled({"hello": "No", "buy": "Yes"}), "parquet")
    table = read_parquet(body)
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "string", "string", "int64", "bool", "string", "double", "string",
    ]  # fmt: skip
    assert table["spam"].to_pylist() == ["No", "Yes"]
    assert table["paid"].to_pylist() == [True, False]


@pytest.mark.parametrize(
    ("task", "label", "cell", "result"),
    [
        ("regression", 2.5, "2.5", {"number": 2.5}),
        ("multilabel", ["a", "b"], '["a", "b"]', {"choices": ["a", "b"]}),
    ],
)
def test_numbers_and_several_classes(
    task: str, label: Any, cell: str, result: dict[str, Any]
) -> None:
    project = make_labelled(
        {"hello": label},
        task=task,
        classes=["a", "b"],
        positive_class="",
        silence="unknown",
    )
    (row,) = csv.DictReader(io.StringIO(download(project, "csv")[1].decode()))
    assert row["spam"] == cell
    (task_,) = json.loads(download(project, "label-studio")[1])
    assert task_["annotations"][0]["result"][0]["value"] == result
    assert read_parquet(download(project, "parquet")[1])["spam"].to_pylist() == [label]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "label-studio", "parquet"])
def test_pieces_join_without_loss(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 2)
    project = make_labelled({f"text {n}": "No" for n in range(5)})
    _, body = download(project, kind)
    found = str(read_parquet(body)["text"]) if kind == "parquet" else body.decode()
    assert [f"text {n}" for n in range(5) if f"text {n}" not in found] == []


def test_a_duplicate_is_a_row_of_its_own() -> None:
    project = make_labelled({"hello": "No"})
    payload = Example.objects.get(key="mail 0").payload.data
    twin = {"payload": payload, "key": "twin"}
    import_examples(project=project, items=[(0, twin)], now=NOW)
    rows = [json.loads(line) for line in download(project, "jsonl")[1].splitlines()]
    assert [(row["key"], row["label"], row["annotators"]) for row in rows] == [
        ("mail 0", "No", ["Erin"]),
        ("twin", "No", ["Erin"]),
    ]


def test_an_unknown_format_is_refused() -> None:
    project = make_labelled({})
    rest = Rest(project, make_key(project, "label"))
    assert rest.get("labels?format=xlsx").status_code == 400
    assert rest.get("labels", Accept="image/png").status_code == 406


def test_the_command_writes_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_labelled({"hello": "No"})
    for kind in ("csv", "jsonl", "label-studio"):
        call_command("export_labels", "mail", format=kind)
        assert capsys.readouterr().out.encode() == download(project, kind)[1]
    out = tmp_path / "labels.parquet"
    call_command("export_labels", "mail", "--format", "parquet", "--out", str(out))
    assert read_parquet(out.read_bytes())["spam"].to_pylist() == ["No"]
    with pytest.raises(CommandError, match="no project"):
        call_command("export_labels", "nowhere")
