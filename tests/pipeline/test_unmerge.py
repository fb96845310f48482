"""The story of one wrong merge: it comes, is explained, is undone, and nothing is left of it.

One order under a customer's number with another one's address makes them one person, and their
audiences at the local Braze follow. After `madang unmerge` every table is what it was without that
order, but for the order itself, and Braze holds again what it held.
"""

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from ads_company import before_syncs
from demo_workspace import AS_OF, MARU, Company, Ended, Tables, madang, tables_of
from madang.people import decisions
from madang.sandbox.braze import BrazeSandbox
from madang.settings.workspace import load_settings

KEY = "key-of-the-wrong-merge"
ORDER = "J1"
LAYERS = ("private", "identity", "activity", "marts", "activation")
# What the order itself says about the two identifiers that it carries, and about its customer.
EVIDENCE = {"evidence_count", "last_seen_at", "sources", "names", "crm_ids", "emails", "phones"}
ORDERS = {"orders", "total_order_amount", "last_order_at", "activities", "last_activity_at"}
ORDERS |= {"conflicts"}  # its name and its address are another one's
FITTED = {"conversion_probability", "removal_effect", "made_of"}
FIGURES = {"entered", "progressed", "went_back", "went_quiet", "returned", "still_in", "skipped"}
FIGURES |= {"rate", "median_days", "p90_days", "rate_gap", "days_gap"}
CREDITED = {"credit", "credited_value", "credited_verified", "credited_verified_value"}
CREDITED |= {"removal_effect"}
OF_THE_ORDER = {
    "private.stg_shop__orders": (set(), 1),
    "private.identity_records": (set(), 1),
    "identity.identifiers": (EVIDENCE, 2),
    "identity.identity_edges": (set(), 1),
    "identity.identity_cuts": (set(), 1),
    "identity.persons": ({"last_seen_at"}, 2),
    "identity.person_identifiers": ({"evidence_count"}, 2),
    "identity.identity_map": ({"evidence_count"}, 2),
    "identity.record_persons": (set(), 1),
    "activity.shop_activities": (set(), 1),
    "activity.activities": (set(), 1),
    "marts.customers": (ORDERS, 1),
    "private.customer_values": (set(), 2),
    "marts.source_freshness": (set(), 1),
    "marts.record_matches": (set(), 1),
    "marts.record_match_rates": ({"records", "share"}, 4),
    "marts.channel_days": ({"orders", "net_order_amount"}, 1),
    "marts.identity_coverage": ({"known_order_amount", "unknown_order_amount"}, 1),
    # a score is a place among all buyers
    "marts.customer_rfm": (set(), 400),
    "marts.customer_preferences": (set(), 6),
    "marts.customer_profiles": (set(), 400),
    "marts.next_categories": (set(), 400),
    "marts.order_ends": (set(), 1),
    "marts.tier_migration": ({"order_amount", "amounts_without_rate"}, 1),
    # name, e-mail and telephone of the order
    "marts.collected_fields": ({"records", "first_collected_at", "last_collected_at"}, 3),
    "marts.inquiry_orders": (set(), 2),  # what its person asked after it
    # all orders, those of no product, of its campaign and of its region
    "marts.inquiry_order_contrast": (set(), 200),
    "marts.improvement_points": (set(), 200),
    "marts.online_vs_actual": (set(), 1),  # orders of its day
    # who orders enters the stage of those who bought
    "marts.person_stages": (set(), 2),
    "marts.sent_messages": (set(), 1),  # the stage in which a message met its person
    "marts.audience_loop": (set(), 18),  # the plans that the story makes
    "marts.person_states": (set(), 401),  # with RFM groups
    "marts.stage_days": (FIGURES, 4),  # of its month: all, and the segments of its person
    "marts.conversions": (set(), 1),  # the order is one
    "marts.purchase_histories": (set(), 1),
    "marts.conversion_changes": (set(), 2),
    "marts.conversion_outcomes": (set(), 1),
    "marts.online_conversions": (set(), 1),
    "marts.attribution_entries": (set(), 1),
    "marts.attribution_left_out": ({"left_out", "of_all"}, 8),
    # its touches are in its path, and no longer in one without a conversion
    "marts.attribution_paths": (set(), 1),
    "marts.attribution_path_touches": (set(), 12),
    "marts.attribution_transitions": ({"paths"}, 4),
    # the chain of the month's orders is another one, and what it says of each of them
    "marts.attribution_removal_effects": (FITTED, 15),
    "marts.attribution_channel_credits": (CREDITED, 40),
    "marts.attribution_credits": (set(), 600),
    # how orders come to stand, and what the credits of its month are worth
    "marts.maturity_cases": (set(), 2),
    "marts.maturity_transitions": (set(), 2),
    "marts.maturity_days": (set(), 100),
    "marts.maturity_curves": (set(), 100),
    "marts.maturity_backtest": (set(), 2),
    "marts.conversion_expectations": (set(), 4),
    "marts.conversion_uploads": (set(), 5),  # one a platform
    "marts.conversion_upload_results": ({"conversions", "verified_value"}, 5),
    "marts.conversion_clicks": (set(), 3),  # one a platform of which there is a click
    "activation.sync_google__conversions": (set(), 1),
    "activation.sync_meta__conversions": (set(), 1),
    "activation.sync_tiktok__conversions": (set(), 1),
    "activation.sync_openai__conversions": (set(), 1),
    "activation.sync_ga4__conversions": (set(), 1),
    # what is added once more is said; refunds wait until their purchases were taken
    "activation.sync_braze__users": ({"warning"}, 6),
    "activation.sync_braze__events": ({"held_back_reason"}, 10),
    # the triggers that the first run sent are used since
    "marts.requested_messages": (set(), 20),  # and are asked for
    "marts.scenario_triggers": ({"state", "used_at"}, 20),
    "marts.scenario_results": ({"ready", "used", "false_positive_rate"}, 1),
    "activation.sync_braze__scenarios": (set(), 20),
    # a row says orders and the last activity of its person, once for each audience
    "activation.sync_sfmc__journey_audience": ({"value"}, 3),
    "activation.sync_file__members": ({"value"}, 3),
    "activation.sync_webhook__members": ({"value"}, 3),
    "marts.credited_returns": (set(), 600),
    "marts.campaign_returns": (set(), 600),
    "marts.crm_against_ads": (set(), 1),
    "marts.mmm_input": (set(), 4),  # the channels of its week
    "marts.names_in_use": ({"occurrences", "names"}, 1000),  # of a kind
}
#: Rows that are about nothing but the order: there is one, and it was not there before.
OWN = {
    "marts.names_in_use": f"kind = 'object_id' and name = '{ORDER}'",
    "activation.sync_braze__events": f'''contains(value, '"object_id":"{ORDER}"')''',
}


@dataclass
class Two:
    """Two customers: whose number stands in the order, and whose address."""

    number: str
    other: str
    email: str
    name: str

    @property
    def both(self) -> tuple[str, str]:
        return self.number, self.other


@dataclass
class Story:
    root: Path
    before: Path
    two: Two
    told: dict[str, Ended] = field(default_factory=dict)
    held: dict[str, dict[str, dict]] = field(default_factory=dict)
    persons: dict[str, set[str]] = field(default_factory=dict)
    ledgers: dict[str, list] = field(default_factory=dict)

    def held_of_two(self, when: str) -> dict[str, set[str]]:
        """The audiences that Braze has of the two, at some moment of the story."""
        held = self.held[when]
        return {
            key: {name for name, value in held.get(key, {}).items() if value is not None}
            for key in self.two.both
        }


@pytest.fixture(scope="module")
def story(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("unmerge") / "company"
    shutil.copytree(company.root, root, ignore=shutil.ignore_patterns("logs", "site", "*.lock"))
    before_syncs(root)
    before = root / "before.duckdb"
    shutil.copy(root / "warehouse.duckdb", before)
    with tables_of(root) as tables:
        two = choose(tables)
    told = Story(root, before, two)
    with BrazeSandbox(0, KEY, root / "sandbox.sqlite") as braze:
        settings = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
        settings += f"destinations: {{braze: {{url: {braze.url}, key_env: STORY_KEY}}}}\n"
        (root / "madang.yml").write_text(settings, encoding="utf-8")
        told.held["before"] = braze.users()
        order(root, two)
        for step, arguments in {
            "load": ("load",),
            "merged": ("build",),
            "plan": ("plan",),
            "sync": ("sync", "--apply"),
            "one": ("explain", "pair", *two.both),
            "tried": ("unmerge", *two.both, "--reason", "only tried", "--dry-run"),
            "unmerge": ("unmerge", *two.both, "--reason", "a gift", "--author", "Kim"),
            "pending": ("unmerge", *two.both, "--reason", "once more"),
            "opposite": ("link", *reversed(two.both), "--reason", "no"),
        }.items():
            told.told[step] = madang(root, *arguments, STORY_KEY=KEY, COLUMNS="200")
            if step == "merged":
                told.persons["merged"] = persons(root, two)
            if step == "sync":
                told.held["merged"] = braze.users()
            if step in ("one", "tried"):
                told.ledgers[step] = ledgers(root)
        for step, arguments in {
            "apart": ("build",),
            "plan again": ("plan",),
            "sync again": ("sync", "--apply"),
            "two": ("explain", "pair", *two.both),
            "person": ("explain", "person", f"email:{two.email}"),
            "undone": ("unmerge", *two.both, "--reason", "again"),
            "idle": ("build", "--all"),
        }.items():
            told.told[step] = madang(root, *arguments, STORY_KEY=KEY, COLUMNS="200")
        told.persons["apart"] = persons(root, two)
        told.held["apart"] = braze.users()
        yield told


def choose(tables: Tables) -> Two:
    """Two who were given different audiences, and have bought and surfed."""
    wanted = """
        select customer_no, any_value(email) as email, any_value(name) as name,
            list(distinct field order by field) as fields
        from madang_marts.customers as customers
        inner join madang_private.contacts as contacts using (person_id)
        inner join madang_activation.sync_braze__users as wanted
            on customers.customer_no = wanted.sync_key and wanted.held_back_reason is null
        inner join madang_identity.identifiers as known
            on known.identifier_value = sha256(contacts.email) and quarantine_reason is null
        where is_in_crm and name is not null and customers.crm_ids = 1 and activities > 5
        group by customer_no
    """
    number, other, email, name = tables.rows(f"""
        with wanted as ({wanted})
        select one.customer_no, two.customer_no, two.email, two.name
        from wanted as one, wanted as two
        where one.name <> two.name and not list_has_any(one.fields, two.fields)
        order by all limit 1""")[0]
    return Two(number, other, email, name)


def order(root: Path, two: Two) -> None:
    columns = "order_id customer_no email phone name status ordered_at updated_at amount currency"
    moment = "2026-10-30T10:00:00+09:00"
    row = [ORDER, two.number, two.email, "", two.name, "paid", moment, moment, 50000, "KRW"]
    with (root / "inbox" / "shop" / "orders_joining.csv").open("w", encoding="utf-8") as file:
        csv.writer(file).writerows([columns.split(), row])


def persons(root: Path, two: Two) -> set[str]:
    with tables_of(root) as tables:
        return {
            person
            for (person,) in tables.rows(f"""
                select person_id from madang_identity.person_identifiers
                where identifier_type = 'crm_id' and identifier_value in {two.both}""")
        }


def ledgers(root: Path) -> list:
    """What dbt notes of its builds, and the schemas that are there."""
    with tables_of(root) as tables:
        return [
            tables.rows("select * from madang_ledger.builds order by all"),
            tables.rows("select * from madang_ledger.built_models order by all"),
            tables.rows("select made_of from madang_ledger.whole_builds"),
            tables.rows("select schema_name from information_schema.schemata order by all"),
        ]


def row(output: str, *start: str) -> list[str]:
    """What follows some cells in a table that a command printed."""
    for line in output.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if cells[: len(start)] == list(start):
            return cells[len(start) :]
    raise AssertionError(f"no row {start} in:\n{output}")


def test_the_order_makes_them_one_person_and_braze_follows(story: Story) -> None:
    for step in ("load", "merged", "plan", "sync"):
        assert story.told[step].code in (0, 3), story.told[step].told
    assert len(story.persons["merged"]) == 1
    before, merged = story.held_of_two("before"), story.held_of_two("merged")
    assert all(before.values())
    assert set().union(*before.values()) >= set().union(*merged.values())
    assert sorted(map(bool, merged.values())) == [False, True], "one key is gone, with all it had"


def test_the_merge_is_explained_by_the_order(story: Story) -> None:
    told = story.told["one"]
    assert told.code == 0, told.told
    assert "are one person" in told.out
    number = f"customer {masked(story.two.number)}"
    ways = [line for line in told.out.splitlines() if line.startswith(number) and "joins" in line]
    assert len(ways) == 1 and " shop " in ways[0] and "one record" in ways[0]
    assert "2026-10-30 10:00" in ways[0], "the moment of the order"


def masked(customer_no: str) -> str:
    return f"{customer_no[:1]}{'*' * (len(customer_no) - 3)}{customer_no[-2:]}"


def test_nothing_personal_is_printed_or_written(story: Story) -> None:
    written = decisions.path_of(load_settings(story.root)).read_text(encoding="utf-8")
    for step in ("one", "tried", "unmerge", "two", "person"):
        for secret in (story.two.email, story.two.name, *story.two.both):
            assert secret not in story.told[step].out
    assert story.two.email not in written and story.two.name not in written


def test_a_trial_writes_nothing_and_a_decision_one_line(story: Story) -> None:
    tried = story.told["tried"]
    assert tried.code == 0 and "Nothing was written." in tried.out, tried.told
    assert story.ledgers["tried"] == story.ledgers["one"], "no ledger, and no schema is left"
    (one,) = decisions.read(load_settings(story.root))
    assert (one.decision, one.author, one.reason) == ("never_link", "Kim", "a gift")
    assert one.ends == {("crm_id", number) for number in story.two.both}


def test_what_was_decided_is_not_decided_again_or_otherwise(story: Story) -> None:
    pending, opposite, undone = (story.told[step] for step in ("pending", "opposite", "undone"))
    assert pending.code == opposite.code == undone.code == 2
    assert "decided already, by Kim" in pending.err
    assert "never to be one person, by Kim" in opposite.err
    assert "identity_decisions.csv" in opposite.err
    assert "decided already, by Kim" in undone.err


def test_the_blast_radius_foretells_who_will_have_what(story: Story) -> None:
    out = story.told["unmerge"].out
    sides = {f"customer {masked(number)}": number for number in story.two.both}
    foretold: Counter[tuple[str, str]] = Counter()
    for side, number in sides.items():
        for source in ("braze", "consent", "crm", "ga4", "inquiry", "offline", "shop"):
            pattern = rf"(?m)^then\s+{re.escape(side)}\s+{source}\s+([\d,]+)\s*$"
            if found := re.search(pattern, out):
                foretold[number, source] = int(found[1].replace(",", ""))
    with tables_of(story.root) as tables:
        became = {
            (number, source): count
            for number, source, count in tables.rows(f"""
                select identifier_value, source, count(*)
                from madang_activity.activities
                inner join madang_identity.person_identifiers using (person_id)
                where identifier_type = 'crm_id' and identifier_value in {story.two.both}
                group by all""")
        }
    assert foretold == became
    assert foretold[story.two.number, "shop"] > 0
    for audience in story.held_of_two("before")[story.two.other]:
        told = row(out, "then", f"customer {masked(story.two.other)}", "braze_audiences", audience)
        assert told == ["add", "to send", "1"], "Braze holds nothing under this key any more"


def test_after_the_build_they_are_two_again(story: Story) -> None:
    assert story.told["apart"].code in (0, 3), story.told["apart"].told
    assert len(story.persons["apart"]) == 2
    told = story.told["two"].out
    assert "are two persons: people decided that they are never one" in told
    assert "cut by a decision, joins nobody" in told
    assert row(told, "never_link")[2] == "Kim"
    assert "cut by a decision, joins nobody" in story.told["person"].out


def test_every_table_is_as_if_the_merge_had_never_been(story: Story) -> None:
    """All rows of all layers; what the order itself adds is listed above."""
    with duckdb.connect() as db:
        db.execute(f"attach '{story.before}' as before (read_only)")
        db.execute(f"attach '{story.root / 'warehouse.duckdb'}' as after (read_only)")
        tables = db.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = 'after' and table_type = 'BASE TABLE' "
            "and table_schema in (?, ?, ?, ?, ?)",
            [f"madang_{layer}" for layer in LAYERS],
        ).fetchall()
        assert len(tables) > 30
        different = {}
        for schema, table in tables:
            name = f"{schema.removeprefix('madang_')}.{table}"
            ignored, allowed = OF_THE_ORDER.get(name, (set(), 0))
            counts = differing(db, f"{schema}.{table}", set())
            if max(counts) > allowed:
                different[name] = counts
            if ignored and any(differing(db, f"{schema}.{table}", ignored, OWN.get(name))):
                different[name] = f"more than {sorted(ignored)}"
            if name in OWN:
                own = f"select count(*) from {{}}.{schema}.{table} where {OWN[name]}"
                found = [db.execute(own.format(side)).fetchone() for side in ("before", "after")]
                if found != [(0,), (1,)]:
                    different[name] = f"its own rows: {found}"
        assert different == {}


def differing(
    db: duckdb.DuckDBPyConnection, table: str, ignored: set[str], own: str | None = None
) -> tuple[int, int]:
    """How many rows only one of the two warehouses has, `own` ones left out: before, after."""
    columns = f"* exclude ({', '.join(sorted(ignored))})" if ignored else "*"
    rest = f"where ({own}) is not true" if own else ""
    before, after = (
        f"(select {columns} from {side}.{table} {rest})" for side in ("before", "after")
    )
    counts = []
    for one, other in ((before, after), (after, before)):
        found = db.execute(f"select count(*) from ({one} except all {other})").fetchone()
        counts.append(found[0] if found else 0)
    return counts[0], counts[1]


def test_braze_holds_again_what_it_held(story: Story) -> None:
    assert story.told["plan again"].code == story.told["sync again"].code == 0
    assert story.held_of_two("apart") == story.held_of_two("before")

    def filled(when: str) -> dict[str, dict]:
        return {
            key: found
            for key, user in story.held[when].items()
            if (found := {name: value for name, value in user.items() if value is not None})
        }

    assert filled("apart") == filled("before")


def test_a_build_with_nothing_new_leaves_identity_alone(story: Story) -> None:
    assert story.told["idle"].code in (0, 3), story.told["idle"].told
    results = json.loads((story.root / "target" / "run_results.json").read_text())["results"]
    said = {result["unique_id"]: result["message"] for result in results}
    for model in ("identifiers", "identity_edges", "identity_cuts", "identity_components"):
        assert said[f"model.madang.{model}"] == "UNCHANGED"
