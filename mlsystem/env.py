"""Strict reading of the environment: a value that is not understood stops the start.

Every mistake is collected, so one start tells all of them.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

HOST_NAME = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
SOURCE_NAME = re.compile(r"SOURCE_([A-Z][A-Z0-9_]*)_URL\Z")
SOURCE_SCHEMES = "postgresql postgres sqlite duckdb file"
MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


class SettingError(ImproperlyConfigured):
    """The environment holds something we refuse to guess about."""


@dataclass
class Environment:
    """One reading of the variables; `finish()` raises if any of them was wrong."""

    values: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding blanks; an empty one counts as not set."""
        return self.values.get(name, "").strip() or default

    def secret(self, name: str, *, shortest: int) -> str:
        value = self.text(name)
        if value and len(value) < shortest:
            self.problems.append(
                f"{name}: {len(value)} characters; write at least {shortest}."
            )
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "true" if default else "false")
        if value not in {"true", "false"}:
            self._refuse(name, "write true or false.")
        return value == "true"

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if re.fullmatch(r"\d{1,9}", value) and low <= int(value) <= high:
            return int(value)
        self._refuse(name, f"write a whole number from {low} to {high}.")
        return default

    def words(self, name: str, pattern: re.Pattern[str], cure: str) -> list[str]:
        """A list separated by commas, each of whose words fits the pattern."""
        words = [word.strip() for word in self.text(name).split(",") if word.strip()]
        for word in words:
            if not pattern.match(word):
                self.problems.append(f"{name}: {word!r} in the list: {cure}")
        return words

    def hosts(self, name: str) -> list[str]:
        cure = "write host names without scheme, port and *, separated by commas."
        return self.words(name, HOST_NAME, cure)

    def modules(self, name: str) -> list[str]:
        cure = "write Python modules as package.module, separated by commas."
        return self.words(name, MODULE_NAME, cure)

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        found = []
        for word in self.words(name, re.compile(""), ""):
            try:
                found.append(ipaddress.ip_network(word))
            except ValueError:
                self.problems.append(
                    f"{name}: {word!r} in the list: write addresses or networks "
                    "as 10.0.0.5 or 10.0.0.0/8, separated by commas."
                )
        return found

    def folder(self, name: str, default: Path) -> Path:
        value = self.text(name)
        path = Path(value).expanduser().resolve() if value else default
        if path.exists() and not path.is_dir():
            self._refuse(name, "this is a file; write a folder.")
        return path

    def url(self, name: str, default: str, *, schemes: str) -> str:
        """A URL with one of the schemes (separated by blanks).

        Mistakes are told without the value: such a URL holds a password.
        """
        value = self.text(name, default)
        if value and _scheme(value) not in schemes.split():
            allowed = ", ".join(f"{scheme}://" for scheme in schemes.split())
            self.problems.append(f"{name}: write a URL that begins with {allowed}.")
            return default
        return value

    def origin(self, name: str, default: str) -> SplitResult:
        """A public address: http or https, a host, perhaps a port, nothing else."""
        value = self.text(name, default).removesuffix("/")
        try:
            parts = urlsplit(value)
            valid = (
                parts.scheme in {"http", "https"}
                and HOST_NAME.match(parts.hostname or "") is not None
                and parts.username is None
                and (parts.port is None or parts.port > 0)
                and value == f"{parts.scheme}://{parts.netloc}"
            )
        except ValueError:
            valid = False
        if not valid:
            self._refuse(name, "write https://host or http://host:port, no path.")
            return urlsplit(default)
        return parts

    def sources(self) -> dict[str, str]:
        """`SOURCE_<NAME>_URL` by lower-case name."""
        found = {}
        for variable in sorted(self.values):
            if not variable.startswith("SOURCE_") or not variable.endswith("_URL"):
                continue
            match = SOURCE_NAME.match(variable)
            value = self.url(variable, "", schemes=SOURCE_SCHEMES)
            if match and value:
                found[match[1].lower()] = value
            elif value:
                self.problems.append(
                    f"{variable}: write SOURCE_<NAME>_URL=scheme://…, the name in "
                    "capital letters, digits and _."
                )
        return found

    def finish(self) -> None:
        if self.problems:
            raise SettingError("\n".join(self.problems))

    def _refuse(self, name: str, cure: str) -> None:
        self.problems.append(f"{name}={self.text(name)!r}: {cure}")


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else ""
