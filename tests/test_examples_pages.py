"""The data manager: find examples and answers, mend one's own, decide what others could
not agree on, write the guideline, bring a file in. Blind where it must be."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import expect

from labelling import housekeeping, tasks  # noqa: F401  # registers the tasks
from labelling.labeller import intake_jobs
from labelling.labeller.annotate import read_answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from labelling.models import Annotation, Example, Flag, GroundTruth, Guideline
from registry import jobs, storage
from registry.jobs import work_here
from registry.models import Job, Project, User
from tests.browsing import Watched, look_at
from tests.factories import make_project, make_user
from tests.refused import shown

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEOPLE = {"Erin": "labeller", "Omar": "labeller", "Rosa": "reviewer", "Ada": "admin"}


@pytest.fixture
def mail(db: None) -> Project:
    project = make_project(
        "mail",
        target="spam",
        fields=[{"name": "text", "kind": "text"}],
        costs={},
        decision={},
    )
    for name, role in PEOPLE.items():
        make_user(name, project=project, role=role)
    return project


def put(project: Project, *texts: str, **more: Any) -> None:
    items = [{"payload": {"text": text}, "key": text} | more for text in texts]
    taken = import_examples(project=project, items=enumerate(items), now=NOW)
    assert not taken.errors


def say(project: Project, name: str, answers: dict[str, str]) -> None:
    user = User.objects.get(username=name)
    for _ in answers:
        card = hand_out(
            project=project, user=user, reviews=False, count=1, now=NOW
        ).cards[0]
        submit(
            project=project,
            example_id=card.example.pk,
            user=user,
            reviews=False,
            token=card.lease.token,
            answer=read_answer(
                project=project, value=answers[card.example.key], cannot_tell=False
            ),
            client_key=uuid4().hex,
            count=0,
            now=NOW,
        )


def as_person(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def page(name: str, path: str = "", **asked: str) -> str:
    answer = as_person(name).get(f"/p/mail/examples{path}", asked)
    assert answer.status_code == 200
    return answer.content.decode()


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
    assert list(Guideline.objects.values_list("version", "text")) == [
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


def bring(name: str, data: bytes, **more: str) -> Any:
    file = SimpleUploadedFile(name, data)
    return as_person("Rosa").post(
        "/p/mail/examples/import", {"file": file, "overlap": "1"} | more
    )


def test_a_file_comes_in_by_a_job_that_tells_its_bad_rows(mail: Project) -> None:
    assert bring("mails.csv", b"text,extra\na,1\nb,2\na,1\nc\n").status_code == 302
    job = Job.objects.get(task="labelling.import")
    assert "mails.csv" in page("Rosa", "/import")
    assert work_here(job).state == "succeeded"
    shown = page("Rosa", "/import")
    assert "2 added, 1 were here already, 1 left out" in shown
    assert "row 5: 1 cells; the header has 2." in shown
    again = bring(
        "lines.jsonl",
        b'{"text": "d"}\n{"payload": {"text": "e"}, "overlap": 3}\n',
        overlap="2",
    )
    assert again.status_code == 302
    work_here(Job.objects.filter(task="labelling.import").latest("created_at"))
    assert dict(Example.objects.values_list("payload__data__text", "overlap")) == {
        "a": 1, "b": 1, "d": 2, "e": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("mails.xlsx", {}, ".csv, .jsonl or .ndjson"),
        ("mails.csv", {"overlap": "0"}, "whole number from 1 to 20"),
        ("mails.csv", {"overlap": "99"}, "whole number from 1 to 20"),
    ],
)
def test_a_file_that_cannot_come_in_is_refused_at_once(
    mail: Project, name: str, more: dict[str, str], words: str
) -> None:
    answer = bring(name, b"text\na\n", **more)
    assert answer.status_code == 400
    form = shown(answer.content.decode())
    assert words in form.says("overlap" if more else "file")
    assert form.holds("overlap", more.get("overlap", "1"))
    assert not Job.objects.exists()


def test_a_broken_file_fails_its_job_with_the_reason(mail: Project) -> None:
    bring("mails.csv", b"text,text\na,b\n")
    job = Job.objects.get(task="labelling.import")
    for _ in range(job.max_attempts):
        Job.objects.filter(pk=job.pk).update(due_at=NOW)
        job = work_here(job)
    assert job.state == "failed"
    assert "must name every column" in page("Rosa", "/import")


def test_the_file_of_an_import_that_failed_or_was_stopped_is_deleted(
    mail: Project,
) -> None:
    for _ in range(3):
        bring("mails.csv", b"text,text\na,b\n")
    waits, failed, stopped = Job.objects.filter(task="labelling.import")
    files = {job: storage.fetch(**stored(job)) for job in (waits, failed, stopped)}
    jobs.cancel(job=stopped)
    Job.objects.filter(pk=failed.pk).update(state="failed", finished_at=NOW)

    housekeeping.clean(NOW)

    there = {job: path.exists() for job, path in files.items()}
    assert there == {waits: True, failed: False, stopped: False}
    assert intake_jobs.forget_files() == 0  # nothing is looked at twice


def stored(job: Job) -> dict[str, str]:
    return {"uri": job.args["uri"], "sha256": job.args["sha256"]}


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
    browser.keyboard.press("c")
    expect(browser.get_by_role("heading", name="Nobody disagrees")).to_be_visible()
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
