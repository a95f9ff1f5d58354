"""Registry: what a demo project says about itself, so that every page can: where its data
comes from, what is invented, and whether its live feed is on."""

from django.conf import settings

from registry.models import Project, Schedule

TASK = "mlsystem.demo_feed"


def row_of(project: Project) -> Schedule | None:
    """The schedule of a demo's feed; None where the project is no demo's."""
    if not project.definition.startswith(f"{settings.EXAMPLE_DEFINITIONS}."):
        return None
    return Schedule.objects.filter(project=project, task=TASK).first()
