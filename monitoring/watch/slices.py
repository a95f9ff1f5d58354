"""Component 4, the monitor page: where the model is worse than on the whole."""

from monitoring.monitor.rollups import outcomes_of
from monitoring.watch.asked import Asked
from monitoring.watch.over_time import read, unit_of
from monitoring.watch.rollups import grouped, pieces
from registry.web.charts import Chart
from registry.web.figures import Series, forest
from registry.written import number

MOST_SLICES = 20
NO_SLICES = "No slice has enough truth yet. Slices are named in the project's gate."


def slices_chart(asked: Asked) -> Chart:
    """Every declared slice's metric with its interval, the worst on top."""
    pk = asked.first.version.pk
    parts = grouped(
        pieces(asked, "outcomes", versions=[pk], slices=True), lambda p: p.slice
    )
    found = [
        (name, answer)
        for name, group in parts.items()
        if (answer := read(asked, outcomes_of(group)))["value"] is not None
    ]
    metric = asked.metric
    found.sort(key=lambda pair: pair[1]["value"], reverse=not metric.larger_is_better)
    found = found[:MOST_SLICES]
    whole = {"value": None}
    if found:
        whole = read(asked, outcomes_of(pieces(asked, "outcomes", versions=[pk])))
    title = f"{metric.label} by slice."
    if found:
        name, worst = found[0]
        title = f"{metric.label} is worst where {name.replace('=', ' is ', 1)}: {number(worst['value'])}"
        title += f", {number(whole['value'])} overall." if whole["value"] else "."
    return forest(
        title=title,
        series=Series(
            name=metric.label,
            role=asked.first.role,
            x=[name for name, _ in found],
            y=[answer["value"] for _, answer in found],
            low=[answer["low"] for _, answer in found],
            high=[answer["high"] for _, answer in found],
            n=[answer["n"] for _, answer in found],
        ),
        x=metric.label,
        y="Slice",
        unit=unit_of(asked),
        reference=whole["value"],
        empty=NO_SLICES,
    )
