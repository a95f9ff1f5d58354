"""The forms of a project's settings, as a browser sends them."""

from typing import Any

from django.http import HttpResponse
from django.test import Client

from registry.models import Project

COSTS = {
    "costs": "matrix",
    "currency": "EUR",
    "action-0": "wait",
    "cell-0-0": "0",
    "cell-0-1": "6 x monthly_charges",
    "action-1": "offer",
    "cell-1-0": "60",
    "cell-1-1": "60",
    "kind": "cost",
}


def save(client: Client, place: str, project: Project, **form: Any) -> HttpResponse:
    """A form as the page shown just now holds it."""
    project.refresh_from_db()
    fields = {"revision": project.revision} | form
    return client.post(f"/p/{project.slug}/settings{place}", fields, follow=True)
