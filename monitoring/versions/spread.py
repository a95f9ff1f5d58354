"""Drawings of where a version is wrong, and of what moves its answers."""

from collections.abc import Sequence

from monitoring.verdicts.terms import Terms
from monitoring.versions.told import TITLES, Told, errors_of, metric_of, over_numbers
from registry.catalogue import METRICS
from registry.web.charts import Chart
from registry.web.figures import Series, bars, forest, heatmap, histogram, line
from registry.written import number

MOST_SLICES, MOST_FEATURES = 20, 20


def confusion(told: Sequence[Told], terms: Terms) -> Chart:
    found = errors_of(told[0].report)["confusion"]
    counts = found["counts"]
    total = sum(map(sum, counts))
    right = sum(row[i] for i, row in enumerate(counts))
    return heatmap(
        title=f"{number(right)} of {number(total)} rows are answered right",
        x=found["labels"],
        y=found["labels"],
        z=counts,
        names=("Answered", "Was", "rows"),
    )


def errors(told: Sequence[Told], terms: Terms) -> Chart:
    found = errors_of(told[0].report)
    spread, unit = found["histogram"], terms.target_unit
    middles = [
        (low + high) / 2
        for low, high in zip(spread["edges"], spread["edges"][1:], strict=False)
    ]
    quantiles = found["quantiles"]
    low, high = quantiles.get("0.05"), quantiles.get("0.95")
    title = TITLES["errors"]
    if low is not None and high is not None:
        title = (
            f"Nine of ten errors lie between {number(low)} and {number(high)} {unit}"
        )
    return histogram(
        title=title.strip(),
        series=[Series(name="Rows", role="live", x=middles, y=spread["counts"])],
        x=f"Answer minus truth, {unit}" if unit else "Answer minus truth",
        y="Rows",
    )


def residuals(told: Sequence[Told], terms: Terms) -> Chart:
    unit = terms.target_unit
    groups = [errors_of(one.report)["by_prediction"] for one in told]
    series = [
        Series(
            name=one.name,
            role=one.role,
            x=[(each["from"] + each["to"]) / 2 for each in group],
            y=[each["median"] for each in group],
            low=[each["low"] for each in group],
            high=[each["high"] for each in group],
            n=[each["n"] for each in group],
        )
        for one, group in zip(told, groups, strict=True)
    ]
    x = f"Answer, {unit}" if unit else "Answer"
    found = line(
        title=TITLES["residuals"],
        series=series,
        x=x,
        y=f"Error, {unit}" if unit else "Error",
        unit=unit,
    )
    return over_numbers(found, x=x, mode="lines+markers")


def slices(told: Sequence[Told], terms: Terms) -> Chart:
    """The worst first, beside the whole."""
    found = told[0].report["slices"][:MOST_SLICES]
    key = found[0]["metric"]
    metric = METRICS[key]
    label = terms.goal if key == terms.metric.key else metric.label
    unit = {"money": terms.money, "target": terms.target_unit}.get(metric.unit, "")
    worst = found[0]
    return forest(
        title=(
            f"Worst where {worst['column']} is {worst['value']}: "
            f"{number(worst['value_of_metric'])} {unit}"
        ).strip(),
        series=Series(
            name=label,
            role="live",
            x=[f"{each['column']} = {each['value']}" for each in found],
            y=[each["value_of_metric"] for each in found],
            low=[each["low"] for each in found],
            high=[each["high"] for each in found],
            n=[each["n"] for each in found],
        ),
        x=label,
        y="Slice",
        unit=f"{label}, {unit}" if unit else label,
        reference=metric_of(told[0], key),
    )


def importance(told: Sequence[Told], terms: Terms) -> Chart:
    found = told[0].report["importance"]
    kept = found["features"][:MOST_FEATURES]
    unit = found["unit"]
    return bars(
        title=f"{kept[0]['feature']} moves the answers most",
        series=[
            Series(
                name="Moves the answer by",
                role="live",
                x=[each["feature"] for each in kept],
                y=[each["mean"] for each in kept],
            )
        ],
        x="Feature",
        y=f"Moves the answer by, {unit}, on average",
        across=True,
        unit=unit,
    )
