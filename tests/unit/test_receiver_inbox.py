"""The inbox of calls: what was kept lands once, whatever step a load dies at."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest_workspace import put, workspace
from madang import ingest
from madang.ingest.calls import drain as draining
from madang.ingest.calls.ids import RequestIds
from madang.ingest.calls.inbox import Inbox, Received, listed, open_inbox
from madang.ingest.errors import LoadError
from madang.ingest.sources import read_sources
from madang.warehouse import WarehouseError, open_warehouse
from madang.warehouse.duckdb import DuckDBWarehouse

COLUMNS = ("outcome_id", "product", "status", "occurred_at", "reason")


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def settings(tmp_path):
    return workspace(tmp_path)


@pytest.fixture
def inbox(settings):
    with closing(open_inbox(settings.paths.received)) as opened:
        yield opened


def request(ids, *numbers, key=None, body="b", source="offline.outcomes", columns=COLUMNS):
    moment = "2026-10-06T14:30:00+09:00"
    items = [
        (
            at,
            (f"O{number}", "charger", "installed", moment, '비고, "따옴표"\n둘째 줄')[
                : len(columns)
            ],
        )
        for at, number in enumerate(numbers, start=1)
    ]
    request_id = ids.next()
    return Received(
        request_id=request_id,
        partner="install-co",
        kind="outcomes",
        idempotency_key=key or request_id,
        body_sha256=body,
        source=source,
        columns=listed(columns),
        received_at=datetime.now(UTC).isoformat(),
        status=202,
        answer=f"answer of {request_id}",
        items=tuple(items),
    )


def load(settings):
    with open_warehouse(settings) as warehouse:
        return ingest.load(settings, warehouse)


def rows(settings, table="offline_outcomes"):
    with open_warehouse(settings) as warehouse:
        if not warehouse.exists("raw", table):
            return []
        order = "_row" if table != "_files" else "loaded_at"
        return warehouse.fetch(f"from {warehouse.relation('raw', table)} order by {order}")


def test_a_request_is_kept_once_and_its_first_answer_stays(inbox):
    ids = RequestIds()
    first = request(ids, 1, key="k")
    (new,) = inbox.keep([first])
    again, other = inbox.keep([request(ids, 1, key="k"), request(ids, 1, key="k", body="c")])
    assert (new.outcome, again.outcome, other.outcome) == ("new", "replayed", "conflict")
    assert new.answer == again.answer == first.answer
    assert again.request_id == first.request_id
    assert inbox.waiting() == {"offline.outcomes": 1}


def test_the_same_request_twice_in_one_commit_is_kept_once(inbox):
    ids = RequestIds()
    kept = inbox.keep([request(ids, 1, key="k"), request(ids, 1, key="k"), request(ids, 2)])
    assert [one.outcome for one in kept] == ["new", "replayed", "new"]
    assert kept[0].answer == kept[1].answer
    assert inbox.waiting() == {"offline.outcomes": 2}


def test_a_request_without_a_good_item_is_answered_but_not_remembered(inbox):
    ids = RequestIds()
    none, good = request(ids, key="k"), request(ids, 1, key="k")
    told = inbox.keep([none, good, request(ids, key="k"), request(ids, key="k", body="c")])
    assert [one.outcome for one in told] == ["new", "new", "replayed", "conflict"]
    assert [one.answer for one in told[:3]] == [none.answer, good.answer, good.answer]
    assert inbox.waiting() == {"offline.outcomes": 1}


def test_a_failed_commit_keeps_nothing_of_the_group(inbox):
    ids = RequestIds()
    one = request(ids, 1)
    with pytest.raises(sqlite3.IntegrityError):
        inbox.keep([one, request(ids, 2), replaced(one, idempotency_key="other")])
    assert inbox.waiting() == {}


def replaced(received, **fields):
    values = {name: getattr(received, name) for name in Received.__dataclass_fields__}
    return Received(**{**values, **fields})


def test_received_rows_land_as_rows_of_a_file_do(settings, inbox):
    ids = RequestIds()
    first, second = request(ids, 1, 2), request(ids, 3)
    inbox.keep([first, second])
    report = load(settings)
    assert [(f.source, f.status, f.rows, f.loaded) for f in report.files] == [
        ("offline.outcomes", "loaded", 3, 3)
    ]
    assert report.exit_code == 0
    landed = rows(settings)
    assert [row["outcome_id"] for row in landed] == ["O1", "O2", "O3"]
    assert [(row["_file"], row["_sheet"]) for row in landed] == [
        (f"install-co/{first.request_id}", "item 1"),
        (f"install-co/{first.request_id}", "item 2"),
        (f"install-co/{second.request_id}", "item 1"),
    ]
    assert landed[0]["reason"] == '비고, "따옴표"\n둘째 줄'
    assert landed[0]["phone"] is None
    assert len({row["_sha256"] for row in landed}) == 1
    table = next(t for t in read_sources(settings.project_dir) if t.label == "offline.outcomes")
    origin = ["_file", "_sheet", "_row", "_sha256", "_loaded_at"]
    assert list(landed[0]) == [*(column.name for column in table.columns), *origin]
    (entry,) = rows(settings, "_files")
    assert (entry["source"], entry["rows"], entry["loaded"]) == ("offline.outcomes", 3, 3)
    assert inbox.waiting() == {}


def test_files_and_calls_land_in_one_table(settings, inbox):
    inbox.keep([request(RequestIds(), 1)])
    line = {"outcome_id": "F1", "product": "charger", "status": "installed"}
    line["occurred_at"] = "2026-10-06T14:30:00+09:00"
    put(settings.paths.inbox / "offline" / "a.ndjson", json.dumps(line))
    assert load(settings).exit_code == 0
    assert sorted(row["outcome_id"] for row in rows(settings)) == ["F1", "O1"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("room", "step"),
    [
        (Inbox, "begin_batches"),
        (draining, "_spool"),
        (Inbox, "spooled"),
        (DuckDBWarehouse, "append"),
        (draining, "record"),
        (Inbox, "landed"),
        (Inbox, "forget_items"),
        (Inbox, "forget_requests"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_load_that_dies_at_any_step_lands_all_once(
    settings, inbox, monkeypatch, room, step, after
):
    inbox.keep([request(RequestIds(), *range(5)) for _ in range(3)])
    real = getattr(room, step)

    def die(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(room, step, die)
        with pytest.raises(Died):
            load(settings)
    inbox.keep([request(RequestIds(), "later")])
    load(settings)
    assert len(rows(settings)) == 16
    assert len({(row["_file"], row["_sheet"]) for row in rows(settings)}) == 16
    assert sum(entry["loaded"] for entry in rows(settings, "_files")) == 16
    assert inbox.waiting() == {}
    assert not inbox.batches("open") and not inbox.batches("landed")


def test_items_deleted_in_part_do_not_land_again(settings, inbox, monkeypatch):
    inbox.keep([request(RequestIds(), *range(50))])
    real = Inbox.forget_items

    def die_half_way(self, batch):
        half = (batch.first_item + batch.last_item) // 2
        self._db.execute("delete from items where item_no <= ?", (half,))
        raise Died

    monkeypatch.setattr(Inbox, "forget_items", die_half_way)
    with pytest.raises(Died):
        load(settings)
    monkeypatch.setattr(Inbox, "forget_items", real)
    assert sum(inbox.waiting().values()) == 25
    with open_warehouse(settings) as warehouse:
        draining.drain(settings, warehouse, read_sources(settings.project_dir))
    assert len(rows(settings)) == 50
    assert inbox.waiting() == {}


def test_more_than_one_batch_and_several_sources_drain(settings, inbox, monkeypatch):
    monkeypatch.setattr(draining, "BATCH", 7)
    ids = RequestIds()
    consent = ("consent_id", "channel", "purpose", "status", "occurred_at")
    for number in range(10):
        inbox.keep(
            [
                request(ids, f"{number}a", f"{number}b"),
                request(ids, f"{number}c", source="consent.events", columns=consent),
            ]
        )
    report = load(settings)
    assert {f.source: f.loaded for f in report.files} == {
        "offline.outcomes": 20,
        "consent.events": 10,
    }
    assert len(rows(settings)) == 20 and len(rows(settings, "consent_events")) == 10


def test_items_of_a_source_that_is_gone_wait_and_hold_up_nobody(settings, inbox, monkeypatch):
    monkeypatch.setattr(draining, "BATCH", 2)
    ids = RequestIds()
    inbox.keep([request(ids, *range(5), source="gone.things"), request(ids, *range(5))])
    report = load(settings)
    held = next(f for f in report.files if f.source == "gone.things")
    assert held.status == "held" and "5 received items wait" in held.skipped_reason
    assert report.exit_code == 3
    assert len(rows(settings)) == 5
    assert inbox.waiting() == {"gone.things": 5}


def test_items_that_cannot_be_read_hold_up_neither_other_sources_nor_files(settings, inbox):
    ids = RequestIds()
    consent = ("consent_id", "channel", "purpose", "status", "occurred_at")
    inbox.keep([request(ids, "c", source="consent.events", columns=consent)])
    inbox.keep([request(ids, *range(3))])
    broken = "update items set texts = '{not json' where request_id = ?"
    inbox._db.execute(broken, (inbox.last_request_id(),))
    outcome = "outcome_id,product,status,occurred_at\nF1,charger,installed,2026-10-06T14:30:00Z\n"
    put(settings.paths.inbox / "offline" / "a.csv", outcome)
    report = load(settings)
    told = {(file.source, file.path.name): file for file in report.files}
    refused = told["offline.outcomes", inbox.path.name]
    assert refused.status == "refused" and "3 received items wait" in refused.skipped_reason
    assert told["consent.events", inbox.path.name].loaded == 1
    assert told["offline.outcomes", "a.csv"].loaded == 1
    assert report.exit_code == 3
    assert inbox.waiting() == {"offline.outcomes": 3}


def test_a_column_that_the_mapping_no_longer_has_still_lands(settings, inbox):
    columns = ("outcome_id", "product", "status", "occurred_at", "former")
    inbox.keep([request(RequestIds(), 1, columns=columns)])
    load(settings)
    (row,) = rows(settings)
    assert row["former"].startswith("비고") and row["reason"] is None


def test_requests_are_forgotten_after_their_days_but_not_while_their_items_wait(settings, inbox):
    ids = RequestIds()
    inbox.keep([request(ids, 1, key="old"), request(ids, 2, source="gone.things")])
    later = datetime.now(UTC) + timedelta(seconds=1)
    inbox.forget_requests(later)
    assert inbox.waiting() == {"offline.outcomes": 1, "gone.things": 1}
    load(settings)
    assert inbox.keep([request(ids, 1, key="old")])[0].outcome == "replayed"
    inbox.forget_requests(later)
    assert inbox.keep([request(ids, 1, key="old")])[0].outcome == "new"
    assert inbox.waiting()["gone.things"] == 1


def test_a_drain_that_cannot_write_leaves_everything_for_the_next(settings, inbox, monkeypatch):
    inbox.keep([request(RequestIds(), 1)])

    def refuse(*args, **kwargs):
        raise WarehouseError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "append", refuse)
        with pytest.raises(WarehouseError):
            load(settings)
    assert inbox.waiting() == {"offline.outcomes": 1}
    load(settings)
    assert len(rows(settings)) == 1


def test_nothing_received_and_no_files_is_still_an_error(settings):
    with pytest.raises(LoadError, match="no file to load"):
        load(settings)


def test_only_its_owner_can_read_the_inbox(settings, inbox):
    inbox.keep([request(RequestIds(), 1)])
    for file in settings.root.glob("received.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_what_was_taken_over_is_gone_from_the_inbox_to_the_last_byte(settings, inbox):
    inbox.keep([request(RequestIds(), *range(300))])
    files = [settings.paths.received, settings.paths.received.with_name("received.sqlite-wal")]
    assert "둘째 줄".encode() in b"".join(file.read_bytes() for file in files)
    load(settings)
    assert "둘째 줄".encode() not in b"".join(file.read_bytes() for file in files)


def test_what_waits_is_told(settings):
    assert draining.waiting(settings) == "nothing waits" and not draining.has_waiting(settings)
    with closing(open_inbox(settings.paths.received)) as inbox:
        one = request(RequestIds(), 1, 2)
        inbox.keep([one])
    since = datetime.fromisoformat(one.received_at).astimezone(ZoneInfo("Asia/Seoul"))
    assert draining.waiting(settings) == (
        "2 offline.outcomes wait for 'madang load', the oldest since "
        f"{since:%Y-%m-%d %H:%M} (Asia/Seoul)"
    )
    assert draining.has_waiting(settings)
    load(settings)
    assert draining.waiting(settings) == "nothing waits" and not draining.has_waiting(settings)


def test_ids_grow_also_when_the_clock_was_set_back():
    ids = RequestIds(after="rq_ffffffffffff00deadbeef")
    made = [ids.next() for _ in range(5)]
    assert made == sorted(made) and len(set(made)) == 5
    assert made[0] > "rq_ffffffffffff00deadbeef"


def test_an_inbox_of_a_newer_version_is_left_alone(settings, inbox):
    with closing(sqlite3.connect(settings.paths.received)) as newer:
        newer.execute("pragma user_version = 99")
    with pytest.raises(LoadError, match="newer version"):
        open_inbox(settings.paths.received)
