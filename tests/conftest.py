"""What tests share: one demo company a run, the reference data, and the figures they measure.

The company is made by the user's own command, `madang demo`, once, in a temporary folder; worker
processes of one run (pytest-xdist) share it.

Tests marked `reference` read data that is not part of the repository: `shared/data` beside the
checkout, or the folder that MADANG_REFERENCE_DATA names. Where it is absent they are skipped.
"""

import fcntl
import gc
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path

import pytest

import parsed_once
from demo_workspace import AS_OF, MARU, REPOSITORY, SUPPORT, Company, Ended, command
from madang.settings import secrets as config_secrets

PEOPLE, DAYS = 1500, 45
SMALL_PEOPLE, SMALL_DAYS = 400, 14
BUDGET = 15  # minutes of a whole run on two cores; see CONTRIBUTING.md
BEGAN, SPENT = pytest.StashKey[float](), pytest.StashKey[float]()
#: The files that take longest begin first, so that the workers of a run end together.
LONGEST = (
    *("test_both_warehouses.py", "test_bigquery_commands.py", "test_bigquery_erase.py"),
    *("test_unchanged_bigquery.py", "test_changed_columns.py", "test_export_shapes_bigquery.py"),
    *("test_unchanged.py", "test_states.py", "test_erase_killed.py", "test_unmerge.py"),
    *("test_bad_export.py", "test_increments.py", "test_erase_traces.py", "test_erase.py"),
    *("test_session_days.py", "test_demo_line.py", "test_sync_now_bigquery.py"),
    *("test_export_shapes.py", "test_identity_components.py", "test_erase_export.py"),
)
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
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what all worker processes of a run make once."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def parsed_projects(shared: Path) -> None:
    """dbt parses a project once a run, here and in the commands that tests start."""
    os.environ["PARSED_ONCE"] = str(shared / "parsed")
    paths = (str(SUPPORT / "every_python"), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    parsed_once.keep(shared / "parsed")


@pytest.fixture(scope="session")
def company(shared: Path) -> Company:
    """A company that `madang demo` generated, built and synced to the local Braze."""
    return _demo(shared / "demo", PEOPLE, DAYS)


@pytest.fixture(scope="session")
def small_company(shared: Path) -> Company:
    """A small one, for stories that build everything anew more than once."""
    return _demo(shared / "small", SMALL_PEOPLE, SMALL_DAYS)


def _demo(folder: Path, people: int, days: int) -> Company:
    """Run `madang demo` once for all worker processes."""
    folder.mkdir(exist_ok=True)
    root = folder / "company"
    arguments = ("--people", str(people), "--days", str(days), "--out", str(root))
    told = folder / "demo.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            made = command("madang", "demo", *arguments, PARSED_ONCE="")  # all of it, as for a user
            told.write_text(json.dumps(asdict(made)))
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
    text = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
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
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    if REFERENCE.is_dir():
        return
    why = f"no reference data in {REFERENCE}; MADANG_REFERENCE_DATA may name its folder"
    for item in items:
        if item.get_closest_marker("reference"):
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_configure(config: pytest.Config) -> None:
    # dbt's projects are many objects that live long: to look through them 700 objects later, and
    # again, is a tenth of a build
    gc.set_threshold(50_000, 10, 5)
    config.stash[BEGAN] = time.monotonic()
    config.stash[SPENT] = _spent()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note beside the seconds of a test's phase those of processors, its commands' included."""
    report = yield
    before, item.config.stash[SPENT] = item.config.stash[SPENT], _spent()
    report.processor_seconds = item.config.stash[SPENT] - before
    return report


def _spent() -> float:
    """The processor seconds of this process and of its commands that have ended."""
    return sum(os.times()[:4])


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
    if sum(report.duration for report in reports) > SLOW:
        _tell_the_slowest(terminalreporter, reports)
    began = terminalreporter.config.stash[BEGAN]
    if terminalreporter.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        minutes = (time.monotonic() - began) / 60
        terminalreporter.write_line(
            f"the whole run took {minutes:.1f} minutes of the {BUDGET} that CONTRIBUTING.md allows",
            yellow=minutes > BUDGET,
        )


def _tell_the_slowest(
    terminalreporter: pytest.TerminalReporter, reports: list[pytest.TestReport]
) -> None:
    """Where the time went: of the clock, and of processors, which a busy machine leaves as it is.

    A test that is the first to use what many share pays for it.
    """
    for title, count, name_of in (
        ("files", 30, lambda report: report.nodeid.split("::")[0]),
        ("tests", 10, lambda report: report.nodeid),
    ):
        seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for report in reports:
            spent = seconds[name_of(report)]
            spent[0] += report.duration
            spent[1] += getattr(report, "processor_seconds", 0.0)
        terminalreporter.section(f"slowest {title}: seconds, seconds of processors")
        for name, (wall, processors) in sorted(seconds.items(), key=lambda one: -one[1][0])[:count]:
            terminalreporter.write_line(f"{wall:8.1f} {processors:8.1f} {name}")
