"""Looks at destinations: their keys, how long the versions of their APIs last, what they answer."""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from madang.errors import MadangError
from madang.settings.workspace import Settings
from madang.specs import package
from madang.sync.clock import utc_now
from madang.sync.destinations.base import Look, Looks
from madang.sync.destinations.registry import entry_of, open_by_name
from madang.sync.spec import load_specs

LIST, ADDED = "seeds/api_versions.csv", "seeds/api_versions_added.csv"
WARN_DAYS = 90


@dataclass(frozen=True)
class Lasting:
    """A range of versions of an API, and until when there is one. None: not announced."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    unsupported_on: date | None
    sunset_on: date | None
    source: str


def examine(settings: Settings) -> Iterator[Look]:
    """Look at what can be seen from here."""
    if not settings.destinations:
        fix = "Add 'destinations:' to madang.yml to send audiences."
        yield Look("destinations", "warning", "none in madang.yml", fix)
    for name, destination in settings.destinations.items():
        keys = ", ".join(value for key, value in destination if key.endswith("_env") and value)
        places = [*destination.addresses().values(), *([f"key from {keys}"] if keys else [])]
        detail = ", ".join(places) or "as the pull reaches it"
        try:
            open_by_name(name, settings).close()
        except MadangError as error:
            fix = f"{error.fix} 'madang sync --apply' needs it."
            yield Look(f"destination {name}", "warning", f"{detail}: {error.message}", fix)
        else:
            yield Look(f"destination {name}", "ok", detail)
        yield from _version(settings, name)


def ask(settings: Settings) -> Iterator[Look]:
    """Ask each destination that can be asked. Nothing is changed there."""
    try:
        specs = load_specs(settings.project_dir)
    except MadangError as error:
        yield Look("destinations", "problem", error.message, error.fix or "Run 'madang check'.")
        return
    for name in settings.destinations:
        label = f"destination {name}"
        if not issubclass(entry_of(name).destination, Looks):
            yield Look(label, "ok", "has no way to be asked without sending")
            continue
        try:
            with closing(open_by_name(name, settings)) as destination:
                for look in destination.look([one for one in specs if one.destination == name]):
                    yield Look(f"{name} {look.name}", look.status, look.detail, look.fix)
        except MadangError as error:
            yield Look(label, "problem", error.message, error.fix)


def _version(settings: Settings, name: str) -> Iterator[Look]:
    version = entry_of(name).api_version(settings.destinations[name], settings)
    if version is None:
        return
    label, wanted = f"API version of {name}", _number(version)
    try:
        known = _lasting(settings).get(name, [])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fix = f"A row has the columns of {LIST}, versions such as 66.0 and days such as 2026-12-31."
        yield Look(label, "warning", f"{ADDED} cannot be read: {error}", fix)
        return
    found = next((one for one in known if one.first <= wanted <= one.last), None)
    if found is None:
        fix = f"Look at the vendor's page; a row in {LIST} makes it known."
        yield Look(label, "warning", f"{version}: {LIST} does not know it", fix)
        return
    today = utc_now().date()
    fix = f"Set a newer api_version in madang.yml. See {found.source}"
    if found.sunset_on is None:
        yield Look(label, "ok", f"{version}, no end announced")
    elif today >= found.sunset_on:
        yield Look(label, "problem", f"{version} ended on {found.sunset_on}", fix)
    elif (days := (found.sunset_on - today).days) <= WARN_DAYS:
        told = f"{version} ends on {found.sunset_on}, in {days} days"
        yield Look(label, "warning", told, fix)
    elif found.unsupported_on and today >= found.unsupported_on:
        told = f"{version} is not supported since {found.unsupported_on}"
        yield Look(label, "warning", f"{told} and ends on {found.sunset_on}", fix)
    else:
        yield Look(label, "ok", f"{version}, until {found.sunset_on}")


def _lasting(settings: Settings) -> dict[str, list[Lasting]]:
    """Return the versions of the list, by destination; rows that a company adds come first."""
    paths = [settings.project_dir / ADDED]
    paths.append(package.found(settings.project_dir, LIST))
    found: dict[str, list[Lasting]] = {}
    for path in filter(lambda one: one.is_file(), paths):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                one = Lasting(
                    _number(row["first_version"]),
                    _number(row["last_version"]),
                    _day(row["unsupported_on"]),
                    _day(row["sunset_on"]),
                    row["source"],
                )
                found.setdefault(row["destination"], []).append(one)
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
