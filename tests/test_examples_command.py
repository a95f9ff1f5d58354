"""`manage.py import_examples`: a file of examples, or the place of what is wrong in it."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labelling.models import Example
from registry.models import Project
from tests.cards import make_mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail() -> Project:
    return make_mail()


def test_a_file_is_imported_by_command(
    mail: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "mails.csv"
    table.write_text("\ufefftext;words;spam\nhello;2;Yes\n=1+1;NA;No\n")
    call_command("import_examples", "mail", str(table))
    assert "2 added, 0 were here" in capsys.readouterr().out
    call_command("import_examples", "mail", str(table))
    assert "0 added, 2 were here" in capsys.readouterr().out
    payload = Example.objects.order_by("pk")[1].payload.data
    assert payload == {"text": "=1+1", "words": None, "spam": "No"}

    lines = tmp_path / "mails.jsonl"
    lines.write_text('"bare"\n{"text": "row"}\n{"payload": {"text": "item"}}\n')
    call_command("import_examples", "mail", str(lines))
    assert Example.objects.count() == 5


def test_dates_in_a_file_are_of_the_projects_zone(
    mail: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Project.objects.update(
        fields=[*mail.fields, {"name": "at", "kind": "datetime"}], zone="Europe/Berlin"
    )
    told = ["2026-05-01", "2026-01-31 12:00:00", "2026-05-01T12:00:00Z", "", "soon"]
    table = tmp_path / "mails.csv"
    table.write_text("text,at\n" + "".join(f"m{i},{at}\n" for i, at in enumerate(told)))
    with pytest.raises(CommandError, match="1 rows were left out"):
        call_command("import_examples", "mail", str(table))
    assert "write a time with an offset" in capsys.readouterr().err
    rows = Example.objects.order_by("pk").values_list("payload__data__at", flat=True)
    assert list(rows) == [
        "2026-05-01T00:00:00+02:00",
        "2026-01-31T12:00:00+01:00",
        "2026-05-01T12:00:00Z",
        None,
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"text,words\na,1\nb\n", "1 rows were left out"),
        (b"text,text\na,b\n", "name every column, each once"),
        (b"", "name every column"),
        ("text\ncaf\u00e9\n".encode("latin-1"), r"Byte 8 \(line 2\) is no UTF-8"),
        (None, "No such file"),
    ],
)
def test_a_broken_file_says_what_is_wrong(
    mail: Project, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    table = tmp_path / "mails.csv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(CommandError, match=complaint):
        call_command("import_examples", "mail", str(table))


def test_nothing_comes_in_of_a_file_with_a_wrong_byte(
    mail: Project, tmp_path: Path
) -> None:
    table = tmp_path / "mails.csv"
    rows = b"".join(b"mail %d\n" % n for n in range(3_000))
    table.write_bytes(b"text\n" + rows + b"caf\xe9\n")
    place = rf"Byte {len(rows) + 8} \(line 3002\)"
    with pytest.raises(CommandError, match=place):
        call_command("import_examples", "mail", str(table))
    assert not Example.objects.exists()
