"""Bring your own table by one command: exit code, live baseline, clear refusals."""

import random
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from registry.models import ModelVersion, Project
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


def test_with_run_the_better_model_goes_live(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", deliveries(1500))
    code, out, err = create(path, "--run", "--budget", "120")
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
    code, out, _ = create(path, "--run", "--budget", "120")
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


def test_ten_thousand_categories_are_told(tmp_path: Path) -> None:
    lines = [
        f"{line.split(',', 1)[0]},{line.split(',', 1)[1]},street {i % 900}"
        for i, line in enumerate(deliveries(1000))
    ]
    code, out, err = create(write(tmp_path / "d.csv", lines, f"{HEADER},street"))
    assert code == 0, err
    assert "street" in out


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
