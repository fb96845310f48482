"""The destinations that there are. A new one is a module with an `ENTRY` and a line here."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from madang.errors import ConfigError
from madang.specs.strict import Strict
from madang.sync.destinations.base import (
    Deletes,
    Destination,
    DestinationSettings,
    Entry,
    ObjectKind,
    opened,
)

if TYPE_CHECKING:
    from madang.http.retry import Retry
    from madang.settings.workspace import Settings
    from madang.sync.spec import SyncSpec

MODULES = {
    "braze": "madang.sync.destinations.braze.destination",
    "braze_cdi": "madang.sync.destinations.braze.cdi",
    "file": "madang.sync.destinations.file.destination",
    "ga4": "madang.sync.destinations.ga4",
    "google": "madang.sync.destinations.google.destination",
    "kakao": "madang.sync.destinations.kakao",
    "meta": "madang.sync.destinations.meta.destination",
    "naver": "madang.sync.destinations.naver",
    "openai": "madang.sync.destinations.openai.destination",
    "salesforce": "madang.sync.destinations.salesforce.destination",
    "sfmc": "madang.sync.destinations.sfmc.destination",
    "tiktok": "madang.sync.destinations.tiktok.destination",
    "webhook": "madang.sync.destinations.webhook",
}


@cache
def entry_of(name: str) -> Entry:
    """Return what is known of a destination."""
    return import_module(MODULES[name]).ENTRY


def can_delete(name: str) -> bool:
    """Say whether a destination can delete a person."""
    return issubclass(entry_of(name).destination, Deletes)


def forgets(name: str) -> bool:
    """Say whether a destination can forget a person: delete one, or take away what was sent."""
    return can_delete(name) or any(one.leaves for one in entry_of(name).objects.values())


def object_of(spec: "SyncSpec") -> ObjectKind:
    """Return the object that a sync sends."""
    return entry_of(spec.destination).objects[spec.object]


class DestinationsFile(Strict):
    """What may stand under `destinations:` in madang.yml: one key a destination that is used."""

    def given(self) -> dict[str, DestinationSettings]:
        """Return the settings of the destinations that are named."""
        return {name: settings for name, settings in self if settings is not None}


#: With the settings of each destination, so that a mistake is said with the keys that it knows.
Destinations = create_model(
    "Destinations",
    __base__=DestinationsFile,
    **{name: (entry_of(name).settings | None, None) for name in MODULES},  # type: ignore[call-overload]
)


def open_destination(
    spec: "SyncSpec",
    settings: "Settings",
    *,
    environ: Mapping[str, str] | None = None,
    retry: "Retry | None" = None,
) -> Destination:
    """Return the destination of a sync. Raises ConfigError and SyncError as `opened`.

    ConfigError where madang.yml does not name it.
    """
    if spec.destination not in settings.destinations:
        raise ConfigError(
            f"The sync '{spec.name}' goes to '{spec.destination}', which madang.yml does not name.",
            where=str(settings.config_path),
            fix=f"Add destinations: {{{spec.destination}: {{…}}}}; see docs/sync.md.",
        )
    return opened(
        entry_of(spec.destination),
        spec.destination,
        settings,
        sends=spec.object,
        options=spec.options,
        environ=environ,
        retry=retry,
    )


def open_by_name(
    name: str,
    settings: "Settings",
    *,
    environ: Mapping[str, str] | None = None,
    retry: "Retry | None" = None,
) -> Any:
    """Return a destination that madang.yml names, to look at it or to delete there."""
    return opened(entry_of(name), name, settings, environ=environ, retry=retry)
