"""What may do harm to a network runs apart, and what attacks did is told at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.bad_days import apart, figures


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(apart.plugin(config), "apart")


@pytest.fixture(autouse=True)
def network_of_its_own(request: pytest.FixtureRequest) -> None:
    """No attack runs beside the host's network, however pytest was called."""
    if apart.wanted(request.path):
        inside = request.config.pluginmanager.get_plugin("apart")
        assert isinstance(inside, apart.Inside), "this test runs in a namespace of its own only"
        apart.require_apart(inside.outside)


@pytest.fixture(autouse=True)
def told(record_property: Callable[[str, object], None]) -> Iterator[None]:
    yield
    for one in figures.drained():
        record_property(figures.PROPERTY, one)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    seen = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, value in report.user_properties
        if name == figures.PROPERTY and isinstance(value, dict)
    ]
    if seen:
        terminalreporter.section("what attacks did")
        for line in figures.table(seen):
            terminalreporter.line(line)
