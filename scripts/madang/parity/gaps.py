"""Splits the gap between GA4's figure of a day and ours by cause; decides nothing by itself.

A cause has room: how much of `GA4's figure - ours` it can explain, so far below and so far above.
Causes are asked in order, the certain ones first; what no cause has room for is unexplained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from madang.parity.file import Figures

Day = Mapping[str, Any]  # a row of ga4_days
Room = Callable[[Day, float], tuple[float, float]]  # of the day and GA4's figure: below, above

# GA4 estimates users and sessions: HyperLogLog++ of precision 14 and 12. Error at 95 % confidence.
# Source: developers.google.com/analytics/blog/2022/hll, cloud.google.com/bigquery/docs/sketches
USERS_ERROR = 0.0163
SESSIONS_ERROR = 0.0325
NOT_FINAL = "day not final"
AT_LIMIT = "at the export's limit"
NOT_EXPORTED = "not in the export"


def _more(column: str) -> Room:
    """GA4 may count these besides ours."""
    return lambda day, told: (0.0, float(day[column] or 0))


def _fewer(column: str) -> Room:
    """GA4 may not count these, and we do."""
    return lambda day, told: (-float(day[column] or 0), 0.0)


def _moved(name: str) -> Room:
    """These lie in the shard of another day than GA4 counts them on, to either side."""
    of, to = f"{name}_of_other_days", f"{name}_in_other_days"
    return lambda day, told: (-float(day[of] or 0), float(day[to] or 0))


def _about(share: float) -> Room:
    return lambda day, told: (-share * told, share * told)


DUPLICATES = ("duplicates", _more("duplicate_rows"))
UNCOUNTED = ("no device (consent)", _fewer("events_without_device"))
MODELLED = ("no session id (consent)", _more("events_without_session"))
INTERNAL = ("internal traffic", _fewer("internal_events"))
DEBUG = ("debug mode", _fewer("debug_events"))
ZONE_OF_EVENTS = ("time zone", _moved("events"))
ZONE_OF_SESSIONS = ("time zone", _moved("sessions"))
UNKNOWN = ("no device (consent)", _more("events_without_device"))
MIDNIGHT = ("over midnight", _more("continued_sessions"))
PROGRAMS = ("programs flagged", _fewer("bot_sessions"))


@dataclass(frozen=True)
class Metric:
    """A figure of GA4: our column for it, and the causes of a gap in the order of asking."""

    column: str
    causes: tuple[tuple[str, Room], ...]


EVENTS = (DUPLICATES, ZONE_OF_EVENTS, INTERNAL, DEBUG, UNCOUNTED)
SESSIONS = (MIDNIGHT, ZONE_OF_SESSIONS, PROGRAMS, ("estimate", _about(SESSIONS_ERROR)), MODELLED)
USERS = (ZONE_OF_SESSIONS, ("estimate", _about(USERS_ERROR)), UNKNOWN)
METRICS = {
    "event_count": Metric("events", EVENTS),
    "page_views": Metric("page_views", EVENTS),
    "sessions": Metric("sessions", SESSIONS),
    "engaged_sessions": Metric("engaged_sessions", SESSIONS),
    "total_users": Metric("devices", USERS),
    "active_users": Metric("active_devices", USERS),
    "key_events": Metric("key_events", EVENTS),
    "purchases": Metric(
        "purchases", (("order rule", _fewer("left_out_purchases")), DUPLICATES, ZONE_OF_EVENTS)
    ),
    "revenue": Metric(
        "purchase_revenue",
        (("refunds", _fewer("refund_value")), ("order rule", _fewer("left_out_revenue"))),
    ),
}


@dataclass(frozen=True)
class Gap:
    """One figure of one day: GA4's, ours, what explains how much of the gap, and what is left."""

    day: date
    property_id: str
    metric: str
    ga4: float
    ours: float
    causes: dict[str, float]
    unexplained: float

    @property
    def gap(self) -> float:
        return self.ga4 - self.ours

    def is_explained(self, tolerance: float) -> bool:
        """Say whether nothing is left, or no larger a share of GA4's figure than `tolerance`."""
        return abs(self.unexplained) <= max(tolerance * abs(self.ga4), 1e-6)


def gaps_of(told: Figures, property_id: str, day: Day | None) -> list[Gap]:
    """Split the gaps of one day. `day` is None where the export does not have it."""
    return [
        _split(told, property_id, name, value, day)
        for name, value in told.values.items()
        if name in METRICS
    ]


def _split(told: Figures, property_id: str, name: str, ga4: float, day: Day | None) -> Gap:
    metric = METRICS[name]
    if day is None:
        return Gap(told.day, property_id, name, ga4, 0.0, {NOT_EXPORTED: ga4} if ga4 else {}, 0.0)
    ours = float(day[metric.column] or 0)
    rest, causes = ga4 - ours, {}
    for cause, room in metric.causes:
        below, above = room(day, ga4)
        part = min(max(rest, below), above)
        if abs(part) > 1e-9:
            causes[cause] = part
            rest -= part
    if day.get("is_at_export_limit") and rest > 1e-9:  # what was not exported nobody can count
        causes[AT_LIMIT], rest = rest, 0.0
    if not day["is_final"] and abs(rest) > 1e-9:
        causes[NOT_FINAL], rest = rest, 0.0
    return Gap(told.day, property_id, name, ga4, ours, causes, rest if abs(rest) > 1e-9 else 0.0)
