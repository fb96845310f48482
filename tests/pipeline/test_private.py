"""Names, addresses and numbers of people stand in the private schema, and in no other that is read.

Every text of every other table and view is looked at: for what reads like an address or a Korean
number, and for the names, addresses and numbers of the company's people.
"""

import json
from collections.abc import Iterable

from demo_workspace import Company, Tables, tables_of

#: Where they may stand: beside `private` what is landed, what destinations need, what was sent.
CLOSED = ("madang_private", "madang_raw", "madang_activation", "madang_ledger")
EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]"
#: Apart from letters, digits, dots and dashes on both sides: hashes and device ids have digits.
PHONE = r"(^|[^0-9A-Za-z._-])(\+?82[- ]?|0)1[016789][- ]?\d{3,4}[- ]?\d{4}($|[^0-9A-Za-z_.-])"
TEXTS = """
    select schema_name, table_name, list(column_name order by column_index)
    from duckdb_columns()
    where database_name = 'warehouse' and not internal
        and (data_type like '%VARCHAR%' or data_type like '%JSON%')
    group by all order by all
"""


def know_people(tables: Tables) -> None:
    """Have the company's people at hand: `known`, numbers in the spellings that are usual."""
    tables.run("""
        create temp table numbers as
        select identifier_value as value, '0' || replace(identifier_value, '+82', '') as plain
        from truth_identifiers where identifier_type = 'phone'""")
    tables.run("""
        create temp table hashed as
        select list(sha256(value)) as hashes from (
            select identifier_value as value from truth_identifiers
            where identifier_type in ('email', 'phone')
            union all select substr(value, 2) from numbers)""")
    tables.run("""
        create temp table known as
        select identifier_value as value from truth_identifiers where identifier_type = 'email'
        union select unnest([value, plain, substr(value, 2),
            concat_ws('-', plain[:3], plain[4:7], plain[8:])]) from numbers
        union select name from madang_private.contacts where name <> ''""")


def texts_of(schema: str, table: str, columns: Iterable[str]) -> str:
    """A row for each cell: the name of its column (`place`) and its text (`value`)."""
    texts = ", ".join(f'"{one}"::varchar as "{one}"' for one in columns)
    return (
        f'unpivot (select {texts} from {schema}."{table}") '
        "on columns(*) into name place value value"
    )


def found_in(tables: Tables, schema: str, table: str, columns: Iterable[str]) -> dict[str, int]:
    """Different texts that are or hold one of them, by column."""
    found = tables.rows(f"""
        select place, count(*)
        from (select distinct place, value from ({texts_of(schema, table, columns)}))
        where regexp_matches(value, '{EMAIL}') or regexp_matches(value, '{PHONE}')
            or value in (from known)
        group by place""")
    return dict(found)


def test_only_closed_schemas_hold_names_addresses_and_numbers(company: Company, measured) -> None:
    with tables_of(company.root) as tables:
        know_people(tables)
        assert tables.value("select count(*) from known") > 1000
        built = tables.rows(TEXTS)
        found = {
            (schema, table, column): texts
            for schema, table, columns in built
            for column, texts in found_in(tables, schema, table, columns).items()
        }
    opened = sum(schema not in CLOSED for schema, *_ in built)
    assert opened > 250
    measured(f"texts of {opened} tables outside the closed schemas: none is a contact")
    assert {key: texts for key, texts in found.items() if key[0] not in CLOSED} == {}
    # the search finds them where they are
    plain = {f"{table}.{column}" for schema, table, column in found if schema == "madang_private"}
    for table in ("contacts", "identity_records", "stg_crm__customers", "stg_shop__orders"):
        assert {f"{table}.{column}" for column in ("name", "email", "phone")} <= plain
    assert {"customer_values.field_value", "stg_braze__messages.email"} <= plain


def test_only_identity_and_closed_schemas_hold_their_hashes(company: Company) -> None:
    """The hash of a number is found by trying all numbers."""
    with tables_of(company.root) as tables:
        know_people(tables)
        found = {
            f"{schema}.{table}.{place}"
            for schema, table, columns in tables.rows(TEXTS)
            for (place,) in tables.rows(f"""
                select distinct place from (
                    select distinct place, regexp_extract_all(value, '[0-9a-f]{{64}}') as hashes
                    from ({texts_of(schema, table, columns)})
                    where regexp_matches(value, '[0-9a-f]{{64}}')
                ) as told inner join hashed on list_has_any(told.hashes, hashed.hashes)""")
        }
    opened = {one for one in found if not one.startswith((*CLOSED, "madang_identity"))}
    assert opened == set()
    assert "madang_private.consent_signals.address_hash" in found


def test_what_a_destination_needs_in_plain_is_tagged(company: Company) -> None:
    manifest = json.loads((company.root / "target" / "manifest.json").read_text(encoding="utf-8"))
    tagged = {
        (node["schema"], node["alias"], name)
        for node in manifest["nodes"].values()
        for name, column in node["columns"].items()
        if column["meta"].get("pii") is True
    }
    with tables_of(company.root) as tables:
        know_people(tables)
        plain = {
            (schema, table, column)
            for schema, table, columns in tables.rows(TEXTS)
            if schema == "madang_activation"
            for column in found_in(tables, schema, table, columns)
        }
    assert plain and plain <= tagged
