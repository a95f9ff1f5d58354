"""The screenshots know every page, so that a new one is looked at too."""

from django.urls import resolve

from tests.route_matrix import ROUTES
from tools.screens_data import HOUSE, PLACES


def test_every_place_of_a_project_is_photographed() -> None:
    found = {resolve(f"/p/churn/{place}".rstrip("/")).url_name for place in PLACES}
    found |= {resolve(address).url_name for address in HOUSE.values()}

    assert all("GET" in ROUTES[str(name)] for name in found)
    assert len(found) == len(PLACES) + len(HOUSE)
