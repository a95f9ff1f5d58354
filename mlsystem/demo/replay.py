"""Production told again through the real front-end and collector: a batch a moment, the
clock as an argument, truth when it became known and not before."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count, groupby

from django.db import transaction

from labelling.collector.silence import mature_project
from labelling.collector.truth import record_truth
from mlsystem.demo.reading import read_sources
from mlsystem.demo.story import REFERENCE, Case, Telling
from monitoring.models import Note
from monitoring.monitor import alerts
from monitoring.monitor.folding import bring_up_to_date
from registry import clock
from registry.actors import COMMAND_LINE
from registry.errors import DomainError
from registry.written import whole
from serving.frontend.front import predict_batch
from serving.models import Prediction

CHUNK = 500  # rows a transaction: SQLite has one writer
# Cases that a later start fills a gap with, evenly: of its last four weeks, so that each
# day still says something, and of all before.
GAP, LATELY, BEFORE = 1_100, timedelta(weeks=4), 500


def replay(telling: Telling) -> None:
    """Tell everything from where the last start ended up to `now`."""
    told = telling.memory.told
    due = _due(telling)
    teller = _Teller(telling, waiting=_unknown(telling))
    asked = 0
    for batch in _batches(due, telling.story.batch):
        teller.meet(batch)
        asked += len(batch)
        words = f"{batch[-1].at:%d %b}, {whole(asked)} of {whole(len(due))}"
        telling.bar.step(asked / len(due), words)
    teller.reach(max(telling.now, told))
    _say_what_is_left_out(telling)
    if wrong := teller.wrong:
        number, why = wrong
        telling.bar.say(f"{telling.project}: {number} were not answered: {why}")


def feed(telling: Telling) -> int:
    """The same for the minutes since the last time; the house's own tick folds them and
    judges. Returns how many were asked."""
    read_sources(telling)
    due = _due(telling)
    teller = _Teller(telling, waiting=_unknown(telling), watched=False)
    for batch in _batches(due, telling.story.batch):
        teller.meet(batch)
    teller.reach(max(telling.now, telling.memory.told))
    _say_what_is_left_out(telling)
    return len(due)


def bring_to(telling: Telling, moment: datetime, *, judge: bool) -> None:
    """Silence, folds and alert rules, as the house's pulse would at that moment."""
    project = telling.project
    with clock.moved_to(moment):
        if project.silence == project.Silence.NEGATIVE:
            mature_project(project=project, now=moment, pause=lambda: None, sweep=True)
        while not bring_up_to_date(project):
            continue
        if judge:
            alerts.evaluate_rules(project, now=moment)


def _due(telling: Telling) -> list[Case]:
    """What is to be asked: the story up to where it began, and what has passed since,
    evenly, with a bounded number."""
    memory = telling.memory
    cases = list(telling.story.cases(memory.began, memory.told, telling.now))
    story = [case for case in cases if case.at <= memory.began]
    since, lately = cases[len(story) :], telling.now - LATELY
    asked = _some([case for case in since if case.at <= lately], BEFORE)
    asked += _some([case for case in since if case.at > lately], GAP)
    if len(asked) < len(since):
        memory.thins(max(memory.told, memory.began))
    return story + asked


def _some(cases: Sequence[Case], most: int) -> list[Case]:
    """At most so many, evenly, with the last one."""
    n = min(most, len(cases))
    return [cases[number * len(cases) // n - 1] for number in range(1, n + 1)]


def _say_what_is_left_out(telling: Telling) -> None:
    """In every chart, where it begins: the traffic that follows is thinner. Said once the
    gap is filled, however many starts that took."""
    since = telling.memory.thinned
    if since is None:
        return
    of = sum(1 for _ in telling.story.cases(telling.began, since, telling.now))
    asked = Prediction.objects.filter(
        project=telling.project,
        at__gt=since,
        at__lte=telling.now,
        reference__startswith=REFERENCE,
    )
    with transaction.atomic():
        Note.objects.create(
            project=telling.project,
            at=since,
            text=f"Nothing was asked until {telling.now:%-d %B}. Of the {whole(of)} "
            f"requests of that time, {whole(asked.count())} were asked afterwards.",
            author=telling.people.get("owner"),  # who may be gone by now
        )
        telling.memory.thins(None)


def _unknown(telling: Telling) -> list[Case]:
    """Cases asked before, whose truth was not known yet when the last start ended."""
    told = telling.memory.told
    earlier = telling.story.cases(telling.began, told - telling.story.late, told)
    return [case for case in earlier if case.known_at and case.known_at > told]


def _batches(cases: Sequence[Case], width: timedelta) -> Iterator[list[Case]]:
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    for _, group in groupby(cases, key=lambda case: (case.at - epoch) // width):
        batch = list(group)
        for start in range(0, len(batch), CHUNK):
            yield batch[start : start + CHUNK]


class _Teller:
    """Goes through the moments in order; what is told stays told if it is killed."""

    def __init__(
        self, telling: Telling, *, waiting: Sequence[Case], watched: bool = True
    ) -> None:
        self.telling, self.watched = telling, watched
        self.beats = [
            beat
            for beat in sorted(telling.story.beats(telling), key=lambda beat: beat.at)
            if not telling.memory.happened(beat.name)
        ]
        self.order = count()  # cases of one moment are never compared
        self.waiting: list[tuple[datetime, int, Case]] = []
        for case in waiting:
            self._wait_for(case)
        self.looked = max(telling.memory.told, telling.now - telling.story.watched)
        self.wrong: tuple[int, str] | None = None

    def meet(self, batch: Sequence[Case]) -> None:
        """What happened before it, then the batch itself."""
        self._pass(batch[0].at)
        moment = batch[-1].at
        self._hear(moment)
        self._ask(batch, moment)
        for case in batch:
            self._wait_for(case)
        self._hear(moment)  # theirs too, or nobody would hear it after an interruption
        self.telling.memory.tell(moment)

    def reach(self, end: datetime) -> None:
        self._pass(end)
        self._hear(end)
        self.telling.memory.tell(end)
        if self.watched:
            # Of one moment one look: a rule that wants two in a row wants two moments.
            bring_to(self.telling, end, judge=self.looked < end)

    def _pass(self, moment: datetime) -> None:
        """Beats and daily looks at the alert rules, up to a moment."""
        while self.beats and self.beats[0].at <= moment:
            beat = self.beats.pop(0)
            with clock.moved_to(beat.at), transaction.atomic():
                beat.do(self.telling)
                self.telling.memory.beat(beat.name)
        while self.watched and self.looked + timedelta(days=1) <= moment:
            self.looked += timedelta(days=1)
            self._hear(self.looked)
            bring_to(self.telling, self.looked, judge=True)

    def _wait_for(self, case: Case) -> None:
        if case.truth is not None and case.known_at is not None:
            heappush(self.waiting, (case.known_at, next(self.order), case))

    def _hear(self, moment: datetime) -> None:
        """Truths known by now, of cases that were asked."""
        known: list[Case] = []
        while self.waiting and self.waiting[0][0] <= moment:
            known.append(heappop(self.waiting)[2])
        for start in range(0, len(known), CHUNK):
            part = known[start : start + CHUNK]
            asked = self._asked(part)
            items = [_told(case) for case in part if case.reference in asked]
            with clock.moved_to(moment):
                record_truth(
                    project=self.telling.project, items=items, actor=None, now=moment
                )

    def _ask(self, batch: Sequence[Case], moment: datetime) -> None:
        asked = self._asked(batch)
        requests = [
            {**case.request, "reference": case.reference, "at": case.at.isoformat()}
            for case in batch
            if case.reference not in asked
        ]
        with clock.moved_to(moment):
            answers = predict_batch(
                project=self.telling.project,
                requests=requests,
                actor=COMMAND_LINE,
                now=moment,
            )
        wrong = [answer for answer in answers if isinstance(answer, DomainError)]
        if wrong:
            before, first = self.wrong or (0, wrong[0].detail)
            self.wrong = before + len(wrong), first

    def _asked(self, cases: Sequence[Case]) -> set[str]:
        found = Prediction.objects.filter(
            project=self.telling.project,
            reference__in=[case.reference for case in cases],
        )
        return set(found.values_list("reference", flat=True))


def _told(case: Case) -> dict[str, object]:
    assert case.truth is not None
    assert case.known_at is not None
    own = {"prediction", "entity", "reference"} & set(case.truth)
    key = {} if own else {"reference": case.reference}
    return {**key, **case.truth, "observed_at": case.known_at.isoformat()}
