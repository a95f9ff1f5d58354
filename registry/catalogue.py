"""Names only: what metrics, algorithms, strategies and job kinds exist.

Projects and forms are checked against these on the ground floor; the floors above
hold the functions under the same keys, and a test demands equal keys.
"""

from dataclasses import dataclass

TASKS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True)
class Metric:
    """One metric: for which tasks, which way is better, in what unit, from how many rows."""

    key: str
    label: str
    tasks: tuple[str, ...]
    larger_is_better: bool
    unit: str = ""  # or target (the target's), money (the currency), share (0 to 1)
    minimum_n: int = 30
    help: str = ""
    best_at_zero: bool = False  # judged by its distance from 0, either side
    chance: float | None = None  # what takes no skill, whatever the rows

    def gain(self, ours: float, theirs: float) -> float:
        """How much better `ours` is than `theirs`, in the metric's unit; negative is worse.

        >>> METRICS["mae"].gain(12.0, 14.5)
        2.5
        >>> METRICS["bias"].gain(-1.0, 3.0)
        2.0
        """
        if self.best_at_zero:
            return abs(theirs) - abs(ours)
        return ours - theirs if self.larger_is_better else theirs - ours

    def unit_in(self, *, currency: str, target: str) -> str:
        """Its unit as written behind a number, in the words of a project.

        >>> METRICS["cost"].unit_in(currency="USD", target="minutes")
        'USD'
        """
        return {"money": currency, "target": target}.get(self.unit, "")

    def beats(self, ours: float, theirs: float, *, margin: float = 0.0) -> bool:
        """Whether `ours` is better than `theirs` by more than `margin`.

        >>> METRICS["roc_auc"].beats(0.84, 0.80, margin=0.01)
        True
        """
        return self.gain(ours, theirs) > margin


_CLASSES = ("binary", "multiclass")
_ALL = (
    Metric("cost", "Cost per row", ("binary", "multiclass", "regression"), False, "money", 30,
           "What decisions made with this model cost, per row, by the project's costs."),
    Metric("roc_auc", "ROC AUC", ("binary",), True, "share", 30,
           "How often a random positive is scored above a random negative.", chance=0.5),
    Metric("average_precision", "Average precision", ("binary",), True, "share", 30,
           "Area under the precision-recall curve."),
    Metric("log_loss", "Log loss", _CLASSES, False, "", 30,
           "How surprised the probabilities are by the truth, in nats."),
    Metric("brier", "Brier score", ("binary",), False, "", 30,
           "Mean squared error of the probability of the positive class."),
    Metric("accuracy", "Accuracy", _CLASSES, True, "share", 30,
           "Share of rows predicted right."),
    Metric("balanced_accuracy", "Balanced accuracy", _CLASSES, True, "share", 30,
           "Mean recall over the classes."),
    Metric("precision", "Precision", _CLASSES, True, "share", 30,
           "Share of predicted positives that are positive; macro mean over classes."),
    Metric("recall", "Recall", _CLASSES, True, "share", 30,
           "Share of positives that are found; macro mean over classes."),
    Metric("f1", "F1", _CLASSES, True, "share", 30,
           "Harmonic mean of precision and recall; macro mean over classes."),
    Metric("ece", "Calibration error", ("binary",), False, "share", 100,
           "Mean gap between predicted probability and observed share, ten equal-mass bins."),
    Metric("top_3_accuracy", "Top-3 accuracy", ("multiclass",), True, "share", 30,
           "Share of rows whose class is among the three most probable."),
    Metric("mae", "Mean absolute error", ("regression",), False, "target", 30,
           "Mean distance between prediction and truth."),
    Metric("rmse", "Root mean squared error", ("regression",), False, "target", 30,
           "Like the mean absolute error, but large errors weigh more."),
    Metric("median_absolute_error", "Median absolute error", ("regression",), False, "target", 30,
           "Half of the errors are smaller."),
    Metric("mape", "Mean absolute percentage error", ("regression",), False, "share", 30,
           "Mean of |error| / |truth|; undefined where a truth is 0."),
    Metric("r2", "R\N{SUPERSCRIPT TWO}", ("regression",), True, "", 30,
           "Share of the truth's variance that is explained.", chance=0.0),
    Metric("bias", "Mean error", ("regression",), False, "target", 30,
           "Mean of prediction minus truth; judged by its distance from 0.",
           best_at_zero=True),
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}

# Families of models the builder can train (mlsystem/builder/families).
ALGORITHMS = ("dummy", "linear", "lightgbm", "kernel")

# Kinds of baseline (registry/estimators/baselines.py, `function` in a definition module).
BASELINES = ("majority", "mean", "group_mean", "recent_mean", "rule", "function")

ROLES = ("viewer", "labeller", "reviewer", "owner", "admin")
LONGEST_DAYS = 36_500  # of any span that somebody writes
SCOPES = ("predict", "truth", "label", "read", "manage")


def metrics_for(task: str) -> list[Metric]:
    """The metrics defined for a task, the most telling first."""
    return [metric for metric in _ALL if task in metric.tasks]


def default_metric(task: str, *, has_costs: bool) -> str:
    """The primary metric where the project names none.

    >>> default_metric("binary", has_costs=False)
    'roc_auc'
    """
    if has_costs:
        return "cost"
    return {"binary": "roc_auc", "regression": "mae"}.get(task, "log_loss")
