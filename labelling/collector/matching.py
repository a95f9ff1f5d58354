"""Component 1, Ground-truth Collector: keeps, for every prediction, the truth that
counts now. Called by whoever learns of a new truth or a new prediction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from labelling.collector import facts
from labelling.collector.choice import Asked, applies, choose
from labelling.models import GroundTruth, Match, TruthInbox
from registry.models import Project
from serving.models import Prediction

CHUNK = 500  # rows a transaction: SQLite has one writer
SILENCE = "silence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is known of one prediction's truth."""

    asked: Asked
    counts: GroundTruth | None = None
    joined: tuple[GroundTruth, ...] = ()
    by_silence: bool = False

    @property
    def is_told_otherwise(self) -> bool:
        """An expert's word counts, and others spoke too: a number of production may count
        it now, because it is known not only of what experts were asked to read."""
        expert = GroundTruth.Source.EXPERT
        heard = {truth.source for truth in self.joined}
        return (
            self.counts is not None
            and self.counts.source == expert
            and heard > {expert}
        )

    def match(self, project: Project) -> Match | None:
        """The row that says so, or None where nothing is known."""
        common = {
            "project": project,
            "prediction_id": self.asked.id,
            "predicted_at": self.asked.at,
        }
        if self.counts:
            return Match(
                truth=self.counts,
                value=self.counts.value,
                source=self.counts.source,
                observed_at=self.counts.observed_at,
                **common,
            )
        if self.by_silence and project.horizon is not None:
            return Match(
                value=project.negative_class,
                by_silence=True,
                source=SILENCE,
                observed_at=self.asked.at + project.horizon,
                **common,
            )
        return None


def lock(project: Project) -> None:
    """One at a time decides what counts in a project: of two truths that arrive at
    once neither would see the other. Predictions are not held up by it."""
    list(Project.objects.select_for_update(no_key=True).filter(pk=project.pk))


def rematch(*, project: Project, asked: Iterable[Asked], now: datetime) -> set[int]:
    """Bring the predictions' Match rows up to date, in the caller's transaction and
    under `lock`. Returns the ids of all truths that joined."""
    joined: set[int] = set()
    for part in chunks({one.id: one for one in asked}.values()):
        verdicts = judge(project=project, asked=part, now=now)
        truths = [truth for verdict in verdicts for truth in verdict.joined]
        _write(project, verdicts)
        facts.add_joined(
            project=project,
            joined=[(v.asked, truth) for v in verdicts for truth in v.joined],
        )
        late = {t.pk for t in truths if t.state != GroundTruth.State.MATCHED}
        if late:
            GroundTruth.objects.filter(pk__in=late).update(
                state=GroundTruth.State.MATCHED
            )
        joined.update(truth.pk for truth in truths)
    return joined


def judge(*, project: Project, asked: Sequence[Asked], now: datetime) -> list[Verdict]:
    """What is known of each prediction now; reads only."""
    truths = _truths(project, asked)
    verdicts = []
    for one in asked:
        joined = tuple(
            truth
            for key in one.heard_under()
            for truth in truths.get(key, ())
            if applies(truth, one, horizon=project.horizon)
        )
        counts = choose(joined, precedence=project.truth_precedence)
        verdicts.append(
            Verdict(
                asked=one,
                counts=counts,
                joined=joined,
                by_silence=counts is None and _silent(project, one, now),
            )
        )
    return verdicts


def _silent(project: Project, asked: Asked, now: datetime) -> bool:
    """Whether nothing heard by now means no."""
    return (
        speaks_by_silence(project)
        and not asked.test
        and project.horizon is not None
        and asked.at + project.horizon <= now
    )


def speaks_by_silence(project: Project) -> bool:
    return (
        project.silence == Project.Silence.NEGATIVE
        and project.task == Project.Task.BINARY
        and project.horizon is not None
    )


def _truths(
    project: Project, asked: Sequence[Asked]
) -> Mapping[tuple[str, str], list[GroundTruth]]:
    """Everything said under the predictions' keys."""
    names: dict[str, set[str]] = defaultdict(set)
    for one in asked:
        for kind, key in one.heard_under():
            names[kind].add(key)
    found: dict[tuple[str, str], list[GroundTruth]] = defaultdict(list)
    for kind, keys in names.items():
        rows = GroundTruth.objects.filter(project=project, key_kind=kind, key__in=keys)
        if kind == GroundTruth.KeyKind.ENTITY and project.horizon is not None:
            moments = [one.at for one in asked]
            window = Q(
                at__isnull=True,
                observed_at__gte=min(moments),
                observed_at__lt=max(moments) + project.horizon,
            )
            rows = rows.filter(window | Q(at__in=set(moments)))
        for truth in rows:
            found[kind, truth.key].append(truth)
    return found


def _write(project: Project, verdicts: Sequence[Verdict]) -> None:
    ids = [verdict.asked.id for verdict in verdicts]
    before = {
        row.prediction_id: row for row in Match.objects.filter(prediction_id__in=ids)
    }
    changed, gone, again = [], [], []
    for verdict in verdicts:
        old, new = before.get(verdict.asked.id), verdict.match(project)
        if new is None and old is not None:
            gone.append(old.prediction_id)
        elif new is not None and (old is None or not _same(old, new)):
            changed.append(new)
        elif new is not None and verdict.is_told_otherwise:
            again.append(new)
    if gone:
        Match.objects.filter(prediction_id__in=gone).delete()
    if changed:
        Match.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["prediction_id"],
            update_fields=[
                "truth", "value", "by_silence", "source", "observed_at", "updated_at",
            ],
        )  # fmt: skip
    TruthInbox.objects.bulk_create(
        [
            TruthInbox(
                project=project, prediction_id=row.prediction_id, truth=row.truth
            )
            for row in changed + again
        ]
        + [TruthInbox(project=project, prediction_id=gone_id) for gone_id in gone]
    )


def _same(old: Match, new: Match) -> bool:
    return (old.truth_id, old.value, old.by_silence) == (
        new.truth_id,
        new.value,
        new.by_silence,
    )


def asked_of(predictions: Iterable[Prediction]) -> list[Asked]:
    return [
        Asked(
            id=row.id,
            at=row.at,
            shadow_of=row.shadow_of,
            reference=row.reference,
            entity=row.entity,
            test=row.test,
        )
        for row in predictions
    ]


def with_ids(*, project: Project, ids: Iterable[UUID]) -> list[Asked]:
    """The project's predictions of these ids, and their shadows."""
    wanted = list(ids)
    if not wanted:
        return []
    log = _log(project)
    return asked_of(log.filter(pk__in=wanted)) + asked_of(
        log.filter(shadow_of__in=wanted)
    )


def touched_by(*, project: Project, truths: Iterable[GroundTruth]) -> list[Asked]:
    """The predictions that these truths may be about."""
    ids, references = set(), set()
    windows: dict[str, list[GroundTruth]] = defaultdict(list)
    for truth in truths:
        if truth.key_kind == GroundTruth.KeyKind.PREDICTION:
            ids.add(UUID(truth.key))
        elif truth.key_kind == GroundTruth.KeyKind.REFERENCE:
            references.add(truth.key)
        elif truth.key_kind == GroundTruth.KeyKind.ENTITY:
            windows[truth.key].append(truth)
    found = with_ids(project=project, ids=ids)
    if references:
        found += asked_of(_log(project).filter(reference__in=references, test=False))
    if windows:
        found += _of_entities(project, windows)
    return found


def _of_entities(
    project: Project, windows: Mapping[str, list[GroundTruth]]
) -> list[Asked]:
    rows = _log(project).filter(entity__in=list(windows), test=False)
    if project.horizon is not None:
        said = [truth for group in windows.values() for truth in group]
        picked = {truth.at for truth in said if truth.at}
        observed = [truth.observed_at for truth in said if not truth.at]
        narrow = Q(at__in=picked)
        if observed:
            narrow |= Q(at__gt=min(observed) - project.horizon, at__lte=max(observed))
        rows = rows.filter(narrow)
    return [
        one
        for one in asked_of(rows)
        if any(applies(t, one, horizon=project.horizon) for t in windows[one.entity])
    ]


def _log(project: Project) -> QuerySet[Prediction]:
    return Prediction.objects.filter(project=project).only(
        "id", "at", "shadow_of", "reference", "entity", "test"
    )


def chunks(items: Iterable[Asked]) -> Iterator[list[Asked]]:
    rows = list(items)
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
