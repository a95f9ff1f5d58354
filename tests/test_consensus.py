"""Several people's answers become one: by majority, or by a reviewer where they tie."""

from datetime import timedelta
from typing import Any

import pytest

from labelling.collector.truth import record_truth
from labelling.labeller import amend
from labelling.labeller.annotate import read_answer, undo
from labelling.labeller.consensus import Verdict, decide
from labelling.labeller.intake import import_examples
from labelling.models import AnnotatorStat, Example, GroundTruth, Match
from registry.models import Project, User
from tests.cards import NOW, answer, make_mail, put, take, texts
from tests.factories import make_prediction, make_user


@pytest.fixture
def mail() -> Project:
    return make_mail()


@pytest.fixture
def erin(mail: Project) -> User:
    return make_user("Erin", project=mail, role="labeller")


@pytest.fixture
def omar(mail: Project) -> User:
    return make_user("Omar", project=mail, role="labeller")


@pytest.fixture
def owen(mail: Project) -> User:
    return make_user("Owen", project=mail, role="owner")


def label(user: User, project: Project, *values: Any, reviews: bool = False) -> None:
    """Answer the next card, once for each value."""
    for value in values:
        card = take(project, user, reviews=reviews).cards[0]
        answer(card, value, reviews=reviews)


def state(key: str) -> tuple[str, Any]:
    example = Example.objects.get(key=key)
    return example.state, example.answer


def current(key: str) -> tuple[Any, float | None]:
    truth = GroundTruth.objects.filter(key=key).order_by("-version")[0]
    return truth.value, truth.confidence


@pytest.mark.parametrize(
    ("task", "answers", "overlap", "verdict"),
    [
        ("binary", [], 1, ("open", None, None)),
        ("binary", ["Yes"], 2, ("open", None, None)),
        ("binary", ["Yes"], 1, ("labelled", "Yes", 1.0)),
        ("binary", ["Yes", "Yes", "No"], 3, ("labelled", "Yes", 2 / 3)),
        ("binary", ["Yes", "No"], 2, ("disputed", None, 0.5)),
        ("binary", ["Yes", None], 2, ("disputed", None, 0.5)),
        ("binary", [None, None, "No"], 3, ("cannot_tell", None, 2 / 3)),
        ("multiclass", ["a", "b", "c", "a"], 4, ("labelled", "a", 0.5)),
        ("multiclass", ["a", "b", "c"], 3, ("disputed", None, 1 / 3)),
        ("multilabel", [["a"], ["a", "b"], ["a", "b"]], 3,
         ("labelled", ["a", "b"], 2 / 3)),
        ("multilabel", [["b"], ["a"], []], 3, ("labelled", [], 1 / 3)),
        ("multilabel", [["a"], []], 2, ("disputed", None, 0.5)),
        ("multilabel", [None, None, ["a"]], 3, ("cannot_tell", None, 2 / 3)),
        ("regression", [1.0, 9.0, 2.0], 3, ("labelled", 2.0, None)),
        ("regression", [1.0, None], 2, ("disputed", None, 0.5)),
        ("regression", [None, None, 3.0], 3, ("cannot_tell", None, 2 / 3)),
    ],
)  # fmt: skip
def test_answers_amount_to(
    task: str, answers: list[Any], overlap: int, verdict: tuple[Any, ...]
) -> None:
    found = decide(task=task, answers=answers, overlap=overlap, classes=["a", "b"])
    assert (found.state, found.value, found.agreement) == verdict


def test_a_reviewer_ends_it_whatever_the_others_said() -> None:
    found = decide(task="binary", answers=["Yes", "No"], overlap=2, decision=["No"])
    assert found == Verdict(state="labelled", value="No", agreement=0.5)
    unsure = decide(task="binary", answers=["Yes", "No"], overlap=2, decision=[None])
    assert unsure.state == "cannot_tell"


@pytest.mark.django_db
def test_with_overlap_truth_comes_with_the_last_answer(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a", overlap=2)
    label(erin, mail, "Yes")
    assert state("a") == ("open", None)
    assert texts(take(mail, erin)) == []  # nobody answers twice
    label(omar, mail, "Yes")
    assert state("a") == ("labelled", "Yes")
    assert current("a") == ("Yes", 1.0)


@pytest.mark.django_db
def test_a_tie_goes_to_a_reviewer_and_his_word_is_final(
    mail: Project, erin: User, omar: User, owen: User
) -> None:
    put(mail, "a", overlap=2)
    label(erin, mail, "Yes")
    label(omar, mail, "No")
    assert state("a") == ("disputed", None)
    assert not GroundTruth.objects.exists()
    assert texts(take(mail, make_user("Ada"))) == []  # labels, does not review
    handout = take(mail, owen, reviews=True)
    assert handout.cards[0].lease.reason == "disputed"
    assert texts(take(mail, make_user("Rae"), reviews=True)) == []  # one decides
    answer(handout.cards[0], "No", reviews=True)
    assert state("a") == ("labelled", "No")
    assert current("a")[0] == "No"
    assert GroundTruth.objects.get().author == owen


@pytest.mark.django_db
def test_a_reviewer_who_answered_may_decide(
    mail: Project, erin: User, owen: User
) -> None:
    put(mail, "a", overlap=2)
    label(erin, mail, "Yes")
    label(owen, mail, "No", reviews=True)
    label(owen, mail, "Yes", reviews=True)
    assert state("a") == ("labelled", "Yes")
    assert Example.objects.get().agreement == 0.5  # his first answer still counts


@pytest.mark.django_db
def test_a_decision_taken_back_reopens_the_dispute(
    mail: Project, erin: User, omar: User, owen: User
) -> None:
    put(mail, "a", overlap=2)
    label(erin, mail, "Yes")
    label(omar, mail, "No")
    label(owen, mail, "No", reviews=True)
    undo(project=mail, user=owen, now=NOW)
    assert state("a") == ("disputed", None)
    assert current("a") == (None, None)


@pytest.mark.django_db
@pytest.mark.parametrize("changed", [False, True])
def test_a_word_of_the_inbox_taken_back_takes_nothing_from_the_count(
    mail: Project, erin: User, omar: User, owen: User, changed: bool
) -> None:
    put(mail, "a", "b", overlap=2)
    label(erin, mail, "Yes", "Yes")
    label(omar, mail, "No", "Yes")
    put(mail, "c")
    label(owen, mail, "No")  # of the queue: counted
    disputed = Example.objects.get(state="disputed")
    no = read_answer(project=mail, value="No", cannot_tell=False)
    word = amend.decide(
        project=mail, example_id=disputed.pk, user=owen, answer=no, now=NOW
    )
    if changed:
        yes = read_answer(project=mail, value="Yes", cannot_tell=False)
        amend.change(
            project=mail, annotation_id=word.pk, user=owen, answer=yes, now=NOW
        )

    undo(project=mail, user=owen, now=NOW)

    assert state(disputed.key) == ("disputed", None)
    assert AnnotatorStat.objects.get(user=owen).submitted == 1
    undo(project=mail, user=owen, now=NOW)
    assert AnnotatorStat.objects.get(user=owen).submitted == 0


@pytest.mark.django_db
def test_cannot_tell_is_an_answer_and_no_truth(mail: Project, erin: User) -> None:
    put(mail, "a")
    label(erin, mail, None)
    assert state("a") == ("cannot_tell", None)
    assert not GroundTruth.objects.exists()


@pytest.mark.django_db
def test_one_card_answers_for_its_exact_duplicates(mail: Project, erin: User) -> None:
    items = [{"payload": {"text": "NONE"}, "key": f"report {n}"} for n in range(3)]
    import_examples(project=mail, items=enumerate(items), now=NOW)
    assert len(take(mail, erin, 5).cards) == 1
    answer(take(mail, erin).cards[0], "No")
    assert {state(f"report {n}") for n in range(3)} == {("labelled", "No")}
    assert GroundTruth.objects.filter(value="No", source="expert").count() == 3

    late = {"payload": {"text": "NONE"}, "key": "report 3"}
    import_examples(project=mail, items=[(0, late)], now=NOW)
    assert state("report 3") == ("labelled", "No")
    assert current("report 3")[0] == "No"
    assert take(mail, erin).cards == []

    undo(project=mail, user=erin, now=NOW)
    assert {state(f"report {n}") for n in range(4)} == {("open", None)}
    assert current("report 3")[0] is None


@pytest.mark.django_db
def test_a_label_is_the_strongest_truth_of_the_prediction_it_came_from(
    mail: Project, erin: User
) -> None:
    prediction = make_prediction(mail, at=NOW - timedelta(days=1))
    key = {"prediction": str(prediction.pk)}
    record_truth(project=mail, items=[key | {"value": "Yes"}], actor=None, now=NOW)
    put(mail, "a")
    Example.objects.update(prediction_id=prediction.pk)
    label(erin, mail, "No")
    match = Match.objects.get()
    assert (match.value, match.source) == ("No", "expert")
    undo(project=mail, user=erin, now=NOW)
    assert Match.objects.get().value == "Yes"
