"""Reviewers decide what others could not agree on, see how well they agree, and let a
paused labeller go on."""

from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import expect

from labelling.models import Annotation, Example, Flag, GroundTruth
from registry.models import Project, User
from registry.web import undo
from tests.browsing import Watched, look_at
from tests.examples import NOW, as_person, make_mail, page, put, say
from tests.refused import shown


@pytest.fixture
def mail(db: None) -> Project:
    return make_mail()


def test_a_dispute_is_decided_beside_the_others_answers(mail: Project) -> None:
    put(mail, "a", overlap=2)
    say(mail, "Erin", {"a": "Yes"})
    say(mail, "Omar", {"a": "No"})
    inbox = page("Rosa", "/review")
    assert "Erin" in inbox
    assert "Omar" in inbox
    form = {"example": Example.objects.get().pk, "value": "Yes", "comment": "An ad."}
    as_person("Rosa").post("/p/mail/examples/review", form)
    assert Example.objects.get().state == "labelled"
    word = Annotation.objects.get(decides=True)
    assert (word.user.username, word.value, word.comment) == ("Rosa", "Yes", "An ad.")
    assert "Nobody disagrees" in page("Rosa", "/review")
    late = as_person("Ada").post("/p/mail/examples/review", form | {"comment": "Mine."})
    page_of_it = late.content.decode()
    assert late.status_code == 409
    assert "somebody decided it just now" in page_of_it
    assert "An ad." in page_of_it  # the other's reason, beside one's own
    assert shown(page_of_it).holds("comment", "Mine.")


def test_a_decision_is_told_and_can_be_taken_back(mail: Project) -> None:
    put(mail, "a", "b", overlap=2)
    say(mail, "Erin", {"a": "Yes", "b": "Yes"})
    say(mail, "Omar", {"a": "No", "b": "No"})
    rosa, first = as_person("Rosa"), Example.objects.order_by("pk").first()
    form = {"example": first.pk, "value": "Yes"}
    answer = rosa.post("/p/mail/examples/review", form, follow=True)
    [message] = answer.context["messages"]
    assert str(message) == "Decided: Yes."
    back = undo.offered(message)
    assert GroundTruth.objects.order_by("-version").first().value == "Yes"
    assert as_person("Ada").post(back["action"], back["fields"]).status_code == 302
    assert Example.objects.get(pk=first.pk).state == "labelled"  # it was not hers

    page_after = rosa.post(back["action"], back["fields"], follow=True)

    assert page_after.context["row"] == first
    assert "Your decision is taken back." in page_after.content.decode()
    assert Example.objects.get(pk=first.pk).state == "disputed"
    assert GroundTruth.objects.order_by("-version").first().value is None
    assert Annotation.objects.get(decides=True).state == "undone"
    twice = rosa.post(back["action"], back["fields"], follow=True)
    assert "taken back or changed in another window" in twice.content.decode()


def test_after_a_decision_the_inbox_goes_on_where_the_reviewer_was(
    mail: Project,
) -> None:
    put(mail, "a", "b", "c", overlap=2)
    say(mail, "Erin", {"a": "Yes", "b": "Yes", "c": "Yes"})
    say(mail, "Omar", {"a": "No", "b": "No", "c": "No"})
    first, second, third = Example.objects.order_by("pk")
    after = f"/p/mail/examples/review?after={first.pk}"
    form = {"example": second.pk, "value": "Yes"}
    answer = as_person("Rosa").post(after, form, follow=True)
    assert answer.context["row"] == third


def test_people_and_their_agreement_in_plain_words(mail: Project) -> None:
    texts = [f"m{n}" for n in range(10)]
    put(mail, *texts, overlap=2)
    truth = {text: "Yes" if n % 2 else "No" for n, text in enumerate(texts)}
    say(mail, "Erin", truth)
    say(mail, "Omar", truth | {"m0": "Yes"})
    context = as_person("Rosa").get("/p/mail/examples/people").context
    assert context["agreement"].same == pytest.approx(0.9)
    assert context["agreement"].words == "very good"
    assert context["agreement"].pairs[0].kappa == pytest.approx(0.8)
    assert [one.name for one in context["people"]] == ["Erin", "Omar"]


def test_who_fails_on_gold_is_paused_told_and_let_go_on(mail: Project) -> None:
    texts = [f"g{n}" for n in range(12)]
    put(mail, *texts, gold="Yes")
    answers = {text: "Yes" if n < 5 else "No" for n, text in enumerate(texts)}
    for n, text in enumerate(texts):
        Example.objects.filter(key=text).update(shuffle=n)
    say(mail, "Erin", {text: answers[text] for text in texts[:10]})
    told = as_person("Erin").get("/p/mail/label").content.decode()
    assert "you had 5 of 10 right" in told
    assert "Rosa" in told
    erin = User.objects.get(username="Erin")
    form = {"user": erin.pk}
    assert as_person("Erin").post("/p/mail/examples/people", form).status_code == 403
    assert 'title="paused: 1"' in page("Rosa", "")  # seen from every tab
    assert "Let Erin go on" in page("Rosa", "/people")
    as_person("Rosa").post("/p/mail/examples/people", form)
    assert "Cannot tell" in as_person("Erin").get("/p/mail/label").content.decode()


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_the_pages_fit_and_are_readable_and_disputes_go_by_key(
    mail: Project, enter: Callable[..., Watched]
) -> None:
    put(mail, "a", "b", "c", overlap=2)
    say(mail, "Erin", {"a": "Yes", "b": "No", "c": "Yes"})
    say(mail, "Omar", {"a": "No", "b": "Yes", "c": "Yes"})
    example = Example.objects.first()
    Flag.objects.create(
        example=example,
        user=User.objects.get(username="Erin"),
        comment="?",
        created_at=NOW,
    )
    watched = enter("Rosa", reduced_motion="reduce")
    paths: Sequence[str] = (
        "", f"/{example.pk}", "/mine", "/review", "/people", "/guideline", "/import",
    )  # fmt: skip
    wrong = [
        found for path in paths for found in look_at(watched, f"/p/mail/examples{path}")
    ]
    assert not wrong, "\n".join(wrong)

    browser = watched.page
    watched.open("/p/mail/examples/review")
    browser.keyboard.press("2")
    expect(browser.get_by_text("Disagreements 1")).to_be_visible()
    browser.wait_for_load_state()  # the script that hears keys runs last
    browser.keyboard.press("c")
    expect(browser.get_by_role("heading", name="Nobody disagrees")).to_be_visible()
    words = Annotation.objects.filter(decides=True).order_by("pk")
    assert [row.value for row in words] == ["Yes", None]
    assert watched.said + watched.refused() == []


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_held_down_decides_once(
    mail: Project, enter: Callable[..., Watched]
) -> None:
    put(mail, "a", "b", overlap=2)
    say(mail, "Erin", {"a": "Yes", "b": "Yes"})
    say(mail, "Omar", {"a": "No", "b": "No"})
    watched = enter("Rosa")
    watched.open("/p/mail/examples/review")
    page = watched.page
    page.keyboard.down("2")
    expect(page.get_by_text("Decided: Yes.")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.down("2")
    page.keyboard.up("2")
    page.keyboard.press("c")
    expect(page.get_by_text("Decided: cannot tell.")).to_be_visible()
    words = Annotation.objects.filter(decides=True).order_by("pk")
    assert [row.value for row in words] == ["Yes", None]
    assert watched.said + watched.refused() == []


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("script", [True, False])
def test_enter_in_the_reason_decides_nothing(
    mail: Project, enter: Callable[..., Watched], script: bool
) -> None:
    put(mail, "a", overlap=2)
    say(mail, "Erin", {"a": "Yes"})
    say(mail, "Omar", {"a": "No"})
    watched = enter("Rosa", java_script_enabled=script)
    watched.open("/p/mail/examples/review")
    page = watched.page
    page.get_by_label("Why").fill("An ad.")
    page.get_by_label("Why").press("Enter")
    expect(page.get_by_label("Why")).to_have_value("An ad.")
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", name="Nobody disagrees")).to_be_visible()
    row = Annotation.objects.get(decides=True)
    assert (row.value, row.comment) == ("Yes", "An ad.")
