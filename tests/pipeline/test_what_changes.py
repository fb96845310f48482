"""What a decision changes, told from tables laid by hand, on both warehouses.

Now one person has two customers' identifiers; then they are two, one activity is nobody's, and a
bystander gains a device. How the second set of tables is built, test_unmerge.py shows.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo_workspace import MARU
from madang import ui
from madang.build.beside import SCRATCH, drop
from madang.people.identifiers import Identifier, key_of
from madang.people.what_changes import show
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import Warehouse, open_warehouse

ONE, TWO, THIRD = (key_of("crm_id", number) for number in ("C000011", "C000022", "C000033"))
MAIL = "mail@post.example"
HASH = "a" * 64
MAIL_KEY = key_of("email", HASH)
Table = tuple[str, list[tuple]]
TABLES: dict[tuple[str, str], str] = {
    ("identity", "person_identifiers"): (
        "identifier_key string, identifier_type string, identifier_value string, person_id string"
    ),
    ("identity", "identity_map"): (
        "identifier_type string, identifier_value string, person_id string, valid_from timestamp, "
        "valid_to timestamp"
    ),
    ("activity", "activities"): (
        "activity_id string, person_id string, source string, action string, currency string, "
        "value float64"
    ),
    ("marts", "audience_members"): (
        "audience string, person_id string, is_contactable bool, contact_reason string"
    ),
    ("activation", "sync_braze__users"): (
        "person_id string, sync_key string, field string, value string, held_back_reason string"
    ),
}
NOW = {
    "person_identifiers": [
        (ONE, "crm_id", "C000011", ONE),
        (TWO, "crm_id", "C000022", ONE),
        (MAIL_KEY, "email", HASH, ONE),
        (THIRD, "crm_id", "C000033", THIRD),
    ],
    "identity_map": [
        ("crm_id", "C000011", ONE, None, None),
        ("crm_id", "C000022", ONE, None, None),
        ("device", "D1", ONE, "2026-10-01", "2026-12-01"),
    ],
    "activities": [
        ("1", ONE, "shop", "ordered", "KRW", 1000.0),
        ("2", ONE, "shop", "ordered", "KRW", 500.0),
        ("3", ONE, "ga4", "viewed_model", None, None),
        ("4", ONE, "ga4", "viewed_model", None, None),
        ("5", THIRD, "ga4", "viewed_model", None, None),
    ],
    "audience_members": [("keen", ONE, True, "allowed"), ("left", THIRD, True, "allowed")],
    "sync_braze__users": [(ONE, "C000011", "madang_keen_email", "true", None)],
}
THEN = {
    "person_identifiers": [
        (ONE, "crm_id", "C000011", ONE),
        (TWO, "crm_id", "C000022", TWO),
        (MAIL_KEY, "email", HASH, TWO),
        (THIRD, "crm_id", "C000033", THIRD),
    ],
    "identity_map": [
        ("crm_id", "C000011", ONE, None, None),
        ("crm_id", "C000022", TWO, None, None),
        ("device", "D1", THIRD, "2026-10-01", "2026-12-01"),
    ],
    "activities": [
        ("1", ONE, "shop", "ordered", "KRW", 1000.0),
        ("2", TWO, "shop", "ordered", "KRW", 500.0),
        ("3", TWO, "ga4", "viewed_model", None, None),
        ("4", None, "ga4", "viewed_model", None, None),
        ("5", THIRD, "ga4", "viewed_model", None, None),
    ],
    "audience_members": [("keen", TWO, False, "no_consent"), ("left", THIRD, True, "allowed")],
    "sync_braze__users": [(TWO, "C000022", "madang_keen_email", "true", None)],
}
NAMED = [
    Identifier(ONE, "crm_id", "C000011", ONE, None),
    Identifier(TWO, "crm_id", "C000022", ONE, None),
]


@pytest.fixture(params=["duckdb", "bigquery"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    def made(**changes: object) -> Settings:
        text = yaml.safe_dump({"version": 1, "project": str(MARU), **changes})
        (tmp_path / "madang.yml").write_text(text, encoding="utf-8")
        return load_settings(tmp_path)

    if request.param == "duckdb":
        yield made()
        return
    pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
    pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")
    from bigquery_company import reach
    from local_bigquery.server import serve

    with serve("test-project", "asia-northeast3") as server:
        yield made(warehouse=reach(server))


def lay(warehouse: Warehouse, prefix: str, content: dict[str, list[tuple]]) -> None:
    for (layer, table), columns in TABLES.items():
        put(warehouse, prefix + layer, table, columns, content[table])


def put(warehouse: Warehouse, layer: str, table: str, columns: str, rows: list[tuple]) -> None:
    warehouse.ensure_layer(layer)
    relation = warehouse.relation(layer, table)
    if warehouse.dialect.name == "duckdb":
        columns = columns.replace("float64", "double")
    types = [column.split()[1] for column in columns.split(", ")]
    warehouse.execute(f"create table {relation} ({columns})")
    for row in rows:
        cells = ", ".join(
            "null" if cell is None else f"cast('{cell}' as {kind})"
            for cell, kind in zip(row, types, strict=True)
        )
        warehouse.execute(f"insert into {relation} values ({cells})")


def test_who_is_who_and_all_that_hangs_on_them_now_and_then(
    settings: Settings, capsys: pytest.CaptureFixture
) -> None:
    ui.use_zone("UTC")
    with open_warehouse(settings) as warehouse:
        lay(warehouse, "", NOW)
        lay(warehouse, SCRATCH, THEN)
        mails = "email string, email_hash string, phone string, phone_hash string"
        put(warehouse, "private", "identity_records", mails, [(MAIL, HASH, None, None)])
        sent = "sync string, sync_key string, field string, operation string, status string, "
        sent += "value_hash string, ledger_no int64, recorded_at timestamp, run_id string"
        put(
            warehouse,
            "ledger",
            "sync_deliveries",
            sent,
            [
                (
                    *("braze_audiences", "C000011", "madang_keen_email", "add", "accepted"),
                    *("x", 1, "2026-10-01", "r"),
                )
            ],
        )
        show(settings, warehouse, NAMED)
        drop(warehouse)
        assert not warehouse.exists(SCRATCH + "activity", "activities")
        assert warehouse.exists("activity", "activities")
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    one, two, third = "customer C****11", "customer C****22", "customer C****33"
    before, bystander = f"{ONE[:8]}…", f"{THIRD[:8]}…"
    for line in (
        f"{one} {one} {before}",
        f"{two} {two} {before}",
        f"{two} e-mail m***@p***.example {before}",
        f"{third} {third} {bystander}",
        f"now {before} 1 2026-10-01 00:00 2026-12-01 00:00",
        f"then {third} 1 2026-10-01 00:00 2026-12-01 00:00",
        f"now {before} keen yes allowed",
        f"then {two} keen no no_consent",
        f"then {third} left yes allowed",
        f"now {before} ga4 2",
        f"then {two} ga4 1",
        f"now {before} ordered KRW 2 1,500.00",
        f"then {one} ordered KRW 1 1,000.00",
        f"then {two} ordered KRW 1 500.00",
        f"now {before} braze_audiences madang_keen_email add accepted 1",
        f"then {one} braze_audiences madang_keen_email remove to send 1",
        f"then {two} braze_audiences madang_keen_email add to send 1",
    ):
        assert line in told, "\n".join(told)
    assert not [line for line in told if line.startswith(f"then {one} ga4")]
    for secret in (MAIL, "C000011", "C000022", "C000033", HASH):
        assert not [line for line in told if secret in line]
