"""One chart of every kind, for the style guide and for tests."""

from datetime import UTC, datetime, timedelta

from registry.web.charts import Chart
from registry.web.figures import (
    Mark,
    Series,
    bars,
    forest,
    heatmap,
    histogram,
    line,
    scatter,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=day) for day in range(8)]
LIVE = Series(
    name="Version 7",
    role="live",
    x=DAYS,
    y=[0.81, 0.82, None, 0.8, 0.84, 0.83, float("nan"), 0.85],
    low=[0.78, 0.8, None, 0.77, 0.8, 0.8, None, 0.8],
    high=[0.84, 0.85, None, 0.83, 0.87, 0.86, None, 0.9],
    n=[120, 130, 0, 110, 140, 150, 3, 90],
    links=[f"/p/churn/predictions?day={day:%Y-%m-%d}" for day in DAYS],
)
RULE = Series(name="Baseline", role="baseline", x=DAYS, y=[0.7] * 8, dashed=True)
NAMES = ["=SUM(A1)", "One year", "Two year"]


def charts() -> dict[str, Chart]:
    shares = Series(name="Reference", role="baseline", x=NAMES, y=[0.5, 0.3, 0.2])
    today = Series(name="Now", role="live", x=NAMES, y=[0.4, 0.4, 0.2])
    by_name = Series(
        name="Cost", role="live", x=NAMES, y=[3.0, 5.0, 4.0], low=[2.0, 4.0, None],
        high=[4.0, 6.0, None], n=[10, 20, 3], links=["/p/churn", None, None],
    )  # fmt: skip
    points = Series(name="Observed", role="live", x=[0.1, 0.1, 0.9], y=[0.2, 0.3, 0.8])
    return {
        "line": line(
            title="The metric holds at 0.83.",
            unit="AUC",
            x="Day",
            series=[LIVE, RULE],
            marks=[
                Mark(at=DAYS[3], text="Version 7 live", role="live"),
                Mark(at=DAYS[3] + timedelta(hours=6), text="The campaign starts"),
            ],
            shade=(DAYS[6], DAYS[7], "truth still arriving"),
        ),
        "bars": bars(
            title="One-year contracts cost most.", unit="USD", x="Contract",
            series=[by_name], across=True,
        ),
        "histogram": histogram(
            title="Contracts have shifted.", x="Contract", y="share",
            series=[shares, today],
        ),
        "scatter": scatter(
            title="Scores are a little low.", x="Score", y="Share that left",
            series=[points], diagonal=True,
        ),
        "forest": forest(
            title="One-year contracts are worst.", x="Cost", unit="USD",
            y="Contract", series=by_name, reference=4.0,
        ),
        "heatmap": heatmap(
            title="Tenure drifts since Tuesday.", x=DAYS, y=["tenure", "contract"],
            z=[[0.1 * day for day in range(8)], [None] * 8],
            names=("Day", "Feature", "PSI"), top=1.0,
            links=[["/p/churn/monitor?feature=tenure"] * 8, [None] * 8],
        ),
        "empty": line(title="Nobody asked.", series=[], empty="No predictions in March."),
    }  # fmt: skip
