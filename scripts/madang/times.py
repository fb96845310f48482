"""How moments are told to people: in the workspace's time zone, which is always named."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def local(moment: datetime, zone: str) -> datetime:
    """Return a moment in a time zone; one without a zone is UTC, as the tables hold it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))


def told(moment: datetime | str | None, zone: str) -> str:
    """Return `2026-10-06 00:00 (Asia/Seoul)`; `-` for None; of a text that is none, the text."""
    moment = read(moment) if isinstance(moment, str) else moment
    if not isinstance(moment, datetime):
        return moment or "-"
    return f"{local(moment, zone):%Y-%m-%d %H:%M} ({zone})"


def day(moment: datetime | str, zone: str) -> str:
    """Return the day of a moment: `2026-10-06`; of a text that is none, the text."""
    moment = read(moment) if isinstance(moment, str) else moment
    return f"{local(moment, zone):%Y-%m-%d}" if isinstance(moment, datetime) else moment


def read(text: str) -> datetime | str:
    """Return the moment that a text in ISO form says; the text itself where it says none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def in_name(moment: datetime, zone: str) -> str:
    """Return a moment for the name of a file: `20261006T000000+0900`."""
    return f"{local(moment, zone):%Y%m%dT%H%M%S%z}"


def iso(moment: datetime | None, zone: str) -> str | None:
    """Return a moment for machines, with its offset: `2026-10-06T00:00:00+09:00`."""
    return local(moment, zone).isoformat(timespec="seconds") if moment else None
