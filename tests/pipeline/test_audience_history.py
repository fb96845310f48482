"""Who was in an audience, and when: the snapshot goes by the build's clock, on both warehouses.

Members and identifiers are laid by hand into the tables that it reads; each run has a clock of its
own, pinned, days away from the real one.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo_workspace import REPOSITORY, as_a_user
from madang.build.dbt import parse, run_dbt
from madang.erase.columns import read_columns
from madang.erase.tables import forget_logs
from madang.erase.values import Known
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import Warehouse, open_warehouse

SNAPSHOT, STAYS = "audience_member_versions", "audience_membership"
Laid = dict[str, tuple[str, ...]]


class Days:
    """A workspace that is built day by day, and what it says of the stays."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.manifest = parse(settings)

    @contextmanager
    def open(self) -> Iterator[Warehouse]:
        with open_warehouse(self.settings) as warehouse:
            yield warehouse

    def build(self, day: int, members: str, persons: Laid) -> None:
        """Build on a day of October 2026. `members` are persons, `persons` their identifiers."""
        identified = [(key, person) for person, keys in persons.items() for key in keys]
        with self.open() as warehouse:
            _lay(
                warehouse,
                "marts",
                "audience_members",
                ("audience", "person_id"),
                [("keen", person) for person in members],
            )
            columns = ("identifier_key", "person_id")
            _lay(warehouse, "identity", "person_identifiers", columns, identified)
        run_dbt(
            self.settings,
            ["build", "--select", SNAPSHOT, STAYS, "--exclude-resource-type", "unit_test"],
            variables={"as_of": f"2026-10-{day:02d}T00:00:00Z"},
            manifest=copy.deepcopy(self.manifest),
        )

    def stays(self) -> list[tuple]:
        """Person, day of entry, day of exit, and whether the entry was seen."""
        with self.open() as warehouse:
            rows = warehouse.fetch(
                "select person_id, entered_at, exited_at, is_entry_seen "
                f"from {warehouse.relation('marts', STAYS)} order by person_id, entered_at"
            )
        return [
            (
                row["person_id"],
                *map(_day, (row["entered_at"], row["exited_at"])),
                *[*row.values()][3:],
            )
            for row in rows
        ]

    def versions(self) -> list[dict[str, Any]]:
        with self.open() as warehouse:
            return warehouse.fetch(f"select * from {warehouse.relation('history', SNAPSHOT)}")


def _lay(
    warehouse: Warehouse, layer: str, table: str, columns: tuple[str, str], rows: list[tuple]
) -> None:
    warehouse.ensure_layer(layer)
    selected = " union all ".join(
        f"select '{one}' as {columns[0]}, '{two}' as {columns[1]}" for one, two in rows
    )
    relation = warehouse.relation(layer, table)
    warehouse.execute(f"create or replace table {relation} as {selected}")


def _day(moment: datetime | None) -> int | None:
    return moment.day if moment else None


@pytest.fixture(params=["duckdb", "bigquery"])
def days(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Days]:
    def made(**settings: Any) -> Days:
        text = yaml.safe_dump({"version": 1, "project": str(REPOSITORY), **settings})
        (tmp_path / "madang.yml").write_text(text, encoding="utf-8")
        return Days(load_settings(tmp_path))

    with as_a_user():
        if request.param == "duckdb":
            yield made()
        else:
            yield from _on_bigquery(made)


def _on_bigquery(made: Callable[..., Days]) -> Iterator[Days]:
    pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
    pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")
    from bigquery_company import EXPORT, reach
    from local_bigquery.server import serve

    with serve("test-project", "asia-northeast3") as server:
        server.catalog.add_dataset(server.catalog.project, EXPORT)
        yield made(warehouse=reach(server))


def test_stays_follow_the_clock_of_the_builds_and_the_persons_of_now(days: Days) -> None:
    two: Laid = {"a": ("a", "a2"), "b": ("b",), "c": ("c",)}
    days.build(1, "ab", two)
    days.build(3, "ab", two)
    assert days.stays() == [("a", 1, None, False), ("b", 1, None, False)]
    assert len(days.versions()) == 2, "what did not change has no new version"
    days.build(5, "ac", two)
    assert days.stays() == [("a", 1, None, False), ("b", 1, 5, False), ("c", 5, None, True)]
    # a and c become one person: its stay began with a's
    one: Laid = {"a": ("a", "a2", "c"), "b": ("b",)}
    days.build(7, "ab", one)
    merged = [("a", 1, None, False), ("b", 1, 5, False), ("b", 7, None, True)]
    assert days.stays() == merged
    days.build(9, "b", one)
    assert days.stays() == [("a", 1, 9, False), ("b", 1, 5, False), ("b", 7, None, True)]
    # apart again: each has the stay that began with its own identifier
    days.build(11, "b", two)
    assert days.stays() == [
        ("a", 1, 9, False),
        ("b", 1, 5, False),
        ("b", 7, None, True),
        ("c", 5, 9, True),
    ]
    moments = {
        moment
        for row in days.versions()
        for name in ("dbt_valid_from", "dbt_valid_to", "dbt_updated_at")
        if (moment := row[name]) is not None
    }
    assert {(one.year, one.month, one.hour) for one in moments} == {(2026, 10, 0)}, (
        "dbt's own clock"
    )
    with days.open() as warehouse:
        columns = read_columns(days.settings.project_dir)
        forget_logs(warehouse, columns, Known("c", keys=["c"]))
    assert {row["anchor_key"] for row in days.versions()} == {"a", "b"}
