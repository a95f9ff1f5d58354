"""Background work: claimed once, fenced, resumed, cancelled, never forgotten."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import shared_task
from django.db import transaction

from registry import clock, jobs, sending
from registry.errors import Conflict
from registry.models import AuditEntry, Job
from tests.processes import end_of, start_python
from tests.watching import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
seen: list[str] = []


@shared_task(name="tests.note")
def note(job_id: str) -> None:
    jobs.work(job_id, lambda context: seen.append(context.args["word"]))


@shared_task(name="tests.fail")
def fail(job_id: str) -> None:
    def handler(context: jobs.JobContext) -> None:
        raise ValueError("The disk is made of cheese.")

    jobs.work(job_id, handler)


@shared_task(name="tests.refuse")
def refuse(job_id: str) -> None:
    def handler(context: jobs.JobContext) -> None:
        raise Conflict("The shop is closed.")

    jobs.work(job_id, handler)


@shared_task(name="tests.stages")
def stages(job_id: str) -> None:
    def handler(context: jobs.JobContext) -> None:
        done = context.checkpoint.get("done", 0) + 1
        context.save_checkpoint({"done": done})
        if done < 5:
            raise jobs.Continue

    jobs.work(job_id, handler)


@pytest.fixture(autouse=True)
def broker(monkeypatch):
    """What was sent; nothing leaves the process."""
    seen.clear()
    sent = []
    monkeypatch.setattr(
        sending.current_app, "send_task", lambda *a, **k: sent.append(a)
    )
    return sent


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_transaction_that_is_rolled_back_never_was(broker):
    with transaction.atomic():
        jobs.enqueue(task="tests.note", args={"word": "ghost"})
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert broker == []


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_does_not_stop_the_caller_and_the_tick_sends_later(
    monkeypatch, broker
):
    from kombu.exceptions import OperationalError

    def refuse(*args, **kwargs):
        raise OperationalError("no broker")

    monkeypatch.setattr(sending.current_app, "send_task", refuse)
    job = jobs.enqueue(task="tests.note", args={"word": "late"})
    monkeypatch.setattr(
        sending.current_app, "send_task", lambda *a, **k: broker.append(a)
    )
    sent_at = Job.objects.get(pk=job.pk).sent_at
    assert sending.resend_due(now=sent_at + timedelta(seconds=30)) == 0
    assert sending.resend_due(now=sent_at + timedelta(seconds=61)) == 1
    assert broker == [("tests.note", [str(job.pk)])]
    # The second pause is twice as long.
    assert sending.resend_due(now=sent_at + timedelta(seconds=61 + 100)) == 0
    assert sending.resend_due(now=sent_at + timedelta(seconds=61 + 125)) == 1


@pytest.mark.django_db
def test_a_job_delivered_twice_is_done_once():
    job = jobs.enqueue(task="tests.note", args={"word": "once"})
    note.run(str(job.pk))
    note.run(str(job.pk))
    job.refresh_from_db()
    assert seen == ["once"]
    assert (job.state, job.attempt, job.progress) == ("succeeded", 1, 1.0)


@pytest.mark.faults
@pytest.mark.django_db
def test_a_worker_whose_clock_is_behind_takes_what_it_is_sent():
    job = jobs.enqueue(task="tests.note", args={"word": "now"})
    behind = job.due_at - timedelta(seconds=2)
    assert jobs.claim(job.pk, now=behind)


@pytest.mark.django_db
def test_what_is_due_in_a_minute_waits_for_it():
    later = datetime.now(UTC) + timedelta(minutes=1)
    job = jobs.enqueue(task="tests.note", args={"word": "later"}, due_at=later)
    assert jobs.work_here(job).state == "queued"
    assert jobs.claim(job.pk, now=later)


@pytest.mark.django_db
def test_one_unfinished_job_a_key():
    first = jobs.enqueue(task="tests.note", args={"word": "a"}, key="refresh:1")
    assert jobs.enqueue(task="tests.note", args={"word": "b"}, key="refresh:1") == first
    jobs.work_here(first)
    assert jobs.enqueue(task="tests.note", args={"word": "c"}, key="refresh:1") != first


@pytest.mark.django_db
def test_a_failing_job_is_tried_three_times_later_each_time_and_says_why():
    job = jobs.enqueue(task="tests.fail")
    pauses = []
    for _ in range(3):
        Job.objects.filter(pk=job.pk).update(due_at=NOON)
        with clock.moved_to(NOON):
            jobs.work_here(job)
        pauses.append((job.due_at - NOON).total_seconds())
    assert pauses[:2] == [5, 20]
    assert job.state == "failed"
    assert job.message == "The disk is made of cheese."
    assert "ValueError" in job.error


@pytest.mark.django_db
def test_a_refusal_is_one_line_of_the_log_and_a_surprise_has_its_traceback(caplog):
    for task in ("tests.refuse", "tests.fail"):
        jobs.work_here(jobs.enqueue(task=task))

    refused, failed = (one for one in caplog.records if one.name == jobs.__name__)
    assert "The shop is closed." in refused.getMessage()
    assert refused.exc_info is None
    assert failed.exc_info is not None


@pytest.mark.django_db
def test_a_checkpoint_ends_the_message_and_costs_no_attempt():
    job = jobs.enqueue(task="tests.stages")
    for _ in range(5):
        jobs.work_here(job)
    assert (job.state, job.attempt) == ("succeeded", 1)
    assert job.checkpoint == {"done": 5}


@pytest.mark.faults
@pytest.mark.django_db
def test_who_lost_the_lease_can_write_nothing():
    job = jobs.enqueue(task="tests.note", args={"word": "x"})
    slow = jobs.JobContext(jobs.claim(job.pk, now=job.due_at))
    later = job.due_at + jobs.LEASE + timedelta(seconds=1)
    second = jobs.claim(job.pk, now=later)
    assert second is not None
    assert second.token > slow.token
    for write in (
        lambda: slow.progress(0.5),
        lambda: slow.log("still here"),
        lambda: slow.save_checkpoint({"a": 1}),
        lambda: slow.result({"a": 1}),
        slow.guard,
    ):
        with pytest.raises(jobs.LostLease):
            write()
    job.refresh_from_db()
    assert (job.checkpoint, job.result, job.log) == ({}, {}, "")


@pytest.mark.faults
@pytest.mark.django_db
def test_a_worker_that_dies_in_the_last_attempt_leaves_a_failed_job():
    job = jobs.enqueue(task="tests.note", args={"word": "x"}, max_attempts=1)
    far = datetime.now(UTC)
    assert jobs.claim(job.pk, now=far)
    far += jobs.LEASE + timedelta(seconds=1)
    assert jobs.claim(job.pk, now=far) is None
    job.refresh_from_db()
    assert job.state == "failed"
    assert "died" in job.error


@pytest.mark.django_db
def test_cancelling_stops_a_waiting_job_at_once_and_a_running_one_at_its_guard():
    waiting = jobs.cancel(job=jobs.enqueue(task="tests.note", args={"word": "x"}))
    assert waiting.state == "cancelled"
    running = jobs.enqueue(task="tests.note", args={"word": "y"})

    def handler(context: jobs.JobContext) -> None:
        jobs.cancel(job=context.job)
        context.guard()
        seen.append("went on")

    jobs.work(running.pk, handler)
    running.refresh_from_db()
    assert running.state == "cancelled"
    assert seen == []
    with pytest.raises(Conflict):
        jobs.cancel(job=running)


WORKER = """
import os, sys, time
from datetime import timedelta
from django.db import transaction
from registry import clock, jobs, sending
from registry.models import AuditEntry, Job
jobs.LEASE, jobs.HEARTBEAT = timedelta(seconds=float(sys.argv[2])), 0.3
deadly = sys.argv[1] == "deadly"

def handler(context):
    if context.checkpoint.get("done"):
        return
    if deadly and context.args["n"] % 4 == 0:
        os.kill(os.getpid(), 9)
    with transaction.atomic():  # the effect and its mark in one commit
        context.save_checkpoint({"done": True})
        AuditEntry.objects.create(actor_name="w", action="x", target=context.args["n"])

end = time.time() + 150  # the test waits longer
while time.time() < end:
    open_jobs = Job.objects.filter(state__in=["queued", "running"])
    waiting = list(open_jobs.values_list("pk", flat=True))
    if not waiting:
        break
    for pk in waiting:
        jobs.work(pk, handler)
    time.sleep(0.05)
"""


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_killed_workers_lose_nothing_and_do_nothing_twice():
    for number in range(24):
        jobs.enqueue(task="tests.note", args={"n": number}, max_attempts=10)
    deadly = [start_python(WORKER, "deadly", "1.5") for _ in range(3)]
    died = end_of(deadly[0])  # alone with their own kind, all meet a deadly job
    patient = start_python(WORKER, "patient", "1.5")
    output = died + "".join(end_of(child) for child in [*deadly[1:], patient])
    assert deadly[0].returncode == -signal.SIGKILL, output
    assert set(Job.objects.values_list("state", flat=True)) == {"succeeded"}, output
    done = sorted(int(n) for n in AuditEntry.objects.values_list("target", flat=True))
    assert done == list(range(24))


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_keeps_a_long_job_with_its_worker(tmp_path: Path):
    done = tmp_path / "done"
    wait = f"while not os.path.exists({str(done)!r}): time.sleep(0.05)"
    code = WORKER.replace("with transaction", f"{wait}\n    with transaction", 1)
    job = jobs.enqueue(task="tests.note", args={"n": 1})
    worker = start_python(code, "patient", "90")
    try:
        eventually(lambda: Job.objects.filter(pk=job.pk, attempt=1).exists(), within=90)
        end = Job.objects.get(pk=job.pk).lease_until + timedelta(seconds=1)
        eventually(lambda: Job.objects.get(pk=job.pk).lease_until > end, within=90)
        assert jobs.claim(job.pk, now=end) is None  # the lease of its beginning is over
    finally:
        done.touch()
        output = end_of(worker)
    assert worker.returncode == 0, output
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("succeeded", 1)
