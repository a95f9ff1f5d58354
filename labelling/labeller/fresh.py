"""Component 2, Data Labeller: labels that no run has looked at yet, and how many more
start one where the project lets them."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from labelling.models import OF_PREDICTION, GroundTruth
from registry.models import Project, Run

BY_LABELS = "labels"  # the trigger of a run that they started
BECAME = {
    Run.Verdict.ACCEPTED: "; the last one was accepted",
    Run.Verdict.REJECTED: "; the last one was rejected",
    Run.Verdict.WAITING: "; the last one waits for approval",
}


@dataclass(frozen=True, kw_only=True)
class Next:
    """The run that labels start: so many more, or it is going on."""

    left: int
    going: bool
    last: str = ""  # the verdict on the last one

    def __str__(self) -> str:
        if self.going:
            return "A new model is being trained"
        last = BECAME.get(Run.Verdict(self.last), "")
        if not self.left:
            return f"A new model is trained in a moment{last}"
        labels = "label" if self.left == 1 else "labels"
        return f"{self.left} more {labels} until a new model is trained{last}"


def next_run(project: Project) -> Next | None:
    """None where labels start no run."""
    wanted = project.retrain_after
    manual = project.autopilot == Project.Autopilot.MANUAL
    if manual or not wanted or not project.datasets.exists():
        return None
    last = _learning(project).order_by("-number").first()
    return Next(
        left=wanted - new_labels(project, most=wanted),
        going=last is not None and not last.is_over,
        last=last.verdict if last and last.trigger == BY_LABELS else "",
    )


def _learning(project: Project) -> QuerySet[Run]:
    """Runs that may publish a model: no back-tests."""
    return Run.objects.filter(project=project, kind=Run.Kind.PIPELINE, as_of=None)


def new_labels(project: Project, *, most: int | None = None) -> int:
    """Things that experts labelled since the last run looked; counted up to `most`."""
    looked = (
        _learning(project)
        .order_by("-number")
        .values_list("created_at", flat=True)
        .first()
    )
    said = GroundTruth.objects.filter(project=project, source=GroundTruth.Source.EXPERT)
    if looked is not None:
        said = said.filter(received_at__gt=looked)
    newer = Q(observed_at__gt=OuterRef("observed_at")) | Q(
        observed_at=OuterRef("observed_at"), version__gt=OuterRef("version")
    )
    same = said.filter(newer, key_kind=OuterRef("key_kind"), key=OuterRef("key"))
    own = said.filter(  # of a card whose answer is kept no longer
        key_kind=GroundTruth.KeyKind.EXAMPLE,
        key=Concat(Value(OF_PREDICTION), OuterRef("key")),
    )
    counted = said.filter(
        ~Exists(same),
        ~Q(Exists(own), key_kind=GroundTruth.KeyKind.PREDICTION),
        retracted=False,
    )
    return counted[:most].count()
