"""Bring your own table by one command: exit code, live baseline, clear refusals."""

import os
import random
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from registry.models import Membership, ModelVersion, Project
from serving.models import Rollout

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
HEADER = "order_id,distance,weather,hour,late"


def deliveries(n: int = 700, seed: int = 1, *, told: bool = True) -> list[str]:
    """Rows of a table never seen: late where it is far and snows, if anything tells."""
    dice = random.Random(seed)
    lines = []
    for i in range(n):
        distance, weather = dice.uniform(0, 18), dice.choice(["sun", "rain", "snow"])
        chance = 0.1 + 0.04 * distance + 0.15 * (weather == "snow") if told else 0.3
        late = "yes" if dice.random() < chance else "no"
        lines.append(f"O{i:05},{distance:.2f},{weather},{dice.randrange(24)},{late}")
    return lines


def write(path: Path, lines: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def create(path: Path, *more: str, target: str = "late") -> tuple[int, str, str]:
    """Exit code, what was printed, and what went wrong."""
    out, err = StringIO(), StringIO()
    arguments = ("deliveries", "--data", str(path), "--target", target, *more)
    try:
        call_command("create_project", *arguments, stdout=out, stderr=err)
    except SystemExit as leaving:
        return int(leaving.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_baseline_is_live_at_once(tmp_path: Path) -> None:
    code, out, _ = create(write(tmp_path / "d.csv", deliveries(200)))
    assert code == 0
    rollout = Rollout.objects.get(project__slug="deliveries")
    assert rollout.live == rollout.baseline
    assert (rollout.live.kind, rollout.live.number) == ("baseline", 1)
    assert "order_id" in out
    assert "ROC AUC 0.5" in out
    project = rollout.project
    assert [f["name"] for f in project.fields] == ["distance", "weather", "hour"]
    assert (project.task, project.positive_class) == ("binary", "yes")


def test_on_an_empty_installation_its_first_administrator_gets_the_project(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "d.csv", deliveries(200))
    code, out, err = create(path)
    assert code == 0, err
    member = Membership.objects.get()
    assert (member.user.username, member.role) == ("admin", "admin")
    told = re.search(r"Administrator: admin, password (\S+) \(shown this once\)", err)
    assert told
    assert "password" not in out
    assert Client().login(username="admin", password=told[1])


FRESH = """
import sys
from django.core.management import CommandError, call_command

for command in (["run", "x"], ["apikey", "create", "x", "--scope", "read"]):
    try:
        call_command(*command, stderr=sys.stdout)
    except (SystemExit, CommandError) as error:
        print(command[0], error)
try:
    call_command("create_project", "deliveries", "--data", sys.argv[1], "--target", "late")
finally:
    from registry.models import Membership
    print(list(Membership.objects.values_list("project__slug", "role")))
"""


def test_on_a_machine_with_no_database_yet_commands_make_it_or_say_who_does(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "d.csv", deliveries(100))
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code = f"import django; django.setup()\n{FRESH}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=clean
        | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "mlsystem.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cure = "migrations are not applied to the database: run `manage.py migrate`"
    assert done.stdout.count(cure) == 2, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "[('deliveries', 'admin')]" in done.stdout


def test_with_run_the_better_model_goes_live(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", deliveries(1500))
    code, out, err = create(path, "--run", "--budget", "600")
    assert code == 0, out + err
    rollout = Rollout.objects.get(project__slug="deliveries")
    assert (rollout.live.kind, rollout.live.state) == ("trained", "accepted")
    assert rollout.previous == rollout.baseline
    assert "It is live" in out
    event = rollout.project.rollout_events.first()
    assert event.action == "promote"
    assert "ROC AUC" in event.reason
    assert event.numbers["gain"] > 0


def test_a_model_no_better_is_rejected_and_the_baseline_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", deliveries(400, told=False))
    code, out, _ = create(path, "--run", "--budget", "600")
    assert code == 1, out
    rollout = Rollout.objects.get(project__slug="deliveries")
    assert rollout.live == rollout.baseline
    assert ModelVersion.objects.get(kind="trained").state == "rejected"
    assert "rejected" in out


def test_numbers_to_predict_get_a_mean(tmp_path: Path) -> None:
    lines = [f"{i % 7},{i * 1.5 + i % 5}" for i in range(120)]
    path = write(tmp_path / "d.csv", lines, "day,price")
    code, out, err = create(path, target="price")
    assert code == 0, err
    rollout = Rollout.objects.get()
    assert (rollout.project.task, rollout.live.algorithm) == ("regression", "mean")
    assert "Mean absolute error" in out


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line.rsplit(",", 1)[0] + ",no" for line in deliveries(100)], "every row"),
        ([line.rsplit(",", 1)[0] + "," for line in deliveries(100)], "0 rows"),
        (deliveries(2), "2 rows"),
        ([line.replace(",", "~") for line in deliveries(100)], "delimiter"),
        (
            [
                line.rsplit(",", 1)[0] + f",c{i}"
                for i, line in enumerate(deliveries(99))
            ],
            "99 classes",
        ),
    ],
    ids=["one class", "all missing", "two rows", "wrong delimiter", "an identifier"],
)
def test_a_broken_table_is_refused_and_nothing_is_left(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    code, _, err = create(write(tmp_path / "d.csv", lines))
    assert code == 2
    assert says in err
    assert "Traceback" not in err
    assert not Project.objects.exists()


def test_a_constant_number_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", [f"{i},7.5" for i in range(60)], "day,price")
    code, _, err = create(path, "--task", "regression", target="price")
    assert (code, Project.objects.exists()) == (2, False)
    assert "price" in err


def test_latin_1_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    text = "\n".join([HEADER, *deliveries(60)]).replace("snow", "Schnee für")
    path.write_bytes(text.encode("latin-1"))
    code, _, err = create(path)
    assert (code, Project.objects.exists()) == (2, False)
    assert "UTF-8" in err


def test_ten_thousand_categories_are_told_and_read_as_text(tmp_path: Path) -> None:
    lines = [f"street {i % 10_000},{'no' if i % 3 else 'yes'}" for i in range(12_000)]
    code, out, err = create(write(tmp_path / "d.csv", lines, "street,late"))
    assert code == 0, err
    assert "Inputs: street (text)." in out
    told = re.search(r"street: (\d\u202f\d+) different short values: read as text", out)
    assert told
    assert (
        7_500 < int(told[1].replace("\u202f", "")) < 10_000
    )  # test rows are not looked at


@pytest.mark.parametrize("budget", ["0", "-5", "999999999"])
def test_a_budget_that_cannot_be_used_is_refused_and_nothing_is_left(
    tmp_path: Path, budget: str
) -> None:
    path = write(tmp_path / "d.csv", deliveries(60))
    code, _, err = create(path, "--run", f"--budget={budget}")
    assert code == 2
    assert "budget: Write 1 to" in err
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--target", "lateness"), "lateness"),
        (("--time", "when"), "when"),
        (("--data", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, more: tuple[str, ...], says: str
) -> None:
    code, _, err = create(write(tmp_path / "d.csv", deliveries(60)), *more)
    assert code == 2
    assert says in err


def test_a_taken_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", deliveries(60))
    assert create(path)[0] == 0
    code, _, err = create(path)
    assert code == 2
    assert "already" in err
