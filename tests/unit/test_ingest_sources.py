"""The source YAML as the loader's mapping: what it must say, and how its mistakes are told."""

from pathlib import Path

import pytest
import yaml

from ingest_workspace import PROJECT
from madang.errors import SpecError
from madang.ingest.sources import SourceTable, read_sources

GOOD = """
sources:
  - name: crm
    schema: "{{ target.schema }}_raw"
    tables:
      - name: customers
        identifier: crm_customers
        description: One row per customer.
        config:
          meta:
            load:
              files: ["crm/*.xlsx"]
              mode: snapshot
              key: [customer_no]
              stop_rows: ["합계"]
        columns:
          - name: customer_no
            data_type: string
            config: {meta: {headers: ["고객번호"], type: id, required: true}}
          - name: status
            data_type: string
            config: {meta: {type: choice, choices: {granted: ["동의"], withdrawn: ["철회"]}}}
"""


def project(root: Path, text: str, name: str = "crm") -> Path:
    file = root / "models" / "staging" / name / f"_{name}__sources.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return root


def error_of(root: Path, text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read_sources(project(root, text))
    assert caught.value.exit_code == 2
    return caught.value


def line_of(text: str, words: str) -> int:
    return next(at for at, line in enumerate(text.split("\n"), start=1) if words in line)


def test_a_table_is_read_with_its_columns(tmp_path: Path) -> None:
    (table,) = read_sources(project(tmp_path, GOOD))
    assert (table.label, table.identifier, table.mode) == (
        "crm.customers",
        "crm_customers",
        "snapshot",
    )
    assert [column.synonyms for column in table.columns] == [
        ["고객번호", "customer_no"],
        ["status"],
    ]
    assert table.columns[1].spellings == {
        "granted": "granted",
        "동의": "granted",
        "withdrawn": "withdrawn",
        "철회": "withdrawn",
    }


def test_sources_that_no_file_feeds_are_left_to_dbt(tmp_path: Path) -> None:
    text = "sources:\n  - name: ga4\n    tables:\n      - name: events\n"
    assert read_sources(project(tmp_path, text, "ga4")) == []


@pytest.mark.parametrize(
    ("right", "wrong", "says", "on"),
    [
        ("stop_rows:", "stop_row:", "Unknown key 'stop_row'. Did you mean 'stop_rows'?", None),
        ("mode: snapshot", "mode: full", "mode", None),
        ("type: id,", "type: idd,", "Unknown type 'idd'. Did you mean 'id'?", None),
        ("headers: [", "header: [", "Unknown key 'header'. Did you mean 'headers'?", None),
        ("key: [customer_no]", "key: [customer]", "Did you mean 'customer_no'?", None),
        ("key: [customer_no]", "key: []", "key", None),
        ('files: ["crm/*.xlsx"]', "files: []", "files", None),
        ("type: choice, choices", "type: text, choices", "belong together", None),
        ('withdrawn: ["철회"]', 'withdrawn: ["동의"]', "'동의' stands for two values", None),
        ('headers: ["고객번호"]', 'headers: ["STATUS"]', "'customer_no' and 'status'", "columns:"),
        ("- name: status", "- name: _row", "plain lower-case name", None),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, right: str, wrong: str, says: str, on: str | None
) -> None:
    assert GOOD.count(right) == 1
    text = GOOD.replace(right, wrong)
    error = error_of(tmp_path, text)
    assert says in str(error)
    (problem,) = error.problems
    assert problem.file == "models/staging/crm/_crm__sources.yml"
    assert problem.line == line_of(text, on or wrong)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("mode: snapshot", "mod: snapshot").replace("type: id,", "type: idd,")
    messages = " ".join(problem.message for problem in error_of(tmp_path, text).problems)
    assert "'mod'" in messages
    assert "'mode' is missing" in messages
    assert "'idd'" in messages


def test_two_tables_may_not_land_in_one(tmp_path: Path) -> None:
    project(tmp_path, GOOD.replace("name: crm", "name: other"), "other")
    assert "other.customers and crm.customers land in one table" in str(error_of(tmp_path, GOOD))


@pytest.fixture(scope="module")
def own() -> dict[str, SourceTable]:
    return {table.label: table for table in read_sources(PROJECT)}


def test_the_project_loads_its_sources(own: dict[str, SourceTable]) -> None:
    identifiers = {label: table.identifier for label, table in own.items()}
    assert (
        identifiers.items()
        >= {
            "braze.events": "braze_events",
            "consent.events": "consent_events",
            "crm.customers": "crm_customers",
            "inquiries.inquiries": "inquiries",
            "notices.notices": "notices",
            "offline.outcomes": "offline_outcomes",
            "salesforce.campaign_members": "salesforce_campaign_members",
            "shop.orders": "shop_orders",
        }.items()
    )


def test_personal_columns_of_the_project_are_tagged(own: dict[str, SourceTable]) -> None:
    # free text that customers write may name them; so may what Currents has no column for
    also = {"content", "message_body", "other_fields", "email_address"}
    also |= {"to_phone_number", "user_phone_number", "account"}
    for table in own.values():
        for column in table.columns:
            personal = column.type in ("name", "phone", "email") or column.name in also
            assert column.pii == personal, column.name


def test_every_column_of_the_project_is_described_and_typed_for_dbt() -> None:
    files = sorted((PROJECT / "models" / "staging").glob("*/_*__sources.yml"))
    tables = [
        table
        for file in files
        for source in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
        for table in source["tables"]
        if "load" in table.get("config", {}).get("meta", {})
    ]
    assert len(tables) > 4
    for table in tables:
        assert table["description"].startswith("One row per ")
        for column in table["columns"]:
            assert column["description"]
            assert column["data_type"] == "string"
            if "format" in table["config"]["meta"]["load"]:
                continue  # the fields of a format are not written by people
            headers = column["config"]["meta"]["headers"]
            assert any("가" <= char <= "힣" for header in headers for char in header)
