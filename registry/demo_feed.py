"""Registry: what a demo project says about itself, so that every page can: where its data
comes from, what is invented, and whether its live feed is on."""

from django.conf import settings

from registry.models import Project, Schedule

TASK = "mlsystem.demo_feed"


def is_example(project: Project) -> bool:
    """Whether one of the examples declares it; only such a project can be a demo's."""
    return project.definition.startswith(f"{settings.EXAMPLE_DEFINITIONS}.")


def row_of(project: Project) -> Schedule | None:
    """The schedule of a demo's feed; None where the project is no demo's."""
    if not is_example(project):
        return None
    return Schedule.objects.filter(project=project, task=TASK).first()
