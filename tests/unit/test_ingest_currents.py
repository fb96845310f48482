"""Folders of Braze Currents: each file once, every event, and what is broken or new is told."""

import io
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fastavro
import pytest

from ingest_workspace import put, workspace
from madang import ingest
from madang.ingest.currents import load as currents
from madang.ingest.currents.avro_events import float32_text, open_events
from madang.ingest.errors import FileRefused
from madang.ingest.readers.apart import Reader
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, WarehouseError, open_warehouse

EXPORT = "dataexport.prod-01.S3.integration.0a1b2c"
SEND = "users.messages.email.Send"
COLUMNS = ("id", "time", "user_id", "external_user_id", "is_amp", "price", "properties")


def field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind}


def schema(event_type: str = SEND, extra: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    space, _, name = event_type.rpartition(".")
    return {
        "type": "record",
        "name": name,
        "namespace": f"com.dataexport.S3.inner.{space}",
        "fields": [
            field("id", "string"),
            field("time", "int"),
            field("user_id", "string"),
            field("external_user_id", ["null", "string"]),
            *extra,
        ],
    }


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number}",
        "time": 1_793_458_799 + number,
        "user_id": f"user-{number}",
        "external_user_id": f"C{number:06d}",
        **more,
    }


def avro(records: Sequence[dict], of: dict[str, Any] | None = None) -> bytes:
    target = io.BytesIO()
    fastavro.writer(target, of or schema(), records)
    return target.getvalue()


def path_of(settings: Settings, name: str, event_type: str = SEND, hour: str = "2026-10-31-15"):
    folder = f"braze/{EXPORT}/event_type={event_type}/date={hour}/10/dynamic"
    return settings.paths.inbox / folder / f"{EXPORT}+0+{name}.avro"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    paths = "paths: {inbox: inbox, rejects: rejects}\nwarehouse: {path: w.duckdb}\n"
    return workspace(tmp_path, paths)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with open_warehouse(settings) as opened:
        yield opened


def rows(warehouse: Warehouse, columns: str = "*") -> list[dict]:
    relation = warehouse.relation("raw", "braze_events")
    return warehouse.fetch(f"select {columns} from {relation} order by id, _file")


def test_events_land_as_text_with_where_they_came_from(settings, warehouse) -> None:
    path = put(path_of(settings, "1"), avro([event(1), event(2, external_user_id=None)]))
    report = ingest.load(settings, warehouse)
    (file,) = report.files
    assert (file.status, file.rows, file.loaded, file.source) == ("loaded", 2, 2, "braze.events")
    first, second = rows(warehouse)
    assert (first["id"], first["time"], first["event_type"]) == ("id-1", "1793458800", SEND)
    assert (first["external_user_id"], second["external_user_id"]) == ("C000001", None)
    assert first["_file"] == path.relative_to(settings.paths.inbox).as_posix()
    assert (first["_row"], second["_row"]) == (1, 2)
    assert len(first["_sha256"]) == 64 and first["_loaded_at"]
    assert first["price"] is None, "a column that the file lacks"


def test_a_second_load_opens_no_file(settings, warehouse, monkeypatch) -> None:
    for name in ("1", "2"):
        put(path_of(settings, name), avro([event(int(name))]))
    ingest.load(settings, warehouse)

    def opened(*_: object) -> None:
        raise AssertionError("a file was opened again")

    monkeypatch.setattr(currents, "digest_of", opened)
    monkeypatch.setattr(Reader, "call", opened)
    (file,) = ingest.load(settings, warehouse).files
    assert file.status == "already loaded"
    assert len(rows(warehouse)) == 2


def test_the_same_content_under_another_name_or_time_is_loaded_once(settings, warehouse) -> None:
    data = avro([event(1)])
    path = put(path_of(settings, "1"), data)
    ingest.load(settings, warehouse)
    os.utime(path, (time.time() + 60, time.time() + 60))
    put(path_of(settings, "1", hour="2026-10-31-16"), data)
    report = ingest.load(settings, warehouse)
    assert [file.status for file in report.files] == ["already loaded"]
    assert len(rows(warehouse)) == 1


def test_a_load_that_was_cut_off_before_its_ledger_is_not_repeated(
    settings, warehouse, monkeypatch
) -> None:
    put(path_of(settings, "1"), avro([event(1)]))

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(currents.currents_ledger, "remember", cut)
    with pytest.raises(KeyboardInterrupt):
        ingest.load(settings, warehouse)
    monkeypatch.undo()
    ingest.load(settings, warehouse)
    assert len(rows(warehouse)) == 1
    files = warehouse.relation("raw", "_files")
    (entry,) = warehouse.fetch(f"select rows, loaded, rejected from {files}")
    assert entry == {"rows": 1, "loaded": 1, "rejected": 0}
    ingest.load(settings, warehouse)
    assert len(warehouse.fetch(f"from {files}")) == 1


def test_rows_that_cannot_land_leave_nothing_half_done(settings, warehouse, monkeypatch) -> None:
    put(path_of(settings, "1"), avro([event(1)]))

    def refused(*_: object, **__: object) -> int:
        raise WarehouseError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(type(warehouse), "append", refused)
        with pytest.raises(WarehouseError):
            ingest.load(settings, warehouse)
    ingest.load(settings, warehouse)
    assert len(rows(warehouse)) == 1


def test_a_broken_file_is_told_and_tried_again_and_the_others_go_in(settings, warehouse) -> None:
    whole = avro([event(n) for n in range(2000)])
    half = put(path_of(settings, "1"), whole[: len(whole) - 900])
    put(path_of(settings, "2"), avro([event(5000)]))
    put(path_of(settings, "3"), b"Obj\x01 no avro at all")
    report = ingest.load(settings, warehouse)
    assert sorted(file.status for file in report.files) == ["loaded", "refused", "refused"]
    assert report.exit_code == 3
    for file in report.files:
        if file.status == "refused":
            assert "damaged or not complete" in file.skipped_reason and file.fix
    assert [row["id"] for row in rows(warehouse)] == ["id-5000"], "half of a file is in"
    put(half, whole)  # it has arrived
    ingest.load(settings, warehouse)
    assert len(rows(warehouse)) == 2001


def test_what_a_newer_schema_adds_is_kept_and_said(settings, warehouse) -> None:
    newer = schema(
        extra=[
            field("mood", ["null", "string"]),
            field("tags", {"type": "array", "items": "string"}),
            field("where", ["null", {"type": "map", "values": "double"}]),
        ]
    )
    more = {"mood": "기쁨", "tags": ["a", "b"], "where": {"lat": 37.5}}
    put(path_of(settings, "1"), avro([event(1, **more)], newer))
    put(path_of(settings, "2"), avro([event(2)]))
    (file,) = ingest.load(settings, warehouse).files
    assert any("mood, tags, where" in note for note in file.notes)
    first, second = rows(warehouse)
    assert first["other_fields"] == '{"mood": "기쁨", "tags": ["a", "b"], "where": {"lat": 37.5}}'
    assert second["other_fields"] is None


def test_an_event_type_that_nobody_knows_is_loaded(settings, warehouse) -> None:
    kakao = "users.messages.kakao.Send"
    put(path_of(settings, "1", kakao), avro([event(1)], schema(kakao)))
    # outside Braze's layout the schema's own name says the type
    put(settings.paths.inbox / "braze/flat.avro", avro([event(2)], schema("users.campaigns.X")))
    ingest.load(settings, warehouse)
    assert [row["event_type"] for row in rows(warehouse)] == [kakao, "users.campaigns.X"]


def test_a_file_of_something_else_is_refused() -> None:
    other = {"type": "record", "name": "person", "fields": [field("name", "string")]}
    with pytest.raises(FileRefused, match="no field id and no field time"):
        open_events(avro([{"name": "x"}], other), "braze/x.avro", COLUMNS)


def test_events_without_an_id_are_handed_back(settings, warehouse) -> None:
    put(path_of(settings, "1"), avro([event(1), event(2, id=""), event(3)]))
    report = ingest.load(settings, warehouse)
    assert (report.files[0].loaded, report.files[0].rejected, report.exit_code) == (2, 1, 3)
    (rejects,) = report.rejects_files
    assert "이벤트에 id가 없어" in rejects.read_text(encoding="utf-8-sig")


def test_values_land_in_one_spelling(settings, warehouse) -> None:
    extra = [
        field("is_amp", ["null", "boolean"]),
        field("price", "float"),
        field("properties", "string"),
    ]
    text = '줄바꿈\n "따옴표", 쉼표'
    told = {"is_amp": True, "price": 3.14, "properties": text}
    put(path_of(settings, "1"), avro([event(1, **told)], schema(extra=extra)))
    ingest.load(settings, warehouse)
    assert (
        rows(warehouse, "is_amp, price, properties, id, _file")[0]
        | {
            "is_amp": "true",
            "price": "3.14",
            "properties": text,
        }
        == rows(warehouse, "is_amp, price, properties, id, _file")[0]
    )


@pytest.mark.parametrize(
    ("stored", "text"),
    [(3.140000104904175, "3.14"), (19900.0, "19900"), (0.1, "0.1"), (16777216.0, "16777216")],
)
def test_a_price_is_the_number_that_was_meant(stored: float, text: str) -> None:
    assert float32_text(stored) == text


def test_a_price_that_is_no_number_is_none() -> None:
    assert float32_text(float("nan")) is None


def test_texts_with_line_breaks_and_quotes_survive_the_way(settings, warehouse) -> None:
    purchase = schema("users.behaviors.CustomEvent", [field("properties", "string")])
    text = '{"note": "첫 줄\\n둘째 \\"줄\\"",\n "b": 1}'
    put(
        path_of(settings, "1", "users.behaviors.CustomEvent"),
        avro([event(1, properties=text)], purchase),
    )
    ingest.load(settings, warehouse)
    assert rows(warehouse)[0]["properties"] == text


@pytest.mark.parametrize(
    "text",
    ["a\x1fb", "\x1ea\x1e", "\x1e", "a\rb", "\n", '"', "a,b", " a ", "None", "\\N", "가\u2028나"],
)
def test_any_sign_survives_the_way(settings, warehouse, text) -> None:
    custom = schema("users.behaviors.CustomEvent", [field("properties", "string")])
    events = [event(1, properties=text), event(2, properties="plain")]
    put(path_of(settings, "1", "users.behaviors.CustomEvent"), avro(events, custom))
    ingest.load(settings, warehouse)
    assert [row["properties"] for row in rows(warehouse)] == [text, "plain"]


def test_types_with_other_fields_land_together(settings, warehouse, monkeypatch) -> None:
    custom = schema("users.behaviors.CustomEvent", [field("properties", "string")])
    put(path_of(settings, "1"), avro([event(1), event(2)]))
    put(
        path_of(settings, "2", "users.behaviors.CustomEvent"),
        avro([event(3, properties="x")], custom),
    )
    appended = []
    append = warehouse.append
    monkeypatch.setattr(warehouse, "append", lambda *a: appended.append(a[1]) or append(*a))
    ingest.load(settings, warehouse)
    assert [name for name in appended if not name.startswith("_")] == ["braze_events"]
    found = {(row["id"], row["event_type"], row["properties"]) for row in rows(warehouse)}
    assert {(event(3)["id"], "users.behaviors.CustomEvent", "x")} < found
    assert len(found) == 3


def test_many_batches_are_all_there(settings, warehouse, monkeypatch) -> None:
    monkeypatch.setattr(currents, "BATCH_ROWS", 10)
    for number in range(6):
        of_file = [event(number * 7 + n) for n in range(7)]
        put(path_of(settings, str(number)), avro(of_file))
    ingest.load(settings, warehouse)
    assert len({row["id"] for row in rows(warehouse)}) == 42
