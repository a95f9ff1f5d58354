"""Background work of the ground floor."""

from celery import shared_task

from registry import definition_sync, drafts, intake, jobs


@shared_task(name=intake.TASK)
def import_dataset(job_id: str) -> None:
    """Read an uploaded file, or a source, into a new dataset version."""
    jobs.work(job_id, intake.do_import)


@shared_task(name=definition_sync.TASK)
def sync_definitions(job_id: str) -> None:
    """Write into the projects what their changed code declares."""
    jobs.work(job_id, definition_sync.do_sync)


@shared_task(name=drafts.TASK)
def read_draft(job_id: str) -> None:
    """Read a table that somebody brought, and look at its columns."""
    jobs.work(job_id, drafts.do_read)
