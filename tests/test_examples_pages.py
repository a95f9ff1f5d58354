"""The data manager: find examples and answers, mend one's own, ask, and write the
guideline. Blind where it must be."""

import pytest
from django.db import OperationalError

from labelling.models import Annotation, Example, Flag, GroundTruth, Guideline
from registry import audit
from registry.models import Project
from tests.examples import as_person, make_mail, page, put, say
from tests.refused import shown


@pytest.fixture
def mail(db: None) -> Project:
    return make_mail()


def keys(name: str = "Rosa", **asked: str) -> list[str]:
    answer = as_person(name).get("/p/mail/examples", asked)
    return [one["row"].key for one in answer.context["rows"]]


def test_examples_are_found_by_state_class_person_source_and_words(
    mail: Project,
) -> None:
    put(mail, "Buy now", "Grüße aus Köln", "Hello")
    put(mail, "known", gold="Yes")
    say(
        mail,
        "Erin",
        dict.fromkeys(Example.objects.values_list("key", flat=True), "Yes"),
    )
    put(mail, "late one")
    assert set(keys()) == {"Buy now", "Grüße aus Köln", "Hello", "known", "late one"}
    assert keys(state="open") == ["late one"]
    assert keys(state="nonsense", text="  ") == keys()
    assert set(keys(answer="Yes")) == {"Buy now", "Grüße aus Köln", "Hello", "known"}
    assert keys(answer="No") == []
    assert keys(annotator="Omar") == []
    assert len(keys(annotator="Erin")) == 4
    assert keys(source="gold") == ["known"]
    assert keys(source="production") == []
    assert keys(text="köln") + keys(text="Köln") != []
    assert keys(text="buy", state="labelled") == ["Buy now"]
    assert keys(text="%") == []


def test_examples_with_several_classes_are_found_by_each_of_them(mail: Project) -> None:
    classes = ["late", 'lät"e', "lost"]
    Project.objects.update(task="multilabel", classes=classes, positive_class="")
    put(mail, "a", "b", "c", "d")
    answers = {"a": ["late", "lost"], "b": ['lät"e'], "c": []}
    for key, answer in answers.items():
        Example.objects.filter(key=key).update(answer=answer, state="labelled")
    assert keys(answer="late") == ["a"]
    assert keys(answer='lät"e') == ["b"]
    assert keys(answer="lost", state="labelled") == ["a"]
    assert keys(answer="lat") == []


def test_long_lists_go_on_by_keyset_without_losing_the_filter(mail: Project) -> None:
    put(mail, *(f"mail {n:03}" for n in range(60)))
    client = as_person("Rosa")
    first = client.get("/p/mail/examples", {"text": "mail"})
    second = client.get("/p/mail/examples" + first.context["next"])
    shown = [
        one["row"].key for one in (*first.context["rows"], *second.context["rows"])
    ]
    assert shown == [f"mail {n:03}" for n in reversed(range(60))]
    assert second.context["next"] == ""


def test_labellers_see_their_own_answers_alone(mail: Project) -> None:
    put(mail, "a", "b", overlap=2)
    say(mail, "Erin", {"a": "Yes", "b": "No"})
    say(mail, "Omar", {"a": "No"} | {"b": "No"})
    assert "Omar" not in page("Erin")
    assert "Omar" not in page("Erin", "/mine")
    for path in ("/review", "/people", "/import", f"/{Example.objects.first().pk}"):
        assert as_person("Erin").get(f"/p/mail/examples{path}").status_code == 403
    assert "No" not in [
        one["said"]
        for one in as_person("Erin")
        .get("/p/mail/examples/mine", {"text": "a"})
        .context["rows"]
    ]


def test_an_own_answer_is_changed_and_the_truth_with_it(mail: Project) -> None:
    put(mail, "a")
    say(mail, "Erin", {"a": "Yes"})
    first = Annotation.objects.get()
    erin, omar = as_person("Erin"), as_person("Omar")
    form = {"annotation": first.pk, "value": "No"}
    omar.post("/p/mail/examples/mine", form)
    assert Annotation.objects.count() == 1  # not his

    erin.post("/p/mail/examples/mine", form)
    assert list(Annotation.objects.order_by("pk").values_list("state", "value")) == [
        ("superseded", "Yes"),
        ("submitted", "No"),
    ]
    assert Example.objects.get().answer == "No"
    assert GroundTruth.objects.order_by("-version").first().value == "No"
    late = {"annotation": first.pk, "value": "Yes"}
    again = erin.post("/p/mail/examples/mine", late)
    assert again.status_code == 409
    assert "not the newest" in again.content.decode()
    assert shown(again.content.decode()).holds("value", "Yes")
    newest = Annotation.objects.get(state="submitted").pk
    assert shown(again.content.decode()).holds("annotation", str(newest))
    erin.post("/p/mail/examples/mine", {"annotation": newest, "value": "Yes"})
    assert Example.objects.get().answer == "Yes"


def test_a_late_change_is_kept_though_the_list_begins_elsewhere(mail: Project) -> None:
    put(mail, "a")
    say(mail, "Erin", {"a": "Yes"})
    first = Annotation.objects.get()
    amended = {"annotation": first.pk, "value": "No"}
    erin = as_person("Erin")
    erin.post("/p/mail/examples/mine", amended)

    late = erin.post("/p/mail/examples/mine?text=nothing-like-it", amended)

    assert shown(late.content.decode()).holds("value", "No")


def test_who_changes_what_was_taken_back_is_sent_to_its_card(mail: Project) -> None:
    put(mail, "a")
    say(mail, "Erin", {"a": "Yes"})
    first = Annotation.objects.get()
    erin = as_person("Erin")
    erin.post("/p/mail/label", {"do": "undo"})

    late = erin.post(
        "/p/mail/examples/mine", {"annotation": first.pk, "value": "No"}
    ).content.decode()

    assert "You took this answer back" in late
    assert "save once more" not in late
    assert shown(late).holds("value", "No")


def test_the_guideline_keeps_every_version_and_loses_no_text(mail: Project) -> None:
    rosa = as_person("Rosa")
    rosa.post("/p/mail/examples/guideline", {"text": "Ads are spam.", "after": "0"})
    lost = rosa.post("/p/mail/examples/guideline", {"text": "Mine!", "after": "0"})
    assert lost.status_code == 409
    assert "Ads are spam." in lost.content.decode()
    form = shown(lost.content.decode())
    assert form.holds("text", "Mine!")
    assert form.holds("after", "1")
    rosa.post("/p/mail/examples/guideline", {"text": "Ads, and chains.", "after": "1"})
    kept = Guideline.objects.order_by("version")
    assert list(kept.values_list("version", "text")) == [
        (1, "Ads are spam."),
        (2, "Ads, and chains."),
    ]
    assert "Ads, and chains." in page("Erin", "/guideline")
    assert (
        as_person("Erin").post("/p/mail/examples/guideline", {"text": "x"}).status_code
        == 403
    )
    put(mail, "a")
    say(mail, "Erin", {"a": "Yes"})
    assert Annotation.objects.get().guideline_version == 2


@pytest.mark.faults
def test_a_guideline_is_written_only_with_its_entry_in_the_trail(
    mail: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(audit, "record", full)
    form = {"text": "Ads are spam.", "after": "0"}
    assert as_person("Rosa").post("/p/mail/examples/guideline", form).status_code == 503
    assert not Guideline.objects.exists()


def test_a_flag_gets_a_reply_that_its_labeller_sees(mail: Project) -> None:
    put(mail, "a")
    say(mail, "Erin", {"a": "Yes"})
    example = Example.objects.get()
    form = {"do": "flag", "example": example.pk, "comment": "A joke?"}
    assert as_person("Erin").post("/p/mail/label/step", form).status_code == 200
    assert keys(flagged="yes") == ["a"]
    flag = Flag.objects.get()
    address = f"/p/mail/examples/{example.pk}"
    as_person("Rosa").post(address, {"flag": flag.pk, "reply": "Yes, label it No."})
    assert "Yes, label it No." in page("Erin", "/mine")
    assert keys(flagged="yes") == []
    twice = as_person("Rosa").post(address, {"flag": flag.pk, "reply": "Mine."})
    assert twice.status_code == 409
    assert "has a reply already" in twice.content.decode()
    assert "Yes, label it No." in twice.content.decode()
    assert shown(twice.content.decode()).holds("reply", "Mine.")
