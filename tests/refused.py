"""What a page shows of a form that was refused: each field with what it holds, what is
said under it, and which of them has the focus."""

from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

TYPED = {"input", "select", "textarea"}
VOID = {"input", "img", "br", "meta", "link", "hr", "source"}


@dataclass
class Control:
    """A control of a form as somebody sees and hears it."""

    name: str
    kind: str
    invalid: bool
    focused: bool
    described: list[str]
    value: str | None
    on: bool  # a box or a radio that is chosen
    says: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.controls: list[Control] = []
        self.texts: dict[str, str] = {}
        self.open: list[tuple[str, str]] = []
        self.area: Control | None = None
        self.select: Control | None = None
        self.chosen: Control | None = None  # an option whose text is its value
        self.focused: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append((tag, given.get("id") or ""))
        if "autofocus" in given:
            self.focused.append(given.get("name") or tag)
        if tag in TYPED:
            self._control(tag, given)
        elif tag == "option" and self.select is not None and "selected" in given:
            self.select.value = given.get("value")
            self.chosen = self.select if "value" not in given else None

    def _control(self, tag: str, given: dict[str, str | None]) -> None:
        one = Control(
            name=given.get("name") or "",
            kind=given.get("type") or tag,
            invalid=given.get("aria-invalid") == "true",
            focused="autofocus" in given,
            described=(given.get("aria-describedby") or "").split(),
            value=given.get("value") if tag == "input" else None,
            on="checked" in given,
        )
        self.controls.append(one)
        if tag == "textarea":
            self.area, one.value = one, ""
        if tag == "select":
            self.select = one

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass
        if tag == "textarea" and self.area is not None:
            # A browser drops the first line end, too.
            self.area.value = (self.area.value or "").removeprefix("\n")
            self.area = None
        if tag == "option":
            self.chosen = None
        if tag == "select":
            self.select = None

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area.value = (self.area.value or "") + data
        if self.chosen is not None:
            self.chosen.value = data
        for _, known in self.open:
            if known:
                self.texts[known] = self.texts.get(known, "") + data


@dataclass
class Shown:
    """A page: its controls, and what is focused when it opens."""

    controls: list[Control]
    focused: list[str]

    def named(self, name: str) -> Iterator[Control]:
        return (one for one in self.controls if one.name == name)

    def holds(self, name: str, value: str) -> bool:
        """Whether a field holds what was typed, or a choice of it is chosen."""
        return any(
            (one.value or "") == value
            and (one.on or one.kind not in {"checkbox", "radio"})
            for one in self.named(name)
        )

    def says(self, name: str) -> str:
        """What is said under a wrong field, read out with it."""
        return " ".join(one.says for one in self.named(name) if one.invalid)


def shown(html: str) -> Shown:
    reader = _Reader()
    reader.feed(html)
    for one in reader.controls:
        one.says = " ".join(
            " ".join(reader.texts.get(known, "").split())
            for known in one.described
            if known.endswith("_error")
        )
    return Shown(reader.controls, reader.focused)
