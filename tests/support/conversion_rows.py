"""Rows of a sync that reports conversions, as `sync_conversions` writes them."""

import hashlib
import json
import time

DAY = 86_400
NAMES = ("operation", "transaction_id", "object_id", "converted_micros", "happened_micros", "value")
NAMES += ("currency", "click_id_name", "click_id", "clicked_micros", "match_keys", "device_id")


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def micros(days_ago: float) -> str:
    return str(int((time.time() - days_ago * DAY) * 1e6))


def row(number: int, field: str = "test_drive", days_ago: float = 2, **told) -> tuple:
    """A row with the key u<number>, of a conversion c<number> that was clicked and is known."""
    value = {
        "operation": "conversion",
        "transaction_id": f"c{number:04}",
        "object_id": f"A{number}",
        "converted_micros": micros(days_ago + 10),
        "happened_micros": micros(days_ago),
        "value": "150.5",
        "currency": "KRW",
        "click_id_name": "gclid",
        "click_id": f"Cj0-{number}",
        "clicked_micros": micros(days_ago + 12),
        "match_keys": f"email:{hashed(f'e{number}')} phone:{hashed(f'p{number}')}",
        "device_id": f"{number}.{1700000000 + number}",
        **told,
    }
    assert set(value) == {*NAMES}
    return (f"u{number:04}", field, json.dumps(value))
