"""The rollout's rules: which step is allowed from where, and what it leaves behind."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from registry.errors import Conflict, DomainError, EditedMeanwhile, InvalidInput
from registry.models import AuditEntry, ModelVersion, Project
from serving import rollout
from serving.models import Rollout, RolloutEvent
from tests.factories import make_project, make_user, make_version

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


def opened(project: Project | None = None) -> Rollout:
    project = project or make_project()
    rollout.open_with_baseline(project=project, version=make_version(project))
    return rollout.of_project(project)


def on_its_way(mode: str = "canary", **given: object) -> Rollout:
    row = opened()
    candidate = make_version(row.project, kind="trained")
    if mode != "shadow":
        given = {"percent": 5} | given
    return rollout.start(
        rollout=row, candidate=candidate, mode=mode, by="a test", revision=1, **given
    )


def step(verb: str, row: Rollout, **given: object) -> Rollout:
    return getattr(rollout, verb)(
        rollout=row, by="a test", revision=row.revision, **given
    )


def test_the_first_baseline_is_live_at_once() -> None:
    row = opened()
    assert row.live == row.baseline
    assert row.live.state == "accepted"
    assert (row.mode, row.state, row.revision) == ("none", "idle", 1)
    with pytest.raises(Conflict, match="already"):
        rollout.open_with_baseline(project=row.project, version=row.live)


def test_without_a_model_there_is_nothing_to_roll_out() -> None:
    with pytest.raises(Conflict, match="no model yet"):
        rollout.of_project(make_project())


def test_a_canary_is_promoted_and_rolled_back() -> None:
    row = on_its_way("canary", percent=5)
    live, candidate = row.live, row.candidate
    assert (row.mode, row.state, row.percent) == ("canary", "running", Decimal(5))
    row = step("promote", row)
    assert (row.live, row.previous, row.candidate) == (candidate, live, None)
    assert (row.mode, row.state, row.percent) == ("none", "idle", 0)
    row = step("rollback", row)
    assert (row.live, row.previous) == (live, candidate)
    assert row.revision == 4


def test_rolling_back_a_candidate_leaves_live_alone() -> None:
    row = on_its_way()
    live = row.live
    row = step("rollback", row)
    assert (row.live, row.candidate, row.state) == (live, None, "idle")
    with pytest.raises(Conflict, match="no version before"):
        step("rollback", row)


def test_who_is_in_the_canary_does_not_change_over_a_pause_but_with_a_new_rollout() -> (
    None
):
    row = on_its_way()
    salt = row.salt
    row = step("resume", step("pause", row))
    assert row.salt == salt
    row = step("rollback", row)
    row = step("start", row, candidate=make_version(row.project), mode="ab", percent=50)
    assert row.salt != salt


def test_a_shadow_goes_on_to_a_canary_and_nothing_else_overtakes_it() -> None:
    row = on_its_way("shadow")
    assert row.percent == 0
    other = make_version(row.project)
    with pytest.raises(Conflict, match="on its way"):
        step("start", row, candidate=other, mode="canary", percent=1)
    row = step("start", row, candidate=row.candidate, mode="canary", percent=1)
    assert row.mode == "canary"


def test_a_plan_sets_the_first_share_and_a_hand_moves_it_to_another_step() -> None:
    plan = [
        {"percent": 1, "hours": 1, "min_n": 100},
        {"percent": 5, "hours": 24},
        {"percent": 25, "hours": 24},
    ]
    row = on_its_way("canary", percent=None, plan=plan)
    assert (row.percent, row.step) == (Decimal(1), 0)
    row = step("set_percent", row, percent=10)
    assert (row.percent, row.step) == (Decimal(10), 1)


def test_a_hold_keeps_the_share_and_says_why() -> None:
    row = on_its_way()
    row = step("hold", row, reason="Too few truths.")
    assert (row.state, row.held_because, row.percent) == (
        "held",
        "Too few truths.",
        Decimal(5),
    )
    row = step("resume", row)
    assert (row.state, row.held_because) == ("running", "")


def test_resume_ends_baseline_for_everyone() -> None:
    row = step("baseline_for_all", opened())
    assert row.baseline_for_all
    assert not step("resume", row).baseline_for_all


def test_an_ab_test_keeps_its_share() -> None:
    with pytest.raises(Conflict, match="keeps its share"):
        step("set_percent", on_its_way("ab", percent=50), percent=60)


@pytest.mark.parametrize("state", ["rejected", "archived"])
def test_a_version_that_may_serve_no_more_is_not_gone_back_to(state: str) -> None:
    """Live 3, before it 2, which somebody said no to: the baseline, 1, answers."""
    row = step("promote", on_its_way())
    before, third = row.live, make_version(row.project, kind="trained")
    row = step("go_live", row, version=third)
    ModelVersion.objects.filter(pk=before.pk).update(state=state)
    row = rollout.of_project(row.project)
    assert rollout.roles_of(before) == []
    assert rollout.roles_of(row.baseline) == ["baseline", "previous"]

    row = step("rollback", row)

    assert (row.live, row.previous) == (row.baseline, third)
    said = f"Version 2, live before, is {state}: back to the baseline."
    assert RolloutEvent.objects.first().reason == said
    row = step("rollback", row)  # and back again
    assert (row.live, row.previous) == (third, row.baseline)


def test_with_the_baseline_live_there_is_nothing_behind_a_rejected_version() -> None:
    row = step("rollback", step("promote", on_its_way()))
    ModelVersion.objects.filter(pk=row.previous.pk).update(state="rejected")
    with pytest.raises(Conflict, match="Version 2, live before, is rejected, and the"):
        step("rollback", rollout.of_project(row.project))


def test_a_version_that_was_rejected_a_moment_ago_does_not_go_live() -> None:
    row = step("promote", on_its_way())
    third = make_version(row.project, kind="trained")
    ModelVersion.objects.exclude(pk=row.baseline_id).update(state="rejected")
    with pytest.raises(Conflict, match="rejected: only accepted"):  # read before
        step("go_live", row, version=third)
    row = step("rollback", row)
    assert row.live == row.baseline
    with pytest.raises(Conflict, match="rejected"):
        step("rollback", row)


@pytest.mark.parametrize("verb", ["pause", "hold", "resume", "promote", "rollback"])
def test_an_idle_rollout_has_nothing_to(verb: str) -> None:
    with pytest.raises(Conflict):
        step(verb, opened())


@pytest.mark.parametrize("state", ["built", "rejected", "waiting_approval", "archived"])
def test_a_version_that_was_not_accepted_does_not_serve(state: str) -> None:
    row = opened()
    version = make_version(row.project, kind="trained", state=state)
    with pytest.raises(Conflict, match="only accepted"):
        step("start", row, candidate=version, mode="canary", percent=1)
    with pytest.raises(Conflict, match="only accepted"):
        step("go_live", row, version=version)


def test_a_version_of_another_project_does_not_serve() -> None:
    row = opened()
    stranger = make_version(make_project("other"))
    with pytest.raises(InvalidInput, match="no such version"):
        step("start", row, candidate=stranger, mode="canary", percent=1)


def test_a_candidate_that_needs_what_clients_do_not_send_is_refused_by_name() -> None:
    row = opened()
    fields = [*row.project.fields, {"name": "age", "kind": "integer", "required": True}]
    version = make_version(row.project, fields=fields)
    with pytest.raises(DomainError, match="age: clients do not send it") as caught:
        step("start", row, candidate=version, mode="shadow")
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "text"}, "clients send integer, the candidate reads text"),
        ({"required": True}, "clients may leave it out"),
        ({"minimum": 5}, "refuses what is below 5"),
        ({"maximum": 5}, "refuses what is above 5"),
    ],
)
def test_a_candidate_that_takes_less_than_live_is_refused_by_name(
    change: dict, words: str
) -> None:
    row = opened()
    tenure, *others = row.project.fields
    version = make_version(row.project, fields=[tenure | change, *others])
    with pytest.raises(DomainError, match=f"tenure: .*{words}"):
        step("start", row, candidate=version, mode="shadow")


def test_every_change_is_an_event_and_an_audit_entry_with_author_and_reason() -> None:
    row = opened()
    ada = make_user("Ada", project=row.project, role="admin")
    rollout.go_live(
        rollout=row,
        version=make_version(row.project),
        by=ada,
        revision=1,
        reason="It is better.",
        numbers={"gain": 1.5},
    )
    event = RolloutEvent.objects.first()
    assert (event.action, event.author_name, event.reason) == (
        "promote",
        "Ada",
        "It is better.",
    )
    assert (event.live, event.baseline, event.revision) == (2, 1, 2)
    assert event.numbers == {"gain": 1.5}
    assert AuditEntry.objects.filter(action="rollout.promote", actor=ada).count() == 1


def test_of_two_edits_on_one_revision_the_second_is_told() -> None:
    row = on_its_way()
    same = rollout.of_project(row.project)
    step("set_percent", row, percent=10)
    with pytest.raises(EditedMeanwhile):
        step("set_percent", same, percent=20)
    with pytest.raises(EditedMeanwhile):
        rollout.promote(rollout=row, by="a test", revision=1)
    assert rollout.of_project(row.project).percent == 10


def test_an_edit_that_lost_leaves_no_event() -> None:
    row = on_its_way()
    same = rollout.of_project(row.project)
    step("pause", row)
    events = RolloutEvent.objects.count()
    with pytest.raises(EditedMeanwhile):
        step("promote", same)
    assert RolloutEvent.objects.count() == events


@pytest.mark.parametrize("percent", [-1, 100.01, 3.333, "5", None, True])
def test_a_share_is_0_to_100_with_two_decimals(percent: object) -> None:
    with pytest.raises(InvalidInput, match="percent"):
        on_its_way("canary", percent=percent)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"targets": [{"to": "nobody", "users": ["a"]}]}, "targets[0].to"),
        ({"targets": [{"to": "live"}]}, "targets[0]"),
        ({"targets": [{"to": "live", "users": []}]}, "targets[0].users"),
        ({"targets": [{"to": "live", "users": [7]}]}, "targets[0].users"),
        ({"targets": [{"to": "live", "attribute": "c"}]}, "targets[0].in"),
        ({"targets": [{"to": "live", "users": ["a"], "x": 1}]}, "targets[0].x"),
        (
            {"targets": [{"to": "live", "users": ["a"], "percent": 5}]},
            "targets[0].percent",
        ),
        ({"plan": [{"percent": 5}]}, "plan[0].hours"),
        ({"plan": [{"percent": 5, "hours": 1}] * 2}, "plan[1].percent"),
        ({"plan": [{"percent": 7, "hours": 1}]}, "percent"),
        ({"plan": [{"percent": 5, "hours": 1, "min_n": -1}]}, "plan[0].min_n"),
    ],
)
def test_bad_targets_and_plans_are_named(given: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        on_its_way("canary", **given)
    assert caught.value.errors[0].field == field


def test_what_a_version_does_is_told_before_it_is_archived() -> None:
    row = on_its_way()
    assert rollout.roles_of(row.live) == ["live", "baseline"]
    assert rollout.roles_of(row.candidate) == ["candidate"]
    assert rollout.roles_of(make_version(row.project)) == []


class Walk(RuleBasedStateMachine):
    """Any verbs in any order: one live version, states that agree, growing revisions."""

    @initialize()
    def begin(self) -> None:
        Project.objects.all().delete()
        self.row = opened()
        self.versions = [
            self.row.live,
            *(make_version(self.row.project, kind="trained") for _ in range(2)),
        ]

    def tried(self, verb: str, **given: object) -> None:
        before = self.row.revision
        try:
            self.row = step(verb, self.row, **given)
        except Conflict:
            self.row = rollout.of_project(self.row.project)
            assert self.row.revision == before
        else:
            assert self.row.revision == before + 1

    @rule(verb=st.sampled_from(["pause", "hold", "resume", "promote", "rollback"]))
    def press(self, verb: str) -> None:
        self.tried(verb)

    @rule()
    def everyone_to_the_baseline(self) -> None:
        self.tried("baseline_for_all")

    @rule(index=st.integers(0, 2), mode=st.sampled_from(["shadow", "canary", "ab"]))
    def begin_a_rollout(self, index: int, mode: str) -> None:
        percent = None if mode == "shadow" else 10
        candidate = self.versions[index]
        self.tried("start", candidate=candidate, mode=mode, percent=percent)

    @rule(index=st.integers(1, 2))
    def say_no_to_what_does_not_serve(self, index: int) -> None:
        version = self.versions[index]
        if set(rollout.roles_of(version)) <= {"previous"}:
            ModelVersion.objects.filter(pk=version.pk).update(state="rejected")

    @rule(percent=st.integers(0, 100))
    def move_the_slider(self, percent: int) -> None:
        self.tried("set_percent", percent=percent)

    @invariant()
    def it_makes_sense(self) -> None:
        if not hasattr(self, "row"):
            return
        row = self.row
        assert row.live.state == ModelVersion.State.ACCEPTED
        assert row.candidate != row.live
        assert (row.candidate is None) == (row.state == "idle") == (row.mode == "none")
        last = RolloutEvent.objects.filter(project=row.project).first()
        assert (last.revision, last.live) == (row.revision, row.live.number)


class TestAnyOrder(TestCase):
    def test_any_order_of_verbs_leaves_one_live_version(self) -> None:
        from hypothesis.stateful import run_state_machine_as_test

        run_state_machine_as_test(
            Walk,
            settings=settings(
                max_examples=10,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
