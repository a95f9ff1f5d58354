"""System checks: settings that parse, but would not do what their owner hopes."""

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register

from mlsystem import telemetry


@register()
def definitions_can_be_found(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"MLSYSTEM_DEFINITIONS names {module}, which cannot be found.",
            hint="Write it as import would; its folder must be on PYTHONPATH.",
            id="mlsystem.E001",
        )
        for module in settings.MLSYSTEM_DEFINITIONS
        if not _exists(module)
    ]


@register()
def https_needs_a_proxy(**kwargs: Any) -> list[CheckMessage]:
    if not settings.HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        Info(
            "PUBLIC_URL is https, but mlsystem itself speaks http and believes no "
            "proxy: every page would redirect to itself.",
            hint="Set TRUSTED_PROXIES to the address of the proxy that ends TLS.",
            id="mlsystem.I001",
        )
    ]


@register()
def debug_stays_at_home(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or settings.PUBLIC.hostname in {"localhost", "127.0.0.1"}:
        return []
    return [
        Warning(
            "DEBUG is on and PUBLIC_URL is not this machine: error pages would show "
            "settings and code to strangers.",
            hint="Unset DEBUG.",
            id="mlsystem.W001",
        )
    ]


@register()
def telemetry_is_installed(**kwargs: Any) -> list[CheckMessage]:
    return [
        Warning(
            f"{name} is set, and {package} is not installed: nothing is sent.",
            hint="Install it: pip install -r requirements-telemetry.txt.",
            id="mlsystem.W002",
        )
        for name, package in telemetry.missing()
    ]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
