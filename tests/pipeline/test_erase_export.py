"""A person is erased also from what the export does not tell again: days that are gone, people."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo_workspace import AS_OF, MARU, Company, Ended, Tables, madang, tables_of
from export_files import user, write_users

#: Everything that is made of events day by day, with what people are known by there.
BY_DAY = {
    "staging.base_ga4__events": "user_pseudo_id",
    "staging.ga4_session_days": "device_id",
    "activity.session_totals": "device_id",
    "activity.actions": "device_id",
}


@dataclass
class Erased:
    root: Path
    number: str
    devices: list[str]
    gone: list[str]
    others: dict[str, int]
    ended: Ended


def of_others(tables: Tables, devices: list[str], days: list[str]) -> dict[str, int]:
    """The rows that other people have on some days, by table; and all people of the export."""
    found = {}
    theirs, when = ", ".join(f"'{one}'" for one in devices), ", ".join(f"'{day}'" for day in days)
    for name, column in BY_DAY.items():
        day = "session_date" if name.endswith("totals") else "event_date"
        found[name] = tables.value(
            f"select count(*) from madang_{name} where {day} in ({when}) "
            f"and coalesce({column} not in ({theirs}), true)"
        )
    return found


@pytest.fixture(scope="module")
def erased(small_company: Company, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    root = tmp_path_factory.mktemp("erase_export") / "company"
    shutil.copytree(
        small_company.root, root, ignore=shutil.ignore_patterns("logs", "site", "*.lock")
    )
    (root / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n")
    with tables_of(root) as tables:
        number, devices = tables.rows("""
            with devices as (
                select device_id, any_value(user_id) as user_id
                from madang_staging.ga4_logins group by device_id
                having count(distinct user_id) = 1
            )
            select user_id, list(distinct device_id order by device_id) from devices
            inner join madang_activity.sessions using (device_id)
            group by user_id having count(distinct session_date) > 3 order by user_id limit 1""")[0]
        days = [
            f"{day}"
            for (day,) in tables.rows(
                "select distinct event_date from madang_staging.base_ga4__events "
                f"where user_pseudo_id in {(*devices, '')} order by 1"
            )
        ]
    people = [user(one, "20261031") for one in (*devices, "9.9")]
    write_users(people, root / "ga4" / "pseudonymous_users_20261031.parquet")
    known = [user(one, "20261031", key="user_id") for one in (number, "C-OTHER")]
    write_users(known, root / "ga4" / "users_20261031.parquet")
    assert madang(root, "build").code in (0, 3)
    gone = days[:2]
    for day in gone:
        (root / "ga4" / f"events_{day.replace('-', '')}.parquet").unlink()
    with tables_of(root) as tables:
        others = of_others(tables, devices, gone)
    ended = madang(root, "erase", number, "--reason", "request 2026-120", COLUMNS="200")
    return Erased(root, number, devices, gone, others, ended)


def test_nothing_is_left_of_the_person(erased: Erased):
    assert erased.ended.code == 0, erased.ended.told
    (path,) = (erased.root / "erasures").glob("*.json")
    certificate = json.loads(path.read_text(encoding="utf-8"))
    assert certificate["rows_before"]["staging.base_ga4__users"] >= 1
    assert certificate["rows_left"] == {}
    values = ", ".join(f"'{one}'" for one in (erased.number, *erased.devices))
    with tables_of(erased.root) as tables:
        columns = tables.rows("""
            select schema_name, table_name, column_name from duckdb_columns()
            where database_name = 'warehouse' and data_type = 'VARCHAR'
                and table_name <> 'erased_identifiers'""")
        for schema, table, column in columns:
            sql = f'select count(*) from {schema}."{table}" where "{column}" in ({values})'
            assert tables.value(sql) == 0, f"{schema}.{table}.{column}"
        assert (
            tables.rows("""
            select event_key from madang_staging.stg_ga4__items
            where event_key not in (select event_key from madang_staging.stg_ga4__events)
            """)
            == []
        )


def test_others_keep_their_days_and_places(erased: Erased):
    with tables_of(erased.root) as tables:
        assert of_others(tables, erased.devices, erased.gone) == erased.others
        assert all(erased.others.values())
        people = "select coalesce(user_id, user_pseudo_id) from madang_staging.stg_ga4__users"
        assert set(tables.rows(people)) == {("9.9",), ("C-OTHER",)}
