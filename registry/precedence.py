"""Registry: whose word about the truth counts, where several speak of one prediction.
Pure."""

from collections.abc import Iterable, Sequence

SOURCES = ("expert", "outcome", "feedback", "import")  # the strongest first


def problem(precedence: Iterable[object]) -> str:
    """What is wrong with an order of sources, "" where nothing is.

    >>> problem(["outcome", "expert"]), problem(["rumour"])[:7], problem(["import"] * 2)
    ('', 'rumour:', 'import is there twice.')
    """
    seen: list[object] = []
    for source in precedence:
        if source not in SOURCES:
            return f"{source}: write some of {', '.join(SOURCES)}, the strongest first."
        if source in seen:
            return f"{source} is there twice."
        seen.append(source)
    return ""


def complete(precedence: Sequence[str]) -> list[str]:
    """A project's order of sources, with those it does not name behind.

    >>> complete(["outcome"])
    ['outcome', 'expert', 'feedback', 'import']
    """
    named = [source for source in dict.fromkeys(precedence) if source in SOURCES]
    return named + [source for source in SOURCES if source not in named]
