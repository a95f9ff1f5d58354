"""The screenshots know every page, so that a new one is looked at too."""

from django.urls import get_resolver, resolve

from tests.route_matrix import ROUTES
from tools.screens_data import DOORS, HOUSE, PLACES

# Photographed by a row that is there: one of the models, runs, predictions…
DETAILS = {"model", "run", "prediction", "example", "dataset", "model-worst"}
DETAILS |= {"dataset-rows", "rollout-who", "draft-step", "invitation"}
# The file while it is read, one that leads on to a step, pieces that pages are made of,
# and what is there with DEBUG alone.
APART = {
    "styleguide",
    *("dataset-import", "draft", "palette", "operator-workers", "loop", "truth-card"),
    *("styleguide-chart", "goal-chart", "model-chart", "monitor-chart", "decide"),
    *("rollout-evidence", "healthz", "readyz", "metrics", "openapi", "api-docs"),
}


def test_every_page_is_photographed() -> None:
    found = {resolve(f"/p/churn/{place}".rstrip("/")).url_name for place in PLACES}
    alone = [*HOUSE.values(), *DOORS.values()]
    found |= {resolve(address).url_name for address in alone}
    patterns = get_resolver().reverse_dict
    pages = {
        name
        for name, methods in ROUTES.items()
        if "GET" in methods and name in patterns and not name.startswith(("api-", "v2"))
    }

    assert len(found) == len(PLACES) + len(alone)
    assert pages - found - DETAILS - APART == set()
