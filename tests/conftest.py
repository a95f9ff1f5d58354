"""Shared by every test: services, and fixtures. Small factories are in factories.py."""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.test import TransactionTestCase

from tests import draws, emptying, services

pytest_plugins = ["tests.browsing"]
# How long an example takes says something of the machine, not of the code. In CI the same
# code gets the same examples; whoever works on it gets others at every run.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")

# The files that take longest, in that order. They go first: one that began last would
# run while the other workers have nothing left to do.
LONGEST = (
    *("browser", "schema_is_kept", "builder_core", "orchestrator", "supervisor"),
    *("label_demo_browser", "bring_browser", "builder_child", "label_outbox"),
    *("plain_forms", "long_lists", "pages", "run_command", "flights_definition"),
    *("live_browser", "builds_api", "run_survives", "create_project"),
    *("route_matrix", "demo_feed", "monitor_browser", "charts_browser"),
    *("demo_story", "version_pages", "demo_flights", "label_screen", "label_turns"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        metavar="SERVICES",
        help="fail rather than leave out tests that need postgres, redis or chromium; "
        "default: all of them where CI=true, else none",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    # Before -m chooses by our marks, and after others have ordered them.
    services.mark(items, needed=services.required(config.getoption("--require")))
    yield
    ranks = {f"test_{name}.py": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if missing := item.get_closest_marker("missing_service"):
        pytest.fail(f"This run must not leave it out: needs {missing.args[0]}.", False)
    seed = item.config.getoption("randomly_seed", None)
    if seed is not None:  # else: -p no:randomly
        draws.begin(f"{seed} {item.nodeid}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    line = services.left_out(terminalreporter.stats.get("skipped", []))
    if line:
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any],
) -> dict[str, Any]:
    """Playwright drives the machine's own Chromium."""
    return browser_type_launch_args | {
        "executable_path": services.chromium(),
        "args": [
            *("--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update"),
        ],
    }


@pytest.fixture(scope="session", autouse=True)
def _rows_are_deleted() -> Iterator[None]:
    """After a test that commits: rather than to truncate every table."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            TransactionTestCase, "_fixture_teardown", emptying.fixture_teardown
        )
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers of rows that the last test rolled back, and what the
    cache has counted."""
    # Not of the run's seed: a cache outlives a run, and counts on in the next one.
    prefix = f"test-{draws.MACHINE(16).hex()}"
    monkeypatch.setattr("registry.web.limits.PREFIX", prefix)
    from serving.frontend import failures
    from serving.model_server import states

    states.forget()
    failures.forget()


@pytest.fixture
def still() -> Iterator[None]:
    """The clock stands still: no hour, day or window ends between two looks at it."""
    from registry import clock

    with clock.moved_to(clock.now()):
        yield


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds in this process stop after a handful of trials: time enough, soon over."""
    from mlsystem.builder import trials

    monkeypatch.setattr(trials, "MOST_TRIALS", 4)
