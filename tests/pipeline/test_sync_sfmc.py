"""Rows of data extensions and entries into journeys at a local Marketing Cloud, over HTTP."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo_workspace import SUPPORT
from madang.erase.columns import read_columns
from madang.erase.tables import forget_logs
from madang.erase.values import Known
from madang.errors import ConfigError
from madang.sandbox.sfmc import SfmcSandbox
from madang.sync import (
    DestinationDown,
    DestinationRefused,
    DestinationUnclear,
    SyncError,
    deletions,
)
from madang.sync.describe import describe
from madang.sync.destinations.sfmc.columns import Column
from madang.sync.destinations.sfmc.destination import SfmcSettings
from madang.sync.later import ask
from sync_place import Place
from sync_workspace import REPOSITORY

ENVIRON = {"MADANG_SFMC_CLIENT_ID": "client", "MADANG_SFMC_CLIENT_SECRET": "secret"}
COLUMNS = {"Tier": {"from": "tier", "length": 5}, "Orders": {"from": "orders", "type": "Number"}}
JOURNEYS = {"buyers_email": {"event": "APIEvent-buyers"}}
SUBDOMAIN = "mc" + "a1" * 13


def row(key: str, field: str = "madang_buyers_email", tier: str | None = "VIP", held=None) -> tuple:
    value = json.dumps({"SubscriberKey": key, "Tier": tier, "Orders": "2"})
    return (key, field, value, held)


class There(Place):
    """A workspace whose one sync goes to the local Marketing Cloud."""

    def __init__(self, root, cloud: SfmcSandbox, name: str = "data_extension", **keys) -> None:
        told = {"url": cloud.url, "account_id": "510000001", "subdomain": SUBDOMAIN, **keys}
        more = f", columns: {json.dumps(COLUMNS)}"
        if name == "journey_entry":
            more += f", journeys: {json.dumps(JOURNEYS)}"
        names = {"name": name, "key": "contact_key", "more": more}
        super().__init__(root, "sfmc", SfmcSettings(**told), ENVIRON, **names)


@pytest.fixture
def cloud():
    with SfmcSandbox() as sandbox:
        columns = {name: Column(**told) for name, told in COLUMNS.items()}
        sandbox.has("madang_buyers_email", **columns)
        sandbox.has("madang_vips_email", **columns)
        yield sandbox


@pytest.fixture
def there(tmp_path, cloud):
    return There(tmp_path, cloud, rows_per_request=4)


@pytest.fixture
def secrets(monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def held(cloud, name: str = "madang_buyers_email") -> dict[str, str | None]:
    return {key: one["Tier"] for key, one in cloud.extensions[name].rows.items()}


def poll(there) -> list[str]:
    return [one.status for one in ask(there.settings, there.warehouse)]


def test_a_data_extension_holds_exactly_who_is_wanted_as_they_are_now(there, cloud):
    people = [f"C{number}" for number in range(9)]
    there.sync(*map(row, people), row("C1", "madang_vips_email"))
    assert held(cloud) == dict.fromkeys(people, "VIP")
    assert held(cloud, "madang_vips_email") == {"C1": "VIP"}
    result = there.sync(row("C1", tier="Gold"), row("C2"), row("C3", held="withdrawn"))
    assert held(cloud) == {"C1": "Gold", "C2": "VIP"}
    assert held(cloud, "madang_vips_email") == {}
    assert (result.status, result.accepted) == ("succeeded", 1 + 7 + 1)
    assert there.plan().is_empty


def test_accepted_is_not_applied_until_marketing_cloud_says_so(there, cloud, secrets):
    there.sync(row("C1"), row("C2"))
    assert poll(there) == ["waiting"], "a request that was not picked up has no status"
    assert poll(there) == ["waiting"]
    assert poll(there) == ["applied"]
    assert poll(there) == []


def test_a_request_that_never_ends_is_given_up_after_a_week(there, cloud, secrets):
    cloud.sticks = True
    there.sync(row("C1"))
    assert poll(there) == poll(there) == ["waiting"]
    with there.warehouse() as warehouse:
        batches = warehouse.relation("ledger", "sync_batches")
        warehouse.execute(f"update {batches} set sent_at = sent_at - interval 8 day")
    assert poll(there) == ["unknown"]
    assert poll(there) == []


def test_results_stand_in_the_order_of_the_request_and_what_failed_is_planned_again(
    there, cloud, secrets
):
    cloud.locked = {"C3"}
    cloud.extensions["madang_buyers_email"].columns["Tier"] = Column(
        **{"from": "tier", "length": 2}
    )
    there.sync(row("C4", tier="IP"), row("C2"), row("C3", tier="IP"), row("C1", tier="IP"))
    assert poll(there) == poll(there) == ["waiting"]
    assert poll(there) == ["partial"]
    later = there.ledger("sync_deliveries", "run_id like '%-later'")
    assert {(one["sync_key"], one["status"], one["reason"]) for one in later} == {
        ("C2", "rejected", "ERROR_2"),
        ("C3", "unknown", "RERUN_THE_TRANSACTION"),
    }
    (answer,) = there.ledger("sync_answers")
    assert answer["problem"].startswith("2 of 4 rows failed: ")
    assert "C2" not in answer["problem"] and "VIP" not in answer["problem"]
    plan = there.plan()
    assert (plan.added, plan.changed) == (0, 2)
    assert plan.warnings == {"rejected_before": 1}, "the deadlock was rejected by nobody"
    there.apply()
    assert set(held(cloud)) == {"C1", "C3", "C4"}
    assert [poll(there) for _ in range(3)][-1] == ["partial"]
    assert there.plan().changed == 1, "until it fits or is not wanted any more"
    cloud.extensions["madang_buyers_email"].columns["Tier"] = Column(**COLUMNS["Tier"])
    there.apply()
    assert [poll(there) for _ in range(3)][-1] == ["applied"]
    assert set(held(cloud)) == {"C1", "C2", "C3", "C4"}
    assert there.plan().is_empty


def test_what_was_rejected_later_and_is_not_wanted_any_more_is_deleted_to_be_sure(
    there, cloud, secrets
):
    there.sync(row("C1"))
    cloud.extensions["madang_buyers_email"].columns["Tier"] = Column(
        **{"from": "tier", "length": 3}
    )
    there.sync(row("C1", tier="Gold"))
    assert [poll(there) for _ in range(3)][-1] == ["applied", "partial"]
    assert held(cloud) == {"C1": "VIP"}, "the row is still the one that arrived before"
    assert there.sync().status == "succeeded"
    assert held(cloud) == {}
    assert there.plan().is_empty


def test_results_of_many_rows_come_in_pages(tmp_path, cloud, secrets, monkeypatch):
    monkeypatch.setattr("madang.sync.destinations.sfmc.destination.PAGE", 3)
    there = There(tmp_path, cloud)
    cloud.locked = {"C7"}
    there.sync(*(row(f"C{number}") for number in range(8)))
    assert [poll(there) for _ in range(3)][-1] == ["partial"]
    (later,) = there.ledger("sync_deliveries", "run_id like '%-later'")
    assert later["sync_key"] == "C7"


def test_what_does_not_fit_is_said_before_it_is_sent(there, cloud):
    good = row("C1")
    wrong = [
        row("C2", tier="Diamond"),
        ("C3", "madang_buyers_email", '{"SubscriberKey": "C3", "Color": "red"}'),
        ("C4", "madang_buyers_email", '{"SubscriberKey": "C9"}'),
        ("C5", "madang_buyers_email", '{"SubscriberKey": "C5", "Orders": "many"}'),
        ("C6", "madang_buyers_email", '{"SubscriberKey": "C6", "Orders": 2}'),
    ]
    result = there.sync(good, *wrong)
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 5)
    assert set(result.rejected_by_problem) == {
        "The column 'Tier' holds 5 characters, and the value has 7.",
        "The sync names no column 'Color'.",
        "Its column SubscriberKey is not the row's key.",
        "The column 'Orders' is a Number, and the value is none.",
        "Its value is no JSON object of texts.",
    }
    assert set(held(cloud)) == {"C1"}


def test_a_data_extension_that_is_not_right_rejects_its_own_rows_alone(there, cloud):
    cloud.has("madang_odd_email", None)
    result = there.sync(row("C1"), row("C2", "madang_odd_email"), row("C3", "madang_absent_email"))
    assert (result.accepted, result.rejected) == (1, 2)
    problems = " ".join(result.rejected_by_problem)
    assert "has no primary key" in problems and "Unable to find a data extension" in problems
    assert "describe" in there.ledger("sync_rejects")[0]["fix"]


def test_a_name_that_no_data_extension_can_have_is_found_in_the_plan(there):
    with pytest.raises(SyncError, match="external key: 1 to 36 letters"):
        there.sync(row("C1", "madang_" + "a" * 30))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status", "status": 503},
        {"kind": "rate_limit", "seconds": 1},
        {"kind": "blocked", "times": 2},
        {"kind": "expire"},
    ],
)
def test_trouble_that_passes_loses_nothing(there, cloud, fault):
    cloud.faults.add(after=1, **fault)
    there.sync(*(row(f"C{number}") for number in range(10)))
    assert len(held(cloud)) == 10
    cloud.faults.add(**fault)
    there.sync(row("C0"))
    assert set(held(cloud)) == {"C0"}, "a row that was deleted already is gone"
    assert there.plan().is_empty


def test_what_is_not_understood_is_no_success(there, cloud):
    cloud.faults.add("garbage")
    with pytest.raises(DestinationUnclear, match="not as Marketing Cloud does"):
        there.sync(row("C1"))
    (sent,) = there.ledger("sync_deliveries")
    assert sent["status"] == "unknown"
    there.sync(row("C1"))
    assert set(held(cloud)) == {"C1"}


def test_a_wrong_secret_or_unit_is_refused_without_being_shown(tmp_path, cloud):
    there = There(tmp_path, cloud, account_id="999999")
    with pytest.raises(DestinationRefused, match="refused the login") as error:
        there.sync(row("C1"))
    assert "secret" not in f"{error.value.message}".replace("client secret", "")
    with pytest.raises(ValueError, match="28 letters and digits"):
        SfmcSettings(subdomain="example.com/?", account_id="510000001")
    there.environ = {}
    with pytest.raises(ConfigError, match="MADANG_SFMC_CLIENT_ID"):
        there.apply()


def test_doctor_asks_for_a_token(there, cloud):
    with there_destination(there) as destination:
        (one,) = destination.look([])
        assert (one.name, one.status, one.detail) == ("login", "ok", "business unit 510000001")
        cloud.client_secret = "another"
        destination._login.renew()
        with pytest.raises(DestinationRefused, match="refused the login"):
            list(destination.look([]))


def test_requests_stay_under_five_megabytes_and_letters_are_not_escaped(tmp_path, cloud):
    there = There(tmp_path, cloud)
    with there_destination(there) as destination:
        from madang.sync.destinations.base import Change, SyncObject

        value = json.dumps({"SubscriberKey": "C", "Tier": "가" * 300_000}, ensure_ascii=False)
        objects = [SyncObject(n, "C", (Change("madang_a_email", value),)) for n in range(11)]
        sizes = [sum(map(len, one.encoded)) for one in destination.batches(objects)]
    assert len(sizes) == 3 and max(sizes) < 5_000_000


def there_destination(there):
    from contextlib import closing

    from madang.sync.destinations.registry import open_destination
    from madang.sync.spec import load_specs

    (spec,) = load_specs(there.settings.project_dir)
    return closing(open_destination(spec, there.settings, environ=there.environ))


def entry(key: str, number: int = 1) -> tuple:
    return row(key, f"buyers_email#{number}")


def test_each_person_enters_once(tmp_path, cloud, secrets):
    there = There(tmp_path, cloud, "journey_entry")
    people = [f"C{number:03}" for number in range(250)]
    result = there.sync(*map(entry, people))
    assert sorted(cloud.entries["APIEvent-buyers"]) == people
    assert result.batches == 3, "100 a batch"
    assert there.sync(*map(entry, people)) is None
    there.sync(entry("C001", 2), entry("C002", 1))
    assert cloud.entries["APIEvent-buyers"].count("C001") == 2
    assert {*poll(there)} == {"waiting"}
    assert {*poll(there)} == {"applied"}


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 503}])
def test_an_entry_that_may_have_arrived_is_never_sent_again(tmp_path, cloud, fault):
    there = There(tmp_path, cloud, "journey_entry")
    there.want(*(entry(f"C{number:03}") for number in range(250)))
    there.plan()
    cloud.faults.add(after=1, keys=("events",), **fault)
    with pytest.raises(DestinationUnclear, match="is unknown"):
        there.apply()
    there.apply()
    entered = cloud.entries["APIEvent-buyers"]
    assert len(entered) == len(set(entered)) == (250 if fault["kind"] == "drop_after" else 150)
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 100)


def test_an_entry_that_is_refused_says_why(tmp_path, cloud):
    there = There(tmp_path, cloud, "journey_entry")
    cloud.inactive = {"C2"}
    result = there.sync(entry("C1"), entry("C2"), row("C3", "sellers_email#1"))
    assert (result.accepted, result.rejected) == (1, 2)
    assert any("is not active" in one for one in result.rejected_by_problem)
    assert any("names no journey 'sellers_email'" in one for one in result.rejected_by_problem)
    cloud.events = set()
    result = there.sync(entry("C5"))
    assert result.rejected_by_problem == {
        "APIEvent-buyers: Error The event definition key was not found.": 1
    }


def test_entries_go_to_the_local_server_only_and_rows_anywhere(tmp_path, cloud):
    there = There(tmp_path, cloud, "journey_entry")
    there.want(entry("C1"))
    there.plan()
    real = SfmcSettings(subdomain=SUBDOMAIN, account_id="510000001")
    there.settings = there.settings.model_copy(update={"destinations": {"sfmc": real}})
    with pytest.raises(SyncError, match="local server only"):
        there.apply()
    assert real.at("auth") == f"https://{SUBDOMAIN}.auth.marketingcloudapis.com"


def test_an_erasure_deletes_the_contact_and_the_ledger_forgets_the_key(there, cloud, secrets):
    there.sync(row("C1"), row("C2"))
    known = Known("p", numbers=["C1"])
    deletions.queue(there.settings, "e1", ["sfmc"], known.numbers)
    (told,) = deletions.send(there.settings)
    assert (told.status, told.keys, cloud.forgotten) == ("deleted", 1, {"C1"})
    assert set(held(cloud)) == {"C2"}
    columns = read_columns(REPOSITORY)
    with there.warehouse() as warehouse:
        forget_logs(warehouse, columns, known)
    assert [one["sync_key"] for one in there.ledger("sync_deliveries")] == ["C2"]


def test_describe_prints_what_to_create_and_what_does_not_fit(there, cloud, capsys):
    there.want(row("C1"), row("C2", tier="Diamond"), row("C3", "madang_vips_email"))
    assert describe(there.settings, "one_sync") == 1
    out = capsys.readouterr().out
    for word in ("madang_buyers_email", "madang_vips_email", "SubscriberKey", "primary key"):
        assert word in out
    assert "sendable" in out and "Subscriber Key" in out
    assert "1 row of madang_buyers_email" in out and "holds 5 characters" in out
    assert "Diamond" not in out
    there.want(row("C1"))
    assert describe(there.settings, "one_sync") == 0
    assert held(cloud) == {}


APPLY = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from test_sync_sfmc import There, ENVIRON
from madang.sync.destinations.sfmc.destination import SfmcSettings
place = There.__new__(There)
place.root, place.environ = Path(sys.argv[2]), ENVIRON
from madang.settings.workspace import load_settings
read = load_settings(place.root / "madang.yml")
settings = SfmcSettings(**json.loads(sys.argv[3]))
place.settings = read.model_copy(update={"destinations": {"sfmc": settings}})
place.apply()
"""


@pytest.mark.parametrize("name", ["data_extension", "journey_entry"])
def test_killed_anywhere_nothing_is_lost_or_entered_twice(tmp_path, cloud, name):
    there = There(tmp_path, cloud, name, rows_per_request=5)
    make = row if name == "data_extension" else entry
    there.want(*(make(f"C{number:03}") for number in range(100)))
    there.plan()
    told = {"url": cloud.url, "account_id": "510000001", "subdomain": SUBDOMAIN}
    told |= {"rows_per_request": 5}
    chance = random.Random(17)
    cloud.faults.add("slow", times=None, seconds=0.02)
    lost = 0
    for _ in range(3):
        begun = len(cloud.log())
        paths = ":".join([str(SUPPORT), str(Path(__file__).parent)])
        process = subprocess.Popen(
            [sys.executable, "-c", APPLY, paths, str(tmp_path), json.dumps(told)]
        )
        until = begun + chance.randint(2, 6)
        deadline = time.monotonic() + 60
        while len(cloud.log()) < until and process.poll() is None:
            assert time.monotonic() < deadline, "the process never sent that much"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.1)
    cloud.faults.clear()
    there.apply()
    with there.warehouse() as warehouse:
        relation = warehouse.relation("ledger", "sync_deliveries")
        rows = warehouse.fetch(f"select sync_key, status from {relation}")
    accepted = {one["sync_key"] for one in rows if one["status"] == "accepted"}
    unknown = {one["sync_key"] for one in rows if one["status"] == "unknown"} - accepted
    if name == "data_extension":
        assert set(held(cloud)) == accepted == {f"C{number:03}" for number in range(100)}
    else:
        entered = cloud.entries["APIEvent-buyers"]
        assert len(entered) == len(set(entered)), "somebody entered twice"
        assert accepted <= set(entered) and len(accepted | unknown) == 100
        lost = len(unknown)
    assert lost <= 15, "more than the batch in flight of each kill is unknown"
    assert there.plan().is_empty


def test_trouble_that_lasts_stops_the_run(there, cloud):
    cloud.faults.add("blocked", times=None)
    there.want(row("C1"))
    there.plan()
    with pytest.raises(DestinationDown, match="rate limit"):
        there.apply()
    cloud.faults.clear()
    there.apply()
    assert set(held(cloud)) == {"C1"}
