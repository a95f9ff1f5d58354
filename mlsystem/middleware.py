"""What every request passes: whom to believe about it, and what a page may load."""

import ipaddress
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_FORWARDED",
)


class TrustedProxies:
    """Believes X-Forwarded-* from `TRUSTED_PROXIES` alone, else strips it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.networks: list[IPv4Network | IPv6Network] = settings.TRUSTED_PROXIES

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._trusts(request.META.get("REMOTE_ADDR", "")):
            hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
            # From the right: a client can write what it likes on the left.
            for hop in (hop.strip() for hop in reversed(hops)):
                if not _is_address(hop):
                    break
                request.META["REMOTE_ADDR"] = hop
                if not self._trusts(hop):
                    break
        else:
            for name in FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)

    def _trusts(self, address: str) -> bool:
        if not self.networks or not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self.networks)


class ContentSecurityPolicy:
    """Sets the one policy on every response; a view that needs another sets it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(
            "Content-Security-Policy", settings.CONTENT_SECURITY_POLICY
        )
        return response


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
