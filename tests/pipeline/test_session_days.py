"""Tables of sessions that are built anew by days only equal those built at once.

Sessions here cross midnight, lose the day on which they began, gain an earlier one, and get an
event ten days later, as a server sends it that still knows the session.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    AS_OF,
    MARU,
    WITHOUT_TESTS,
    copied_project,
)
from export_files import EVENTS, Row, write
from madang.build.dbt import BuildError, run_dbt
from madang.settings.workspace import load_settings
from raw_events import event, page

TABLES = ("session_totals", "session_channels", "session_bots")
DAYS = range(18, 31)
SECONDS = 86_400
#: Three sessions of a device on one day are a program's.
VARIABLES = {"bot_limits": {"device_day_sessions": 2}}
#: Where the materialization overwrites days; it may die before that, and when it has.
OVERWRITES = re.compile(
    r"{% call statement\('main'\) %}\s*{{ overwrite_days\(.*?{% endcall %}", re.S
)
DIES = "{% do adapter.commit() %}{% do exceptions.raise_compiler_error('died') %}"
RUN = ["build", *WITHOUT_TESTS]
RUN += ["--select", *(f"+{table}" for table in TABLES)]


def hit(device: str, day: int, session: int, source: str | None = None, at: int = 0) -> Row:
    """A page view of October; sessions are told apart by their number."""
    params = page(f"{device}/{session}", ga_session_id=session)
    if source:
        params |= {"source": source, "medium": "referral"}
    return event(
        at=(day - 30) * SECONDS + at, day=f"202610{day}", user_pseudo_id=device, params=params
    )


def before() -> dict[int, list[Row]]:
    """What the export holds at first, by day of October."""
    days = {day: [hit(f"plain{day}", day, day, f"site{day}.example")] for day in DAYS}
    days[18].append(hit("late", 18, 100, "first.example"))
    days[22] += [hit("over midnight", 22, 101, "naver.com", 86_300)]
    days[23] += [hit("over midnight", 23, 101, None, 60)]
    days[25].append(hit("begins later", 25, 102, "kakao.com", 86_300))
    days[26].append(hit("begins later", 26, 102, None, 60))
    days[27].append(hit("begins earlier", 27, 103, "daum.net", 60))
    days[27] += [hit("begins earlier", 27, 104 + more, None, 900 * more) for more in (1, 2)]
    days[28] += [hit("program", 28, 110 + more, None, 60 * more) for more in range(2)]
    return days


def after() -> dict[int, list[Row]]:
    """The days that are restated or new; all others stay."""
    days = before()
    changed = {day: days[day] for day in (25, 26, 28)}
    del changed[25][-1]
    changed[26] += [hit("begins earlier", 26, 103, "blog.example", 86_390)]
    changed[28] += [hit("program", 28, 112, None, 300)]
    changed[31] = [hit("new", 31, 120, "site18.example"), hit("late", 31, 100, None, 5)]
    return changed


def put(days: dict[int, list[Row]], root: Path) -> None:
    for day, rows in days.items():
        write(rows, root / "ga4" / f"events_202610{day}.parquet", EVENTS)


def workspace(root: Path) -> Path:
    root.mkdir()
    (root / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n")
    return root


def build(root: Path, **variables: object) -> None:
    run_dbt(load_settings(root), RUN, variables=VARIABLES | variables)


def rows_of(root: Path, table: str) -> list[tuple]:
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(f"from madang_activity.{table} order by session_key")
        return [tuple(column[0] for column in found.description), *found.fetchall()]


def written(root: Path, table: str) -> set[int] | None:
    """The days of October that the last build overwrote; none where it made the table anew."""
    path = root / f"target/run/madang/models/activity/sessions/{table}.sql"
    if not path.exists():
        return set()
    statement = path.read_text(encoding="utf-8")
    if "create or replace table" in statement:
        return None
    return {int(day) for day in re.findall(r"date '2026-10-(\d+)'", statement)}


def forget_statements(root: Path) -> None:
    for table in TABLES:
        (root / f"target/run/madang/models/activity/sessions/{table}.sql").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = workspace(tmp_path_factory.mktemp("session_days") / "grown")
    put(before(), root)
    build(root)
    forget_statements(root)
    put(after(), root)
    build(root)
    return root


@pytest.fixture(scope="module")
def fresh(grown: Path) -> Iterator[Path]:
    root = workspace(grown.parent / "fresh")
    (root / "ga4").symlink_to(grown / "ga4")
    build(root)
    return root


@pytest.mark.parametrize("table", TABLES)
def test_what_grew_equals_what_is_built_at_once(grown: Path, fresh: Path, table: str):
    assert len(rows_of(fresh, table)) > 3
    assert rows_of(grown, table) == rows_of(fresh, table)


@pytest.mark.parametrize("table", TABLES)
def test_only_the_days_of_changed_sessions_are_written(grown: Path, table: str):
    """The changed days; the 18th, where the late one began; the 27th, where one is no more."""
    assert written(grown, table) == {18, 25, 26, 27, 28, 31}


def test_nothing_new_writes_nothing(grown: Path):
    forget_statements(grown)
    build(grown)
    assert [written(grown, table) for table in TABLES] == [set(), set(), set()]


def test_a_changed_rule_builds_all_days_of_what_follows_it(grown: Path, fresh: Path):
    rule = {"referral_exclusions": ["site20.example"]}
    for root in (grown, fresh):
        forget_statements(root)
        build(root, **rule)
    assert [written(grown, table) for table in TABLES] == [set(), None, set()]
    source = "select source from madang_activity.session_channels where device_id = 'plain20'"
    with duckdb.connect(str(grown / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute(source).fetchall() == [("(direct)",)]
    build(grown)
    assert rows_of(grown, "session_channels") != rows_of(fresh, "session_channels")
    build(fresh)
    assert rows_of(grown, "session_channels") == rows_of(fresh, "session_channels")


def test_a_day_without_sessions_is_read_once(grown: Path, fresh: Path):
    """As where everybody denied consent: its hits are in no session."""
    nobodys = event(at=2 * SECONDS, day="20261101", user_pseudo_id=None, event_params=[])
    write([nobodys], grown / "ga4" / "events_20261101.parquet", EVENTS)
    for expected in ("first", "again"):
        forget_statements(grown)
        build(grown)
        assert [written(grown, table) for table in TABLES] == [set(), set(), set()], expected
    for table in TABLES:
        assert rows_of(grown, table) == rows_of(fresh, table)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_build_that_dies_as_days_are_written_is_caught_up(grown: Path, place: str):
    """The session that moved is known by its old row alone, which a dead run may have replaced.

    What was done until then stays, as on BigQuery, which has no transaction about a model.
    """
    root = workspace(grown.parent / f"died_{place}")
    project = copied_project(root / "project")
    settings = root / "madang.yml"
    settings.write_text(settings.read_text().replace(str(MARU), "project"))
    put(before(), root)
    build(root)
    put(after(), root)
    macro = project / "macros" / "days_when_changed.sql"
    sound = macro.read_text(encoding="utf-8")
    overwrites = OVERWRITES.search(sound)
    dies_at = overwrites.start() if place == "before" else overwrites.end()
    macro.write_text(sound[:dies_at] + DIES + sound[dies_at:], encoding="utf-8")
    with pytest.raises(BuildError):
        build(root)
    macro.write_text(sound, encoding="utf-8")
    build(root)
    at_once = workspace(grown.parent / f"at_once_{place}")
    (at_once / "ga4").symlink_to(root / "ga4")
    build(at_once)
    for table in TABLES:
        assert rows_of(root, table) == rows_of(at_once, table)
