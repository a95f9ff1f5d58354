"""What every request passes: whom to believe about it, and what a page may load."""

from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from mlsystem.env import Environment
from mlsystem.middleware import ContentSecurityPolicy, TrustedProxies


def seen_by_views(proxies: str, **meta: str) -> tuple[str, bool]:
    """The client's address and whether the request counts as https."""
    request = RequestFactory().get("/", **meta)
    with override_settings(TRUSTED_PROXIES=_networks(proxies)):
        TrustedProxies(lambda _: HttpResponse())(request)
    return request.META["REMOTE_ADDR"], request.is_secure()


def _networks(words: str) -> list[Any]:
    return Environment({"P": words}).networks("P")


def test_forwarded_headers_of_a_stranger_are_ignored():
    forged = {"HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_X_FORWARDED_PROTO": "https"}

    assert seen_by_views("", REMOTE_ADDR="9.9.9.9", **forged) == ("9.9.9.9", False)
    assert seen_by_views("10.0.0.0/8", REMOTE_ADDR="9.9.9.9", **forged) == (
        "9.9.9.9",
        False,
    )


def test_forwarded_headers_of_a_trusted_proxy_are_believed():
    forwarded = {"HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_X_FORWARDED_PROTO": "https"}

    assert seen_by_views("10.0.0.0/8", REMOTE_ADDR="10.1.1.1", **forwarded) == (
        "1.2.3.4",
        True,
    )


def test_a_client_cannot_forge_its_address_in_front_of_the_proxys_entry():
    assert seen_by_views(
        "10.0.0.0/8",
        REMOTE_ADDR="10.1.1.1",
        HTTP_X_FORWARDED_FOR="8.8.8.8, 1.2.3.4, 10.7.7.7",
    ) == ("1.2.3.4", False)


def test_the_content_security_policy_is_on_every_answer(client):
    policy = client.get("/no/such/page").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy


def test_a_view_may_bring_a_policy_of_its_own():
    def view(_: Any) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    answer = ContentSecurityPolicy(view)(RequestFactory().get("/"))

    assert answer.headers["Content-Security-Policy"] == "sandbox"
