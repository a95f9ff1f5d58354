"""Every chart: valid, the same drawn and as a table, never asked for twice in vain."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from registry.web.charts import Chart, as_csv, as_json
from registry.web.figures import Series, bars, colour, line, table
from registry.web.gallery import DAYS, charts
from registry.web.traces import ROLES, Mark
from tests.factories import make_project, make_user

KINDS = list(charts())
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
URLS = pytest.mark.urls("tests.gallery")


@EVERY_KIND
def test_plotly_itself_accepts_what_is_drawn(kind: str) -> None:
    from plotly.graph_objects import Figure

    told = json.loads(as_json(charts()[kind]))

    assert len(Figure(told["figure"]).data) == len(told["figure"]["data"])


@EVERY_KIND
def test_numbers_that_are_none_go_out_as_null(kind: str) -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(word)

    json.loads(as_json(charts()[kind]), parse_constant=refuse)
    assert b"nan" not in as_csv(charts()[kind]).lower()


@EVERY_KIND
def test_every_row_has_a_cell_for_every_column(kind: str) -> None:
    chart = charts()[kind]

    assert all(len(row) == len(chart.head) for row in chart.rows)
    assert not chart.links or len(chart.links) == len(chart.rows)


def test_the_table_says_what_is_drawn() -> None:
    chart = charts()["line"]

    assert chart.head == [
        *("Day", "Version 7", "Version 7: low", "Version 7: high", "Version 7: n"),
        "Baseline",
    ]
    assert chart.rows[0] == [DAYS[0], 0.81, 0.78, 0.84, 120, 0.7]
    assert chart.links[0] == "/p/churn/predictions?day=2026-03-01"


def test_points_at_one_place_have_a_row_each() -> None:
    one = Series(name="Observed", role="live", x=[1, 1, 2], y=[5, 6, 7])

    assert table([one], x="Score")[1] == [[1, 5], [1, 6], [2, 7]]


def test_a_band_has_no_bridge_over_a_gap() -> None:
    band, points = charts()["line"].figure["data"][:2]

    assert band["x"].count(None) == 2
    assert points["y"][2] is None


def test_colours_are_roles_that_the_style_sheet_knows() -> None:
    from django.contrib.staticfiles import finders

    with open(str(finders.find("css/app.css")), encoding="utf-8") as file:
        sheet = file.read()

    for role in ROLES:
        assert f"--chart-{role}:" in sheet
        assert f"--chart-{role}-faint:" in sheet
    with pytest.raises(ValueError, match="'pink' is no role"):
        colour("pink")


def test_csv_does_nothing_in_a_spreadsheet() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(charts()["bars"]).decode())))

    assert rows[0] == ["Contract", "Cost", "low", "high", "n"]
    assert rows[1][0] == "'=SUM(A1)"
    assert rows[3][2] == ""


def test_numpy_goes_out_as_numbers() -> None:
    import numpy as np

    one = Series(name="n", role="live", x=np.arange(2), y=list(np.array([1.5, np.nan])))
    chart: Chart = bars(title="Two.", series=[one])

    assert json.loads(as_json(chart))["rows"] == [[0, 1.5], [1, None]]


@pytest.fixture
def vera(client: Client) -> Client:
    client.force_login(make_user("Vera", project=make_project(), role="viewer"))
    return client


@URLS
@pytest.mark.django_db
def test_who_has_the_answer_already_gets_304(vera: Client) -> None:
    first = vera.get("/p/churn/gallery/line")
    again = vera.get(
        "/p/churn/gallery/line", headers={"If-None-Match": first.headers["ETag"]}
    )
    other = vera.get(
        "/p/churn/gallery/bars", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert first.headers["Content-Type"] == "application/json"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert other.status_code == 200


@URLS
@pytest.mark.django_db
def test_the_rows_are_taken_away_as_csv(vera: Client) -> None:
    found = vera.get("/p/churn/gallery/bars?format=csv")

    assert found.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "one-year-contracts-cost-most.csv" in found.headers["Content-Disposition"]
    assert vera.get("/p/churn/gallery/bars?format=pdf").status_code == 400


def test_what_browsers_load_from_others_is_what_was_fetched() -> None:
    found = subprocess.run(
        [sys.executable, "tools/vendor.py", "check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stderr


def test_the_drawing_library_fits_the_validating_one() -> None:
    from pathlib import Path

    from plotly.offline import get_plotlyjs_version

    script = Path("static/vendor/plotly.js").read_text("utf-8")
    frame = Path("static/js/charts.js").read_text("utf-8")
    styles_of_maps = frame.split('STYLES_OF_MAPS = "')[1].split('"')[0]

    assert f"v{get_plotlyjs_version()}\n" in script[:200]
    assert f'getElementById("{styles_of_maps}")' in script


def test_a_marks_words_end_with_the_chart() -> None:
    began, day = datetime(2026, 11, 1, tzinfo=UTC), timedelta(days=1)
    said = "The fibre campaign starts: from now on monthly contracts"
    marks = [Mark(at=began + number * day, text=said) for number in (2, 8)]

    days = [(began + number * day).date().isoformat() for number in range(11)]
    weeks = Series(name="Live", role="live", x=days, y=[1.0] * 11)

    for span in (None, (began, began + 10 * day)):
        chart = line(title="Cost", series=[weeks], marks=marks, span=span)
        words = [shape["label"] for shape in chart.figure["layout"]["shapes"]]
        assert {label["text"] for label in words} == {"The fibre campaign star…"}
        assert [label["xanchor"] for label in words] == ["left", "right"]
