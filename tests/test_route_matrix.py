"""Every address there is: who gets in, who does not, and that nobody sees a 500."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from registry.actors import INCLUDES, LEAST_ROLE
from registry.catalogue import ROLES, SCOPES
from registry.models import Project, User
from registry.web import routes
from registry.web.access import HOUSE_LEVELS, MEMBER
from registry.web.late_forms import WITHOUT_SECRETS
from registry.web.routes import Route
from tests.factories import make_key, make_project, make_user
from tests.route_matrix import BODIES, PARTS, ROUTES

ALL = [route for route in routes.walk() if not route.guarded_elsewhere]
KNOWN = [route for route in ALL if route.name in ROUTES]  # the others fail just once
PARTS_BY_KIND = {"int": 1, "uuid": UUID(int=1), "slug": "churn", "str": "x"}
HOUSE = frozenset(HOUSE_LEVELS)


def test_every_address_has_a_line_and_every_line_an_address() -> None:
    assert {route.name for route in ALL} == set(ROUTES)


def test_no_two_addresses_share_a_name() -> None:
    assert len({route.name for route in ALL}) == len(ALL)


def test_every_post_takes_an_idempotency_key_but_those_that_write_no_row() -> None:
    without = {
        route.path.removeprefix("/api/v1/projects/<slug:project>/")
        for route in ALL
        if isinstance(route.view, type)
        and "POST" in (route.access or {})
        and not getattr(route.view.post, "idempotent", False)  # type: ignore[attr-defined]
    }
    assert without == {
        "features",
        "models/<int:number>/predict",
        "queue/release",
        "queue/renew",
    }


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.name)
def test_the_view_says_what_the_line_says(route: Route) -> None:
    said = {
        method: " ".join(
            [
                *rule.roles,
                *rule.scopes,
                *([f"people:{rule.people}"] * bool(rule.people)),
            ]
        ).strip()
        for method, rule in (route.access or {}).items()
    }

    assert said == ROUTES[route.name]


@dataclass
class Caller:
    """Somebody at the door, and what they may be called in a line."""

    name: str
    client: Client
    is_a: frozenset[str]
    headers: dict[str, str]
    scopes: frozenset[str] | None = None  # None: no key
    member: bool = True

    def gets_in(self, line: str) -> bool:
        words, _, people = line.partition(" people:")
        roles, scopes = set(words.split()) - set(SCOPES), set(words.split())
        if self.scopes is None and people:
            roles = {people}
        if "anyone" in roles:
            return True
        if self.scopes is not None and not scopes & self.scopes:
            return False
        return not roles.isdisjoint(self.is_a)


@pytest.fixture(scope="module")
def callers(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Caller]]:
    """Everybody, made once: what a request does is undone (`_ask`), they are not."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _everybody()
        transaction.set_rollback(True)


def _everybody() -> list[Caller]:
    """Those who get in last: what they do, nobody after them should miss."""
    project = make_project()
    make_user("Omar", project=project, role="labeller")
    other = make_project("flights")
    found = [Caller("nobody", Client(), frozenset(), {}, member=False)]
    found.append(_person("Sam", project=None))
    found.append(_with_key(other, "manage", member=False))
    found += [_person(f"a {role}", project=project, role=role) for role in ROLES]
    found += [_with_key(project, scope) for scope in SCOPES]
    return found


def _person(name: str, *, project: Project | None, role: str = "") -> Caller:
    user = make_user(name, project=project, role=role)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    roles = INCLUDES[role] | {MEMBER} if project else frozenset()
    return Caller(name, client, roles | {"user"}, {}, member=project is not None)


def _with_key(project: Project, scope: str, *, member: bool = True) -> Caller:
    # The command line's manage keys are an admin's.
    role = "admin" if scope == "manage" else LEAST_ROLE[scope]
    roles = INCLUDES[role] | {MEMBER} if member else frozenset()
    return Caller(
        f"a key of {project} for {scope}",
        Client(raise_request_exception=False),
        roles | {"user"},
        {"X-Api-Key": make_key(project, scope)},
        scopes=frozenset({scope}),
        member=member,
    )


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.name)
def test_those_and_only_those_get_in(route: Route, callers: list[Caller]) -> None:
    line = ROUTES[route.name]
    of_project = "<slug:project>" in route.path
    for method, words in line.items():
        for caller in callers:
            if caller.scopes is not None and not isinstance(route.view, type):
                continue  # pages know no keys: to them this is nobody
            status = _ask(route, method, caller)
            told = f"{method} {route.path} by {caller.name}: {status}"
            assert status < 500 or status == 503, told
            inside = caller.member or not of_project or "anyone" in words.split()
            if caller.gets_in(words) and inside:
                assert status not in {401, 403, 405}, told
            else:
                assert status in _refusals(route, method, caller), told


def _refusals(route: Route, method: str, caller: Caller) -> set[int]:
    """401 or a way to the sign-in page, 404 for strangers, 403 for members. A form of
    whom nobody knows any more is a 403 that shows what was typed."""
    if caller.name == "nobody":
        late = method == "POST" and route.path.startswith(WITHOUT_SECRETS)
        return {401} if isinstance(route.view, type) else {403 if late else 302}
    if not caller.member and "<slug:project>" in route.path:
        return {404}
    return {403}


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.name)
def test_other_methods_do_not_exist(route: Route, callers: list[Caller]) -> None:
    admin = next(caller for caller in callers if caller.name == "a admin")
    others = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(
        ROUTES[route.name]
    )

    assert {_ask(route, method, admin) for method in others} == {405}


def _ask(route: Route, method: str, caller: Caller) -> int:
    """The status of one request, whose effects are undone."""
    address = _address(route)
    extra: dict[str, Any] = {"headers": caller.headers}
    if method not in {"GET", "DELETE", "OPTIONS"} and isinstance(route.view, type):
        body = json.dumps(BODIES.get(route.name, {}))
        extra |= {"data": body, "content_type": "application/json"}
    signed_in = dict(caller.client.cookies)
    with transaction.atomic():
        response = caller.client.generic(method, address, **extra)
        if response.streaming:  # read here: its end closes the connection
            list(response.streaming_content)
        transaction.set_rollback(True)
    caller.client.cookies.clear()
    caller.client.cookies.update(signed_in)
    return response.status_code


def _address(route: Route) -> str:
    parts = {name: PARTS_BY_KIND[kind or "str"] for kind, name in _parts(route)}
    return reverse(route.name, kwargs=parts | PARTS.get(route.name, {}))


def _parts(route: Route) -> Iterator[tuple[str, str]]:
    yield from routes.PART.findall(route.path)


@pytest.mark.django_db
def test_djangos_admin_is_for_staff_and_has_no_door_of_its_own(client: Client) -> None:
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/").headers["Location"].startswith("/sign-in?")

    client.force_login(make_user("Erin"))
    assert client.get("/admin/", follow=True).status_code == 403

    ada = make_user("Ada")
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    client.force_login(ada)
    assert client.get("/admin/").status_code == 200
