"""The screenshots know every page, so that a new one is looked at too."""

from django.urls import get_resolver, resolve

from tests.route_matrix import ROUTES
from tools.screens_data import HOUSE, PLACES

# Photographed by a row that is there: one of the models, runs, predictions…
DETAILS = {"model", "run", "prediction", "example", "dataset", "model-worst"}
# Doors of the installation, steps of a draft, and pieces that pages are made of.
APART = {
    *("sign-in", "invitation", "styleguide", "palette", "draft", "draft-step"),
    *("new-source", "dataset-import", "dataset-rows", "operator-workers"),
    *(
        "loop",
        "styleguide-chart",
        "goal-chart",
        "model-chart",
        "monitor-chart",
        "rollout-evidence",
    ),
    *("rollout-who", "truth-card", "healthz", "readyz", "metrics"),
    *("openapi", "api-docs"),
}


def test_every_page_is_photographed() -> None:
    found = {resolve(f"/p/churn/{place}".rstrip("/")).url_name for place in PLACES}
    found |= {resolve(address).url_name for address in HOUSE.values()}
    patterns = get_resolver().reverse_dict
    pages = {
        name
        for name, methods in ROUTES.items()
        if "GET" in methods and name in patterns and not name.startswith(("api-", "v2"))
    }

    assert len(found) == len(PLACES) + len(HOUSE)
    assert pages - found - DETAILS - APART == set()
