"""The whole line as its users run it: a newcomer's `madang demo`, an analytics engineer's dbt."""

import importlib.util
import json
import re
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo_workspace import (
    AS_OF,
    REPOSITORY,
    SCRIPTS,
    Company,
    Ended,
    command,
    copied_project,
    environment,
    tables_of,
)
from madang.cli import app

#: The same for every dbt command, so that dbt parses the project once.
VARS = {
    "as_of": AS_OF,
    "reprocess_start_date": "2026-10-20",
    "reprocess_end_date": "2026-10-21",
}


def users_in(root: Path) -> dict[str, dict]:
    """What the local Braze holds."""
    with sqlite3.connect(f"file:{root / 'sandbox.sqlite'}?mode=ro", uri=True) as file:
        rows = file.execute("select key, profile from profiles").fetchall()
    return {key: json.loads(profile)["attributes"] for key, profile in rows}


def happened_in(root: Path) -> list[tuple[str, str, float | None]]:
    """What the local Braze was told of: the user, the event or product, and its price."""
    with sqlite3.connect(f"file:{root / 'sandbox.sqlite'}?mode=ro", uri=True) as file:
        rows = [json.loads(one) for (one,) in file.execute("select happened from tracked")]
    return sorted(
        (one["user"], one.get("name") or one["product_id"], one.get("price")) for one in rows
    )


# the first run


def test_the_demo_ends_with_what_came_out_and_where_to_look(company: Company, measured):
    assert company.demo.code == 0
    assert company.demo.err == ""
    out = company.demo.out
    _, _, summary = out.partition("\nThe demo company is ready\n")
    with tables_of(company.root) as tables:
        sizes = tables.rows("""
            select audience, count(*), count(*) filter (is_contactable)
            from madang_marts.audience_members group by 1""")
    assert len(sizes) == 4
    for audience, members, contactable in sizes:
        told = f"{members:,} members, {contactable:,} may be contacted"
        assert re.search(rf"(?m)^  {audience}\s+{told}$", summary)
    (spent,) = re.findall(r"(?m)^  time\s+(.*)$", summary)
    measured(f"madang demo, {' '.join(company.arguments[:4])}: {spent}")
    if importlib.util.find_spec("dbt_charts"):
        assert (company.root / "site" / "index.html").is_file()


def test_braze_holds_exactly_what_the_mart_wants(company: Company):
    with tables_of(company.root) as tables:
        wanted: dict[str, dict] = {}
        for key, field, value in tables.rows("""
            select sync_key, field, value from madang_activation.sync_braze__users
            where held_back_reason is null"""):
            wanted.setdefault(key, {})[field] = json.loads(value)
        held_back = tables.rows("""
            select sync_key, field from madang_activation.sync_braze__users
            where held_back_reason is not null and sync_key is not null""")
        run = tables.row("""
            select status, planned, accepted from madang_ledger.sync_runs
            where sync = 'braze_audiences'""")
    held = {key: user for key, user in users_in(company.root).items() if user}
    assert held == wanted
    assert len(held) > 50
    assert held_back
    assert not [key for key, field in held_back if field in held.get(key, {})]
    values = sum(map(len, wanted.values()))
    assert run == {"status": "succeeded", "planned": values, "accepted": values}


def test_braze_was_told_each_event_and_purchase_of_the_mart_once(company: Company):
    with tables_of(company.root) as tables:
        wanted = tables.rows("""
            select json_extract_string(value, '$.user'), field,
                case when json_extract_string(value, '$.kind') = 'purchase'
                    then json_extract_string(value, '$.value')::double end
            from madang_activation.sync_braze__events
            where held_back_reason is null""")
    assert happened_in(company.root) == sorted(map(tuple, wanted))
    assert {name for _, name, _ in wanted} == {
        *("test_drive_visited", "charger_installed", "shop_order")
    }


def test_a_plan_keeps_the_version_of_each_rule_that_it_went_by(company: Company):
    with tables_of(company.root) as tables:
        kept = tables.rows(
            "select distinct audience, rule_version from madang_marts.audience_history"
        )
        built = tables.rows(
            "select distinct audience, rule_version from madang_marts.audience_members"
        )
    assert kept and set(kept) <= set(built)  # some audiences go nowhere


def test_the_receipts_are_in_the_published_marts(company: Company):
    with tables_of(company.root) as tables:
        receipts = tables.rows(f"""
            select status, accepted, rejected
            from '{company.root / "marts" / "sync_results.parquet"}'""")
        deliveries = tables.value("select count(*) from madang_ledger.sync_deliveries")
    assert {status for status, _, _ in receipts} == {"succeeded"}
    assert sum(accepted for _, accepted, _ in receipts) == deliveries
    assert {rejected for _, _, rejected in receipts} == {0}


@pytest.mark.parametrize(
    "args",
    [
        ("status",),
        ("check",),
        ("audiences", "list"),
        ("audiences", "preview", "flagship_interest"),
        ("explain", "audience", "test_drive_abandoners"),
    ],
    ids=" ".join,
)
def test_the_commands_that_tell_work_on_it(company: Company, args: tuple[str, ...]):
    result = CliRunner().invoke(app, ["--config", str(company.root), *args])
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) >= 1


def test_a_funnel_is_compared_with_the_vendors_and_nothing_of_it_stays(company: Company):
    args = ["--config", str(company.root), "funnel", "compare", "test_drive", "--all"]
    ended = CliRunner().invoke(app, args)
    assert ended.exit_code == 0, ended.output
    with tables_of(company.root) as tables:
        own = tables.row("""
            select count(*) as entries, count(*) filter (state = 'converted') as converted
            from madang_marts.funnel_entries where funnel = 'test_drive'""")
        left = tables.value("""
            select count(*) from duckdb_schemas() where schema_name like '%whatif%'""")
    counted = dict(re.findall(r"(?m)^(own|mixpanel)\s+([\d,]+\s+[\d,]+)$", ended.output))
    assert counted["own"].split() == [f"{own['entries']:,}", f"{own['converted']:,}"]
    entries, converted = counted["mixpanel"].split()
    assert entries == f"{own['entries']:,}"
    assert int(converted.replace(",", "")) < own["converted"]
    assert "reentry: first" in ended.output
    assert left == 0


def test_a_person_can_be_explained_by_customer_number(company: Company):
    with tables_of(company.root) as tables:
        number, person_id = tables.rows("""
            select customer_no, person_id from madang_marts.customers
            inner join madang_marts.audience_members using (person_id)
            where customer_no is not null order by 1 limit 1""")[0]
    result = CliRunner().invoke(app, ["--config", str(company.root), "explain", "person", number])
    assert result.exit_code == 0, result.output
    assert person_id in result.stdout


# the second run


@dataclass(frozen=True)
class Again:
    """A second `madang demo` on a copy of the company, and a run that got in its way."""

    root: Path
    code: int
    out: str
    err: str
    pid: int
    refused: subprocess.CompletedProcess


@pytest.fixture(scope="module")
def again(company: Company) -> Iterator[Again]:
    root = company.root.with_name("again")
    shutil.copytree(company.root, root)
    arguments = [root if name == str(company.root) else name for name in company.arguments]
    first = subprocess.Popen(
        [SCRIPTS / "madang", "demo", *arguments],
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        lock = root / "logs" / "run.lock"
        deadline = time.monotonic() + 60
        while not lock.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        refused = subprocess.run(
            [SCRIPTS / "madang", "--config", root, "run", "--apply"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        out, err = first.communicate(timeout=300)
    finally:
        first.kill()
    yield Again(root, first.returncode, out, err, first.pid, refused)


def test_a_run_beside_another_is_refused_at_once(again: Again):
    assert again.refused.returncode == 1
    assert again.refused.stdout == ""
    told = f"Another run is at work in this workspace: madang demo, process id {again.pid}"
    assert told in again.refused.stderr


def test_a_second_demo_does_nothing_twice(again: Again, company: Company):
    assert again.code == 0, again.err
    assert "The company is there already" in again.out
    assert "nothing to send: the destination has what it should have" in again.out
    assert users_in(again.root) == users_in(company.root)
    counted = """
        select
            (select count(*) from madang_ledger.sync_runs where sync = 'braze_audiences') as runs,
            (select count(*) from madang_ledger.sync_deliveries
                where sync = 'braze_audiences') as deliveries,
            (select count(*) from madang_raw.crm_customers) as customers,
            (select count(*) from madang_staging.stg_ga4__events) as events"""
    with tables_of(company.root) as first, tables_of(again.root) as second:
        assert second.row(counted) == first.row(counted)
        plans = "select count(*) from madang_ledger.sync_plans where sync = 'braze_audiences'"
        assert second.value(plans) == 2
    # refunds go in the second run: they wait until their purchases were taken
    before, after = Counter(happened_in(company.root)), Counter(happened_in(again.root))
    assert before - after == Counter()
    assert all(price is not None and price < 0 for _, _, price in after - before)
    compiled = "target/compiled/madang/models/staging/ga4/base_ga4__events.sql"
    assert "read_parquet" not in (again.root / compiled).read_text(encoding="utf-8")


# plain dbt


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone without the wrapper: what dbt needs, and the profile that the README says to copy."""
    root = tmp_path_factory.mktemp("plain")
    copied_project(root)
    shutil.copy(REPOSITORY / "profiles.yml.example", root / "profiles.yml")
    return root


def dbt(project: Path, company: Company, *args: str) -> Ended:
    given = {"MADANG_GA4_PATH": str(company.root / "ga4")}
    return command("dbt", *args, "--vars", json.dumps(VARS), cwd=project, **given)


@pytest.fixture(scope="module")
def built(project: Path, company: Company) -> Ended:
    (project / "data").mkdir()
    return dbt(project, company, "build")


def test_dbt_build_alone_builds_and_runs_every_test(built, project: Path, company: Company):
    assert built.code == 0, built.told
    (done,) = re.findall(r"PASS=(\d+) WARN=(\d+) ERROR=(\d+) SKIP=(\d+)", built.out)
    assert done[1:] == ("0", "0", "0")
    assert int(done[0]) > 150
    assert re.search(r"\d+ unit tests", built.out)
    sessions = "select count(*), sum(events) from madang_activity.sessions"
    with tables_of(company.root) as ours, tables_of(project / "data") as theirs:
        assert theirs.rows(sessions) == ours.rows(sessions)
        assert theirs.value("select count(*) from madang_raw.crm_customers") == 0


def test_dbt_docs_know_every_model_and_where_data_leaves(built, project: Path, company: Company):
    ended = dbt(project, company, "docs", "generate")
    assert ended.code == 0, ended.told
    manifest = json.loads((project / "target" / "manifest.json").read_text(encoding="utf-8"))
    catalog = json.loads((project / "target" / "catalog.json").read_text(encoding="utf-8"))
    models = {key for key in manifest["nodes"] if key.startswith("model.")}
    assert models <= catalog["nodes"].keys()
    undescribed = [key for key in models if not manifest["nodes"][key]["description"]]
    assert undescribed == []
    exposures = manifest["exposures"].values()
    sent = [one for one in exposures if one["config"]["meta"].get("sync")]
    named = {one["name"].split("_")[0] for one in sent}
    own = {"braze", "ga4", "google", "meta", "openai", "salesforce", "sfmc", "tiktok"}
    assert named == own | {"file", "kakao", "naver", "webhook"}
    assert [one["name"] for one in exposures if one not in sent] == ["page"]


def test_days_can_be_read_again_on_request(built, project: Path, company: Company):
    ended = dbt(project, company, "run", "--select", "base_ga4__events")
    assert ended.code == 0, ended.told
    compiled = "target/compiled/madang/models/staging/ga4/base_ga4__events.sql"
    text = (project / compiled).read_text(encoding="utf-8")
    assert set(re.findall(r"events_(\d{8})\.parquet'", text)) == {"20261020", "20261021"}
    events = "select event_date, count(*) from madang_staging.stg_ga4__events group by 1 order by 1"
    with tables_of(company.root) as ours, tables_of(project / "data") as theirs:
        assert theirs.rows(events) == ours.rows(events)


# personal data

#: Where people's data belongs, or goes back to who brought it.
MEANT = ("inbox", "ga4", "truth", "rejects", "warehouse.duckdb")
EMAIL = re.compile(rb"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
HANGUL = re.compile(rb"(?:[\xea-\xed][\x80-\xbf]{2})+")
#: Apart from letters, digits and dashes on both sides: a hash or a UUID may read like a number.
PHONE = re.compile(
    rb"(?<![0-9A-Za-z._-])(?:\+?82[- ]?|0)1[016789][- ]?\d{3,4}[- ]?\d{4}"
    rb"(?![0-9A-Za-z_]|-[0-9A-Za-z])"
)


def contacts_of(company: Company) -> set[str]:
    """Every address, number and name of the company's people, numbers in several spellings."""
    with tables_of(company.root) as tables:
        known = tables.rows("""
            select identifier_value from truth_identifiers
            where identifier_type in ('email', 'phone')""")
        names = tables.rows("select distinct name from madang_private.contacts where name > ''")
    found = {name for (name,) in names}
    for (value,) in known:
        plain = f"0{value.removeprefix('+82')}"
        dashed = f"{plain[:3]}-{plain[3:7]}-{plain[7:]}"
        found |= {value} if "@" in value else {value, plain, dashed}
    return found


def told_in(data: bytes) -> set[str]:
    """What in a file may be a contact or a name."""
    found = {*EMAIL.findall(data), *PHONE.findall(data), *HANGUL.findall(data)}
    return {text.decode(errors="replace") for text in found}


def test_nobodys_contacts_are_in_logs_plans_pages_or_what_is_printed(
    company: Company, again: Again
):
    contacts = contacts_of(company)
    texts = {"stdout": company.demo.out.encode(), "again": again.out.encode()}
    for path in again.root.rglob("*"):
        inside = path.relative_to(again.root)
        if path.is_file() and inside.parts[0] not in MEANT:
            texts[str(inside)] = path.read_bytes()
    assert {Path(name).name for name in texts} >= {"dbt.log", "plan.json", "journal.sqlite"}
    assert {name: told for name, data in texts.items() if (told := told_in(data) & contacts)} == {}
    (orders,) = (company.root / "inbox" / "shop").glob("orders_202610.csv")
    assert len(told_in(orders.read_bytes()) & contacts) > 100, "the test itself finds nobody"


def test_the_logs_hold_nothing_that_looks_like_a_contact(company: Company):
    """Not even of people whom the truth does not know: by pattern."""
    allowed = {b"crm@maru.example"}  # the owner of the sync, in the exposure
    for path in [*(company.root / "logs").iterdir(), *(company.root / "plans").rglob("*.json")]:
        data = path.read_bytes()
        assert set(EMAIL.findall(data)) <= allowed, path
        assert PHONE.findall(data) == [], path


def test_published_marts_hold_no_contacts_and_no_names(company: Company):
    contacts = contacts_of(company)
    published = sorted((company.root / "marts").glob("*.parquet"))
    assert {"activities", "sessions", "person_orders", "customers"} <= {p.stem for p in published}
    with tables_of(company.root) as tables:
        for path in published:
            texts = [
                name
                for name, kind, *_ in tables.rows(f"describe from '{path}'")
                if kind == "VARCHAR"
            ]
            for name in texts:
                cells = {
                    v for (v,) in tables.rows(f"select distinct \"{name}\" from '{path}'") if v
                }
                assert not cells & contacts, (path.name, name)
                joined = "\n".join(cells).encode()
                assert EMAIL.findall(joined) == [], (path.name, name)
                assert PHONE.findall(joined) == [], (path.name, name)
        personal = tables.rows(f"""
            select column_name from (describe from '{company.root / "marts/customers.parquet"}')
            where column_name in ('name', 'email', 'phone', 'customer_no')""")
    assert personal == []
