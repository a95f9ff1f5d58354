"""The tutorials are true: their commands are run as they are written."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from mlsystem import baselines
from registry import definition_sync
from tests.calls import Rest
from tests.factories import make_key
from tests.watching import eventually, free_port

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"```(\w+)([^\n]*)\n(.*?)```", re.DOTALL)
MANAGE = f"{sys.executable} {ROOT / 'manage.py'}"
SERVICES = ("DATABASE_URL", "REDIS_URL", "DJANGO_ALLOW_ASYNC_UNSAFE")
# Whatever the server refuses ends the script.
STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Language, what stands beside it, and the text of every block, in order."""
    found = BLOCK.findall((DOCS / page).read_text("utf-8"))
    return [(language, more.strip(), text) for language, more, text in found]


def sh(script: str, *, folder: Path, **more: str) -> str:
    done = subprocess.run(
        ["bash", "-c", STRICT + script],
        cwd=folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.django_db(transaction=True)
def test_a_client_gets_what_the_tutorial_says(live_server, tmp_path: Path) -> None:
    project, _ = definition_sync.install(slug="churn")
    baselines.open_if_missing(project=project)
    key = make_key(project, "predict", "truth")
    owner = make_key(project, "manage", name="owner")
    code = dict.fromkeys(("bash", "python"), "")
    for language, _, text in blocks("tutorial-client.md"):
        code[language] += text
    script = code["bash"].replace("http://127.0.0.1:8000", live_server.url)
    script = re.sub(r"\$\(.* --scope predict .*\)", key, script)
    script = re.sub(r"\$\(.* --scope manage\)", owner, script)
    (tmp_path / "client.py").write_text(code["python"])

    said = sh(f"{script}\n{sys.executable} client.py", folder=tmp_path)

    assert said.count('"feedback_token"') == 6
    assert '"accepted":1' in said
    assert '"label_requested":true' in said
    assert "Nothing is known about it" in said
    assert said.strip().endswith(("}offer", "}wait"))  # curl ends no line


@pytest.fixture
def mine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[str]:
    """The data scientist's module and its data, as the page writes them."""
    for language, beside, text in blocks("tutorial-data-scientist.md"):
        if language == "python":
            path = tmp_path / beside.removeprefix("file=")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif "make_data.py" in text:
            sh(text, folder=tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    settings.MLSYSTEM_DEFINITIONS = ["mine.orders"]
    yield "orders"
    for name in ("mine", "mine.orders"):
        sys.modules.pop(name, None)


@pytest.mark.django_db
def test_a_data_scientists_module_answers_and_both_paths_agree(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the server and the minute of training that the whole tutorial takes."""
    project, _ = definition_sync.install(slug=mine)
    baselines.open_if_missing(project=project)
    call_command("check_project", mine)
    assert "rows are the same in training and serving." in capsys.readouterr().out

    asked = [text for *_, text in blocks("tutorial-data-scientist.md")][-1]
    body = re.search(r"-d '(.*)'", asked)
    assert body is not None
    rest = Rest(project, make_key(project, "predict"))
    answer = rest.post("predict", body[1].encode())
    assert answer.status_code == 200, answer.content
    assert answer.json()["model"] == "orders/1"
    assert set(answer.json()) >= {"prediction", "explanation"}
    assert "warnings" not in answer.json()


@pytest.mark.slow
def test_a_data_scientist_gets_what_the_tutorial_says(tmp_path: Path) -> None:
    port, server, said = free_port(), None, ""
    environment = {
        **{name: v for name, v in os.environ.items() if name not in SERVICES},
        "DATA_DIR": str(tmp_path / "var"),
        "PORT": str(port),
        "PYTHONPATH": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
        "MLSYSTEM_DEFINITIONS": "mine.orders",
    }
    try:
        for language, beside, written in blocks("tutorial-data-scientist.md"):
            text = written.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            text = text.replace(".venv/bin/python manage.py", MANAGE)
            if language == "python":
                path = tmp_path / beside.removeprefix("file=")
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            elif beside == "serve":
                server = serve(environment, tmp_path / "up.log")
                eventually(lambda: is_there(tmp_path, environment), within=180)
            else:
                said = sh(text, folder=tmp_path, **environment)
                assert "run orders" not in text or "Run 1: accepted." in said
        assert '"prediction"' in said
        assert '"explanation"' in said
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=60)


def is_there(folder: Path, environment: dict[str, str]) -> bool:
    said = sh(f"{MANAGE} check_project orders", folder=folder, **environment)
    return "Features of" in said


def serve(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up"],
            env=environment,
            stdout=file,
            stderr=file,
        )
