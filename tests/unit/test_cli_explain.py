"""explain and audiences on a hand-written warehouse: right numbers, and no personal data shown."""

import hashlib
import textwrap
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from madang.audiences.rules import Part, read
from madang.cli import app
from madang.masks import mask

EMAIL, PHONE, CUSTOMER = "haneul.kim@post.example", "+821000001234", "C000777"
PROJECT = {
    "dbt_project.yml": "name: small\nvars: {ga4_params: {model_id: string, product: string}}\n",
    "models/activity/_activity__models.yml": """
        models:
          - name: actions
            config:
              meta:
                actions:
                  - name: viewed_model
                    event: page_view
                    object_type: model
                    object_id: {param: model_id}
                  - {name: clicked_apply, event: apply_click, object_type: {param: product}}
                  - {name: completed_application, source: offline}
    """,
    "models/marts/customers/_customers__models.yml": """
        models:
          - name: customers
            columns: [{name: person_id}, {name: tier}]
    """,
    "models/marts/audiences/_audiences__models.yml": """
        models:
          - name: aud_keen
            config:
              meta:
                audience:
                  label: 관심 고객
                  within: 30 days
                  rule:
                    all:
                      - did: viewed_model
                        where: {object_id: maru9}
                        at_least: 2
                      - not: {has: tier, is: 일반}
                  consent: {purpose: marketing, channels: [email]}
          - name: aud_left
            config:
              meta:
                audience:
                  label: 이탈 고객
                  within: 14 days
                  rule:
                    did: clicked_apply
                    where: {object_type: test_drive}
                    and_not: completed_application
                    wait: 1 hour
                  consent: {purpose: marketing, channels: [email]}
    """,
    "models/marts/audiences/aud_keen.sql": "{{ audience() }}",
    "models/marts/audiences/aud_left.sql": "{{ audience() }}",
    "madang.yml": "version: 1\nas_of: 2026-11-01T12:00:00+09:00\n",
}
# p1 viewed maru9 twice within 30 days and once before, and left an application alone two hours ago;
# p2 viewed once; p3 viewed twice, and is 일반; p4 clicked half an hour ago; p5 completed.
ACTIVITIES = [
    ("p1", "2026-10-20 01:00", "viewed_model", "model", "maru9"),
    ("p1", "2026-10-21 01:00", "viewed_model", "model", "maru9"),
    ("p1", "2026-09-21 01:00", "viewed_model", "model", "maru9"),
    ("p1", "2026-10-21 02:00", "viewed_model", "model", "maru5"),
    ("p1", "2026-11-01 01:00", "clicked_apply", "test_drive", None),
    ("p2", "2026-10-20 01:00", "viewed_model", "model", "maru9"),
    ("p3", "2026-10-20 01:00", "viewed_model", "model", "maru9"),
    ("p3", "2026-10-22 01:00", "viewed_model", "model", "maru9"),
    ("p4", "2026-11-01 02:30", "clicked_apply", "test_drive", None),
    ("p5", "2026-10-30 01:00", "clicked_apply", "test_drive", None),
    ("p5", "2026-10-30 01:00", "completed_application", "test_drive", "APP-0001"),
    (None, "2026-10-30 01:00", "viewed_model", "model", "maru9"),
]


VIEWED = (
    '{"did": "viewed_model", "where": {"object_id": "maru9"}, "at_least": 2, "within": "30 days"}'
)
CLICKED = (
    '{"did": "clicked_apply", "where": {"object_type": "test_drive"}, '
    '"and_not": "completed_application", "wait": "1 hour", "within": "14 days"}'
)
# What the build found of these: the parts of both rules, and for whom each holds.
PARTS = [
    ("keen", 1, 0, "all", None, ("p1",)),
    ("keen", 2, 1, "did", VIEWED, ("p1", "p3")),
    ("keen", 3, 1, "not", None, ("p1", "p2", "p4", "p5")),
    ("keen", 4, 2, "has", '{"has": "tier", "is": "일반"}', ("p3",)),
    ("left", 1, 0, "did", CLICKED, ("p1",)),
]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as db:
        for layer in (
            "private",
            "identity",
            "activity",
            "marts",
            "activation",
            "ledger",
            "explain",
        ):
            db.execute(f"create schema madang_{layer}")
        db.execute(
            """
            create table madang_activity.activities (
                activity_id varchar, person_id varchar, occurred_at timestamp, action varchar,
                object_type varchar, object_id varchar, object_name varchar, source varchar,
                channel_group varchar, campaign varchar, value double, currency varchar)"""
        )
        db.executemany(
            "insert into madang_activity.activities by name select uuid()::varchar as activity_id, "
            "? as person_id, ?::timestamp as occurred_at, ? as action, ? as object_type, "
            "? as object_id, 'ga4' as source",
            ACTIVITIES,
        )
        db.execute(
            """
            create table madang_activity.person_orders as
            select 'p1' as person_id, 'ORDER-0001' as order_id, 1 as order_number,
                timestamp '2026-10-20 01:00' as placed_at, 50000.0 as amount, 'KRW' as currency,
                'paid' as status, 2 as activities"""
        )
        db.execute(
            """
            create table madang_marts.customers as
            select 'p' || n as person_id, if(n = 1, ?, null) as customer_no,
                if(n = 3, '일반', 'VIP') as tier
            from range(1, 6) as numbers(n)""",
            [CUSTOMER],
        )
        db.execute(
            "create table madang_private.contacts as "
            "select 'p1' as person_id, ? as email, ? as phone, '김하늘' as name",
            [EMAIL, PHONE],
        )
        db.execute("create table madang_identity.persons as from madang_marts.customers")
        identifiers = [
            ("crm_id", CUSTOMER, "p1", None),
            ("email", sha256(EMAIL), "p1", None),
            ("phone", sha256(PHONE), "p1", None),
            ("email", sha256("old@post.example"), "p1", None),
            ("phone", sha256("+821000009999"), None, "several names"),
        ]
        keyed = [
            (*row, hashlib.md5("\x1f".join(row[:2]).encode()).hexdigest()) for row in identifiers
        ]
        db.execute(
            """
            create table madang_identity.identifiers (identifier_type varchar,
                identifier_value varchar, person_id varchar, quarantine_reason varchar,
                identifier_key varchar, sources varchar, first_seen_at timestamp,
                last_seen_at timestamp, evidence_count int)"""
        )
        db.executemany(
            "insert into madang_identity.identifiers values (?, ?, ?, ?, ?, 'crm', "
            "'2026-01-01', '2026-02-01', 3)",
            keyed,
        )
        db.execute(
            """
            create table madang_identity.person_identifiers as
            from madang_identity.identifiers where person_id is not null"""
        )
        db.execute(
            """
            create table madang_identity.identity_map as
            select identifier_type, identifier_value, person_id, null::timestamp as valid_from,
                null::timestamp as valid_to, 'linked' as rule, evidence_count
            from madang_identity.identifiers where person_id is not null
            union all
            select 'device', 'device-1', 'p1', timestamp '2026-10-01', timestamp '2026-12-01',
                'logged in', 1"""
        )
        db.execute(
            """
            create table madang_identity.identity_edges as
            select 'crm_id' as left_type, $1 as left_value, identifier_type as right_type,
                identifier_value as right_value, 'one record' as rule, 'crm' as source,
                md5('crm_id' || chr(31) || $1) as left_key, identifier_key as right_key,
                first_seen_at, last_seen_at, evidence_count,
                quarantine_reason is not null as is_quarantined
            from madang_identity.identifiers where identifier_type <> 'crm_id'""",
            [CUSTOMER],
        )
        db.execute(
            """
            create table madang_identity.identity_cuts as
            select left_key, right_key, left_key as never_left_key, right_key as never_right_key
            from madang_identity.identity_edges
            where right_value = ?""",
            [sha256("old@post.example")],
        )
        db.execute(
            """
            create table madang_marts.audience_members as
            select * from (values
                ('keen', 'p1', true, 'allowed'), ('left', 'p1', false, 'withdrawn')
            ) as members(audience, person_id, is_contactable, contact_reason)"""
        )
        db.execute(
            """
            create table madang_marts.audience_evidence as
            select * from (values
                ('keen', 2, 'p1', 2, true), ('keen', 2, 'p2', 1, false), ('keen', 2, 'p3', 2, true),
                ('keen', 2, 'device-2', 1, false), ('left', 1, 'p1', 1, true),
                ('left', 1, 'p4', 1, false), ('left', 1, 'p5', 1, false)
            ) as evidence (audience, part_number, subject_id, activities, holds)"""
        )
        db.execute(
            "create table madang_explain.audience_parts (audience varchar, part_number int, "
            "depth int, kind varchar, condition varchar, person_id varchar, holds boolean)"
        )
        for *part, holding in PARTS:
            db.executemany(
                "insert into madang_explain.audience_parts values (?, ?, ?, ?, ?, ?, ?)",
                [(*part, f"p{n}", f"p{n}" in holding) for n in range(1, 6)],
            )
        db.execute(
            """
            create table madang_marts.contactability as
            select 'p1' as person_id, 'email' as channel, 'marketing' as purpose,
                true as is_allowed, 'allowed' as reason, 'consent' as decided_by,
                'granted' as decided_by_signal, timestamp '2026-10-01 00:00:00' as decided_at"""
        )
        db.execute(
            """
            create table madang_marts.audience_waterfall as
            select * from (values
                ('keen', 1, 'candidates', null, 3), ('keen', 2, 'lost', 'anonymous', 2),
                ('keen', 3, 'members', null, 1), ('keen', 4, 'lost', 'no_consent', 0),
                ('keen', 5, 'contactable', null, 1)
            ) as steps(audience, step_number, step, reason, subjects)"""
        )
    return tmp_path


def madang(workspace: Path, *args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["--config", str(workspace), *args])
    return result.exit_code, result.output


def row(output: str, start: str) -> list[str]:
    """The first line that begins with a text, as words after it."""
    line = next(line for line in output.splitlines() if line.strip().startswith(start))
    return line.strip().removeprefix(start).split()


FORMER_ID = hashlib.md5(f"email\x1f{sha256(EMAIL)}".encode()).hexdigest()
SPELLINGS = [CUSTOMER, f"crm_id:{CUSTOMER}", EMAIL, " Haneul.Kim@Post.example ", "010-0000-1234"]


@pytest.mark.parametrize("who", [FORMER_ID, *SPELLINGS])
def test_a_person_is_found_and_no_personal_data_is_shown(workspace: Path, who: str) -> None:
    code, output = madang(workspace, "explain", "person", who)
    assert code == 0, output
    assert row(output, "person_id") == ["p1"]
    for secret in (
        EMAIL,
        PHONE,
        CUSTOMER,
        "김하늘",
        "haneul",
        "post.example",
        "APP-0001",
        "ORDER-0001",
    ):
        assert secret not in output
    assert "h***@p***.example" in output
    assert "1 owned in 1 intervals, 2026-10-01 to 2026-12-01" in output
    assert "1 2026-10-20 50,000 KRW paid 2" in " ".join(output.split())


def test_an_old_address_is_shown_as_a_hash_and_quarantine_is_told(workspace: Path) -> None:
    _, output = madang(workspace, "explain", "person", CUSTOMER)
    assert f"(hash {sha256('old@post.example')[:8]}…)" in output
    quarantined = f"(hash {sha256('+821000009999')[:8]}…)"
    line = next(line for line in output.splitlines() if quarantined in line)
    assert "in quarantine, joins nobody" in line
    told = " ".join(output.split())
    assert f"(hash {sha256('old@post.example')[:8]}…) one record crm 3 cut by a decision" in told


EXPOSURE = """
exposures:
  - name: one_sync
    type: application
    owner: {name: Someone, email: someone@maru.example}
    depends_on: [ref('sync_one')]
    config:
      meta:
        sync: {model: sync_one, destination: braze, object: user_attributes, key: external_id}
"""


@pytest.fixture
def sent(workspace: Path) -> Path:
    """A sync that was sent three times: taken, rejected later, and refused in another run."""
    (workspace / "models/activation").mkdir()
    (workspace / "models/activation/_exposures.yml").write_text(EXPOSURE)
    (workspace / "models/activation/sync_one.sql").write_text("select 1\n")
    of_run = "run_id, sync, sync_key, field, operation, audience, channel, batch_no"
    row = f"'one_sync', '{CUSTOMER}', 'keen', 'add', 'keen', 'email', 1"
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute(
            f"""
            create table madang_activation.sync_one as from (values
                ('{CUSTOMER}', 'p1', 'keen', 'keen', null),
                (null, 'p1', 'left', 'left', 'withdrawn')
            ) as rows(sync_key, person_id, field, audience, held_back_reason);
            create table madang_ledger.sync_runs as
            from (values ('r1', 'braze'), ('r2', 'braze')) as rows(run_id, destination);
            create table madang_ledger.sync_batches as
            select 'r1' as run_id, 1 as batch_no, 'request-7' as remote_reference;
            create table madang_ledger.sync_rejects as
            select 'r2' as run_id, '{CUSTOMER}' as sync_key, 'keen' as field,
                'tier is too long' as problem;
            create table madang_ledger.sync_answers as
            select 'r1' as run_id, 1 as batch_no, 'partial' as status;
            create table madang_ledger.sync_deliveries as from (values
                ('r1', {row}, 'accepted', null, timestamp '2026-10-01 01:00'),
                ('r1-later', {row}, 'rejected', 'TOO_LONG', timestamp '2026-10-01 02:00'),
                ('r2', {row}, 'rejected', 'invalid', timestamp '2026-10-02 01:00'),
                ('r2', {row.replace(CUSTOMER, "C000888")}, 'accepted', null,
                    timestamp '2026-10-02 01:00')
            ) as rows({of_run}, status, reason, recorded_at)"""
        )
    return workspace


@pytest.mark.parametrize("who", [(EMAIL,), (CUSTOMER, "--key")])
def test_each_sending_is_told_with_its_outcome_and_no_key(sent: Path, who: tuple) -> None:
    code, output = madang(sent, "explain", "sent", *who)
    assert code == 0, output
    told = " ".join(output.split())
    at = "2026-10-01 10:00 r1 C****77 keen keen email add accepted, answered later: partial - "
    assert f"{at}request-7" in told
    assert (
        "2026-10-01 11:00 r1-later C****77 keen keen email add rejected TOO_LONG request-7" in told
    )
    why = "invalid; tier is too long"
    assert f"2026-10-02 10:00 r2 C****77 keen keen email add rejected {why}" in told
    assert ("one_sync left left withdrawn" in told) == (len(who) == 1)
    assert CUSTOMER not in output
    assert "88" not in output, "another person's sending"


def test_a_key_that_was_never_sent_is_said(sent: Path) -> None:
    code, output = madang(sent, "explain", "sent", "C999999", "--key")
    assert code == 2
    assert "none ever sent it" in output


def test_a_person_is_told_which_part_of_a_rule_holds(workspace: Path) -> None:
    _, output = madang(workspace, "explain", "person", CUSTOMER)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "keen yes the rule holds; may be contacted" in lines
    assert "left yes the rule holds; held back: withdrawn" in lines
    told = "yes: viewed_model, object_id maru9, at least 2 times, within 30 days"
    assert f"- {told} (2 reached, 2 needed)" in lines
    assert "- no: tier is 일반" in lines
    assert "- yes: not" in lines


def test_an_identifier_in_quarantine_belongs_to_nobody(workspace: Path) -> None:
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute(
            "insert into madang_identity.identifiers by name select 'email' as identifier_type, "
            "? as identifier_value, 'shared mailbox' as quarantine_reason, 'hub' as identifier_key",
            [sha256("info@post.example")],
        )
        db.execute("""
            create table madang_identity.identity_hubs as
            select 'hub' as identifier_key, 'email' as identifier_type,
                'shared mailbox' as quarantine_reason, 4 as names, 5 as crm_ids, 0 as emails,
                0 as phones, 0 as devices, 3 as persons_kept_apart, 'crm, shop' as sources,
                timestamp '2026-01-02' as first_seen_at, timestamp '2026-03-04' as last_seen_at""")
    code, output = madang(workspace, "explain", "person", "info@post.example")
    assert code == 2
    assert "in quarantine (shared mailbox)" in output
    told = " ".join(output.split())
    assert "4 names, 5 customer numbers, seen in crm, shop 2026-01-02 to 2026-03-04" in told
    assert "would make one of 3 persons" in told
    _, output = madang(workspace, "status")
    assert "email shared mailbox 1 3 2026-03-04 09:00" in " ".join(output.split())
    assert "info@post.example" not in output


def test_an_audience_is_explained_part_by_part(workspace: Path) -> None:
    code, output = madang(workspace, "explain", "audience", "aud_keen")
    assert code == 0, output
    assert row(output, "all of") == ["1"]
    assert row(output, "viewed_model, object_id maru9, at least 2 times, within 30 days") == ["2"]
    assert row(output, "not") == ["4"]
    assert row(output, "tier is 일반") == ["1"]
    assert "models/marts/audiences/_audiences__models.yml:2" in output


def test_left_unfinished_counts_only_the_old_and_uncompleted(workspace: Path) -> None:
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute("update madang_marts.audience_waterfall set audience = 'left'")
    _, output = madang(workspace, "explain", "audience", "left")
    told = "clicked_apply, object_type test_drive, then no completed_application for 1 hour"
    assert row(output, f"{told}, within 14 days") == ["1"]


def test_a_preview_shows_losses_channels_and_overlap(workspace: Path) -> None:
    code, output = madang(workspace, "audiences", "preview", "keen")
    assert code == 0, output
    assert row(output, "- anonymous") == ["-2"]
    assert row(output, "email") == ["yes", "1", "0"]
    assert row(output, "left") == ["1", "100%"]


def test_the_list_shows_sizes_where_they_are_known(workspace: Path) -> None:
    _, output = madang(workspace, "audiences", "list")
    assert row(output, "keen") == ["관심", "고객", "1", "1"]
    (workspace / "warehouse.duckdb").unlink()
    _, output = madang(workspace, "audiences", "list")
    assert row(output, "keen") == ["관심", "고객", "-", "-"]
    assert "Sizes are known after 'madang build'." in output


def test_an_unbuilt_table_says_what_to_run(workspace: Path) -> None:
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute("drop table madang_marts.contactability")
    code, output = madang(workspace, "explain", "person", CUSTOMER)
    assert code == 1
    assert "The table marts.contactability is not built yet." in output


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "kim@mail.example", "k***@m***.example"),
        ("phone", "+821000001234", "+82********34"),
        ("crm_id", "C000123", "C****23"),
        ("crm_id", "C12", "****"),
        ("email", "not-an-address", "n***********ss"),
    ],
)
def test_masks(kind: str, value: str, shown: str) -> None:
    assert mask(kind, value) == shown


def test_a_part_says_that_one_session_or_event_must_meet_it() -> None:
    group = {"part_number": 1, "depth": 0, "kind": "all", "condition": '{"scope": "session"}'}
    assert read(group) == Part(1, "all of, in one session")
    viewed = '{"did": "viewed", "at_least": 2, "scope": "event", "within": "7 days"}'
    done = {"part_number": 2, "depth": 1, "kind": "did", "condition": viewed}
    # what was done in all events together is not what is compared
    assert read(done) == Part(2, "  viewed, in one event, at least 2 times, within 7 days", None)
