"""Message events as Braze Currents writes them: Avro files by event type and queue hour.

The layout follows Braze's storage documentation: `dataexport.<cluster>.<store>.integration.<id>/
event_type=<type>/date=<queue hour>/<schema id>/<zone>/…avro`. Delivery is at least once, so
some events are there twice, with the same `id`.
"""

import json
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import fastavro

from madang.demo.engine import Engine
from madang.demo.publish import Publisher

_EXPORT = "dataexport.prod-01.S3.integration.0a1b2c3d4e5f"
_SCHEMA_ID = "10"
_ZONE = "dynamic"
_SMS_GROUP = "00000000-0000-0000-0000-0000000000a5"
_APP_GROUP = "00000000-0000-0000-0000-0000000000de"


def event_fields() -> dict[str, dict[str, str]]:
    """Field names and types of each event type; a leading `?` means that it may be null."""
    text = (files("madang.demo") / "currents_fields.json").read_text(encoding="utf-8")
    return json.loads(text)


def avro_schema(event_type: str, fields: dict[str, str]) -> dict[str, Any]:
    """The Avro schema of one event type."""
    return {
        "type": "record",
        "name": event_type.rsplit(".", 1)[-1],
        "namespace": event_type.rsplit(".", 1)[0],
        "fields": [_avro_field(name, kind) for name, kind in fields.items()],
    }


def write(engine: Engine, publisher: Publisher) -> None:
    """Write `braze_events`. `braze.sql` must have run."""
    known = event_fields()
    schemas = {
        name: fastavro.parse_schema(avro_schema(name, fields)) for name, fields in known.items()
    }
    rows = engine.records("from braze_events")
    groups = groupby(rows, key=lambda row: (row["event_type"], row["queued"]))
    for (event_type, queued), group in groups:
        records = [
            record for row in group for record in [_record(row, known[event_type])] * row["copies"]
        ]
        name = (
            f"inbox/braze/{_EXPORT}/event_type={event_type}/date={queued}/"
            f"{_SCHEMA_ID}/{_ZONE}/{_EXPORT}+0+{queued.replace('-', '')}.avro"
        )
        publisher.put(
            name,
            lambda draft, event_type=event_type, records=records: _save(
                draft, schemas[event_type], records
            ),
        )


def _avro_field(name: str, kind: str) -> dict[str, Any]:
    plain = kind.removeprefix("?")
    avro: Any = {"type": "array", "items": "string"} if plain == "array" else plain
    if kind.startswith("?"):
        return {"name": name, "type": ["null", avro], "default": None}
    return {"name": name, "type": avro}


def _record(row: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """One event; a field that the demo has nothing for is null, or empty where it may not be."""
    event_type, note = row["event_type"], row["note"]
    message = row["campaign_id"] or row["canvas_step_id"]
    variant = row["variant"] or "A"
    of_what = "message" if row["campaign_id"] else "canvas"
    known = row | {
        "timezone": "Asia/Seoul",
        "app_group_id": _APP_GROUP,
        f"{of_what}_variation_id": f"{message}-{variant}" if row["variant"] else message,
        f"{of_what}_variation_name": variant,
        "send_id": message.replace("-", "")[:24],
        "dispatch_id": message.replace("-", ""),
        "app_id": _APP_GROUP,
        "platform": "android",
        "from_domain": "news.maru.example",
        "url": "https://www.maru.example/models/maru9?utm_source=braze&utm_medium=email",
        "is_amp": False,
        "phone_number": row["to_phone_number"],
        "subscription_status": "Unsubscribed",
        "subscription_group_id": _SMS_GROUP if row["channel"] == "sms" else None,
        "state_change_source": "User",
        "bounce_reason": note,
        "error": note,
        "machine_open": "true" if event_type.endswith("email.Open") and note == "machine" else None,
        "is_suspected_bot_click": note == "bot",
        "suspected_bot_click_reason": ["fast_click"] if note == "bot" else None,
        "in_control_group": row["is_control"],
        "conversion_behavior_index": 0,
        "conversion_behavior": "Performs Custom Event",
    }
    return {
        name: known.get(name, None if kind.startswith("?") else "") for name, kind in fields.items()
    }


def _save(path: Path, schema: dict[str, Any], records: list[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        fastavro.writer(file, schema, records, sync_marker=b"madang-demo-sync")
