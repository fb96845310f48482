"""What tests share: one demo company a run, the reference data, and the figures they measure.

The company is made by the user's own command, `madang demo`, once, in a temporary folder; worker
processes of one run (pytest-xdist) share it.

Tests marked `reference` read data that is not part of the repository: `shared/data` beside the
checkout, or the folder that MADANG_REFERENCE_DATA names. Where it is absent they are skipped.
"""

import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from demo_workspace import AS_OF, REPOSITORY, Company, Ended, command
from madang import config_secrets

PEOPLE, DAYS = 1500, 45
SLOW = 60  # seconds: of a shorter run nobody asks where the time went
REFERENCE = Path(os.environ.get("MADANG_REFERENCE_DATA") or REPOSITORY.parent / "shared" / "data")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes have no place in a test's name: packed ones differ with the second they are made in."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def secrets_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets that a command took out of the environment are forgotten with their test."""
    monkeypatch.setattr(config_secrets, "_taken", {})


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company that `madang demo` generated, built and synced to the local Braze."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "demo"
    folder.mkdir(exist_ok=True)
    root = folder / "company"
    arguments = ("--people", str(PEOPLE), "--days", str(DAYS), "--out", str(root))
    told = folder / "demo.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(asdict(command("madang", "demo", *arguments))))
    ended = Ended(**json.loads(told.read_text()))
    if ended.code:
        pytest.fail(f"madang demo did not work: {ended.told}")
    return Company(root, arguments, ended)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for tests with a warehouse of their own: dbt parses the project once there.

    Whoever uses it empties it first; see `emptied`.
    """
    root = tmp_path_factory.mktemp("scratch")
    text = f"version: 1\nas_of: {AS_OF}\nproject: {REPOSITORY}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data; tests that ask for it are marked `reference`."""
    return REFERENCE


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tell a figure at the end of the run, whether its test passes or fails."""
    return lambda figure: record_property("measured", figure)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REFERENCE.is_dir():
        return
    why = f"no reference data in {REFERENCE}; MADANG_REFERENCE_DATA may name its folder"
    for item in items:
        if item.get_closest_marker("reference"):
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for found in terminalreporter.stats.values()
        for report in found
        if isinstance(report, pytest.TestReport)
    ]
    figures = [
        figure
        for report in reports
        if report.when == "call"
        for name, figure in report.user_properties
        if name == "measured"
    ]
    if figures:
        terminalreporter.section("measured")
        for figure in figures:
            terminalreporter.write_line(figure)
    seconds: dict[str, float] = defaultdict(float)
    for report in reports:
        seconds[report.nodeid.split("::")[0]] += report.duration
    if sum(seconds.values()) > SLOW:
        terminalreporter.section("slowest files, in seconds")
        for name, spent in sorted(seconds.items(), key=lambda one: -one[1])[:30]:
            terminalreporter.write_line(f"{spent:7.1f} {name}")
