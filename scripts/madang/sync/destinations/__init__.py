"""What every destination offers to the engine: one Protocol, its messages, and the known ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from madang.errors import ConfigError
from madang.http.address import is_loopback as is_loopback
from madang.http.address import read_address
from madang.settings.secrets import given
from madang.settings.workspace import Settings
from madang.sync.http import Http, Retry

if TYPE_CHECKING:
    from madang.sync.spec import SyncSpec

# destination -> object -> the keys by which that object can be found
OBJECTS: dict[str, dict[str, tuple[str, ...]]] = {
    "braze": {"user_attributes": ("external_id",)},
}


@dataclass(frozen=True)
class Change:
    """One field of one object. `value` is JSON text, or None when the field is removed."""

    field: str
    value: str | None


@dataclass(frozen=True)
class SyncObject:
    """Every change of one key: what becomes one object of a request. `number` is its place."""

    number: int
    key: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Batch:
    """The objects of one request, each with the bytes that stand for it there."""

    objects: tuple[SyncObject, ...]
    encoded: tuple[bytes, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one object: accepted, or rejected with the destination's words."""

    status: str
    reason: str | None = None
    problem: str | None = None
    fix: str | None = None


@dataclass
class Receipt:
    """What became of one batch: an outcome for every object number, and how it was got."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    http_status: int | None = None
    attempts: int = 0
    remote_reference: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """Limits of a destination, and whether sending the same object twice changes anything."""

    objects_per_request: int
    bytes_per_request: int
    is_idempotent: bool


class Destination(Protocol):
    """A place that takes objects. Building payloads is pure; only `send` talks to the network."""

    name: str
    capabilities: Capabilities

    @property
    def requests(self) -> int:
        """How many requests were made so far."""

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, into requests within the limits."""

    def send(self, batch: Batch) -> Receipt:
        """Send one batch. Raises DestinationRefused, DestinationUnclear or DestinationDown when
        nothing can go on; after Refused alone it is sure that nothing of the batch was taken.
        """

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete users for good; return the last HTTP status. Unknown keys are no error.

        Raises DestinationRefused, DestinationUnclear or DestinationDown.
        """

    def close(self) -> None:
        """Give the connection back."""


def open_destination(
    spec: "SyncSpec",
    settings: Settings,
    *,
    environ: Mapping[str, str] | None = None,
    retry: Retry | None = None,
) -> Destination:
    """Return the destination of a sync, with its key from the environment.

    Raises ConfigError when madang.yml does not name it, its key is not set, or the key would
    travel unencrypted to another machine.
    """
    if spec.destination not in settings.destinations:
        raise ConfigError(
            f"The sync '{spec.name}' goes to '{spec.destination}', which madang.yml does not name.",
            where=str(settings.config_path),
            fix=f"Add destinations: {{{spec.destination}: {{url: https://…, key_env: …}}}}.",
        )
    return open_by_name(
        spec.destination,
        settings,
        create_missing=spec.create_missing,
        environ=environ,
        retry=retry,
    )


def open_by_name(
    name: str,
    settings: Settings,
    *,
    create_missing: bool = False,
    environ: Mapping[str, str] | None = None,
    retry: Retry | None = None,
) -> Destination:
    """Return a destination that madang.yml names. Raises ConfigError as `open_destination`.

    `create_missing` says whether objects that it does not know may be created there.
    """
    from madang.sync.destinations.braze import Braze

    environ = given() if environ is None else environ
    configured = settings.destinations[name]
    where = str(settings.config_path)
    if not read_address(configured.url).is_safe:
        raise ConfigError(
            "The key and personal data would be sent unencrypted to another machine.",
            where=f"{where}, destinations.{name}.url",
            fix="Use https://.",
        )
    key = environ.get(configured.key_env, "").strip()
    if not key:
        raise ConfigError(
            f"The key of {name} is not set: the environment variable "
            f"{configured.key_env} is empty.",
            where=f"{where}, destinations.{name}.key_env",
            fix=f"Run 'export {configured.key_env}=…' with a REST API key that may call "
            "users.track. Keys are never read from a file.",
        )
    if not key.isascii() or any(letter.isspace() for letter in key):
        raise ConfigError(
            f"The key of {name} holds a character that no key has "
            "(a space, a line break or a letter outside ASCII).",
            where=f"the environment variable {configured.key_env}",
            fix="Copy the key again.",
        )
    http = Http(configured.url, key=key, timeout=configured.timeout_seconds, retry=retry or Retry())
    return Braze(
        http, objects_per_request=configured.objects_per_request, create_missing=create_missing
    )


def field_problem(destination: str, field: str) -> str | None:
    """Say why a destination would not store a field of this name, or None."""
    from madang.sync.destinations import braze

    return {"braze": braze.field_problem}[destination](field)
