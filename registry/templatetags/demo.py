"""`{% demo_feed project as feed %}`: the feed of a demo project, or None."""

from typing import Any

from django import template

from registry.demo_feed import row_of
from registry.models import Project, Schedule

register = template.Library()


@register.simple_tag
def demo_feed(project: Any) -> Schedule | None:
    return row_of(project) if isinstance(project, Project) else None
