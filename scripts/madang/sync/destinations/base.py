"""What a destination offers to the engine: its objects and their kinds, messages, protocols."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from madang.errors import ConfigError
from madang.http.address import is_loopback, read_address
from madang.settings.secrets import given
from madang.specs.strict import Strict
from madang.sync import (
    DestinationDown,
    DestinationLimited,
    DestinationRefused,
    DestinationUnclear,
    SyncError,
)

if TYPE_CHECKING:
    from madang.http.auth import Auth
    from madang.http.client import Client
    from madang.http.retry import Retry
    from madang.sync.guards import Counts
    from madang.sync.spec import SyncSpec

#: attributes: properties of an object, null when they are taken away. members: who is on a list,
#: removed when they leave. events: what happened, for ever. messages: what is said to a person.
Kind = Literal["attributes", "members", "events", "messages"]


class NoOptions(Strict):
    """Keys of `config.meta.sync` that an object of a destination knows besides those of all."""


@dataclass(frozen=True)
class ObjectKind:
    """What can be sent to one object of a destination, and how.

    `keys`: what its `sync_key` may be. `field_problem` says why a field of this name cannot be
    stored, or None. `tells_doubles`: of events, the same one sent again counts once there.
    `is_of_persons`: rows are about persons, who are asked for consent; of things, such as products,
    a row says nothing of a person.
    `forecast` says what a plan of so many rows will cost there, in the destination's own unit.
    `least`: of lists, a number of members, and what the destination does not do with fewer.
    """

    kind: Kind
    keys: tuple[str, ...]
    field_problem: Callable[[str], str | None] = lambda field: None
    options: type[NoOptions] = NoOptions
    tells_doubles: bool = False
    is_of_persons: bool = True
    forecast: "Callable[[Counts], str] | None" = None
    least: tuple[int, str] = (0, "")

    @property
    def may_repeat(self) -> bool:
        """Whether what may have arrived may be sent once more."""
        return self.leaves or (self.kind == "events" and self.tells_doubles)

    @property
    def leaves(self) -> bool:
        """Whether what is not wanted any more is taken away there."""
        return self.kind in ("attributes", "members")


class Change(NamedTuple):
    """One field of one object. `value` is JSON text, or None when the field is removed."""

    field: str
    value: str | None


class SyncObject(NamedTuple):
    """What becomes one object of a request; `number` is its place.

    Of attributes every change of one key; of other kinds one change.
    """

    number: int
    key: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Batch:
    """The objects of one request, each with the bytes that stand for it there.

    `reference` is the destination's own name of what was made for it (`Prepares`), if anything.
    """

    objects: tuple[SyncObject, ...]
    encoded: tuple[bytes, ...]
    reference: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one object: accepted, or rejected with the destination's words.

    Unknown, where it may have been taken or not and is not asked about again.
    """

    status: str
    reason: str | None = None
    problem: str | None = None
    fix: str | None = None


ACCEPTED = Outcome("accepted")


@dataclass
class Receipt:
    """What became of one batch: an outcome for every object number, and how it was got.

    `remote_reference` is the destination's own name of the request, by which it can be asked; of
    several requests with blanks between them.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    http_status: int | None = None
    attempts: int = 0
    remote_reference: str | None = None

    @property
    def accepted(self) -> int:
        """How many objects were taken."""
        return sum(one.status == "accepted" for one in self.outcomes.values())


@dataclass(frozen=True)
class MatchRate:
    """How many members of a request a platform found, in its own words and in percent.

    A platform that tells a band only has a low and a high end; both are None where it says that
    there is no rate. `records` is the number of members that it is about.
    """

    words: str
    low: int | None
    high: int | None
    records: int


@dataclass(frozen=True)
class Later:
    """What became of a request that was taken: applied, partial or failed, with the reasons.

    `rows`, of those that are named by their place in the request: a status, rejected (for good),
    unknown (may be sent again) or accepted (it is there), and a reason in capital letters. `keys`:
    the same of a request that says what became of each by its key; `others` is the status of the
    keys that it does not name. `warnings` is what was remarked about rows that were taken, `rate`
    how many of the members were found.
    """

    status: str
    problem: str | None = None
    rows: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    others: str | None = None
    warnings: str | None = None
    rate: MatchRate | None = None


class Destination(Protocol):
    """A place that takes objects. Building payloads is pure; only `send` talks to the network.

    One with an attribute `connections` of more than 1 has `send` called by so many threads at once.
    It says so only where the order in which batches arrive means nothing there.
    """

    objects_per_request: int

    @classmethod
    def open(cls, opening: "Opening") -> "Destination":
        """Return it with its connection. Raises ConfigError where a secret is missing."""

    @property
    def requests(self) -> int:
        """How many requests were made so far."""

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, into requests within the limits."""

    def send(self, batch: Batch) -> Receipt:
        """Send one batch. Raises DestinationRefused, DestinationUnclear or DestinationDown when
        nothing can go on; after Refused alone it is sure that nothing of the batch was taken.
        """

    def close(self) -> None:
        """Give the connection back."""


@runtime_checkable
class Deletes(Protocol):
    """A destination that can forget people: what `madang erase` asks for."""

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete people for good; return the last HTTP status. Unknown keys are no error.

        Raises DestinationRefused, DestinationUnclear or DestinationDown.
        """


@runtime_checkable
class KnowsPlan(Protocol):
    """A destination that wants to know which plan it sends."""

    def planned(self, plan_id: str) -> None:
        """Note the plan; called before the first batch."""


@runtime_checkable
class KnowsLists(Protocol):
    """A destination whose lists may be deleted there, behind the back of the ledger."""

    def missing(self, lists: Collection[str]) -> set[str]:
        """Return those of these lists that are not there."""


@runtime_checkable
class CountsLists(Protocol):
    """A destination that says about how many people it knows on a list."""

    def sizes(self, lists: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """Return at least and at most how many, of those of these lists for which it says it."""


@runtime_checkable
class Polls(Protocol):
    """A destination that takes a request first and says later what became of it."""

    def poll(self, remote_reference: str) -> "Later | None":
        """Return what became of a request; None while it is at work."""


@runtime_checkable
class Prepares(Protocol):
    """A destination that makes something to send a batch with, such as a job, and is asked by it.

    The journal has the reference before anything is sent. So after a kill the job is found again,
    and what comes next waits until it is known what became of it.
    """

    def prepare(self, batch: Batch) -> Batch:
        """Return the batch with its reference, where it needs one. Nothing of it is written yet."""

    def wait(self, remote_reference: str) -> Later:
        """Wait until it is known what became of a request. Raises DestinationDown."""


@dataclass(frozen=True)
class Definition:
    """What must be made at a destination before rows go there, such as a table.

    `columns` are (name, type, length, note); `texts` says the rest, line by line.
    """

    name: str
    columns: tuple[tuple[str, str, str, str], ...]
    texts: tuple[str, ...] = ()


@runtime_checkable
class Describes(Protocol):
    """A destination whose objects have columns: what `madang sync describe` prints."""

    @classmethod
    def describe(cls, options: Any, fields: Sequence[str]) -> list[Definition]:
        """Return what must be there for the fields of a sync. Asks nobody."""

    @classmethod
    def row_problem(cls, options: Any, key: str, value: str) -> str | None:
        """Say why a row would be refused before it is sent, without its values; None if not."""


@dataclass(frozen=True)
class Look:
    """One thing that a destination was asked about: its login, a scope, an object, its version.

    `status`: ok, warning or problem, as `madang doctor` shows it; `fix` says what to do.
    """

    name: str
    status: Literal["ok", "warning", "problem"]
    detail: str
    fix: str | None = None


@runtime_checkable
class Looks(Protocol):
    """A destination that `madang doctor --online` can ask. It changes nothing there."""

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask about the login, its scopes, the API's version and what the syncs here need.

        It is opened without an object. Raises MadangError where nothing more can be asked.
        """


class DestinationSettings(Strict):
    """What a destination says in madang.yml. A key that ends in url holds an address."""

    def addresses(self) -> dict[str, str]:
        """Return the addresses that secrets and personal data go to, by the key that holds them."""
        return {key: value for key, value in self if key.split("_")[-1] == "url" and value}


@dataclass(frozen=True)
class Opening:
    """What a destination is opened with. `target` is the object that is sent, `sends` its name;
    both are None to look at a destination or to delete there.

    Errors say `where` in madang.yml they come from. `workspace` are all settings.
    """

    name: str
    settings: Any
    workspace: Any
    where: str
    sends: str | None
    target: ObjectKind | None
    options: Any
    environ: Mapping[str, str] = field(repr=False)
    retry: "Retry | None"

    def secret(self, setting: str, meaning: str) -> str:
        """Return the secret of the variable that a setting names. Raises ConfigError."""
        variable = getattr(self.settings, setting)
        value = self.environ.get(variable, "").strip()
        if not value:
            raise ConfigError(
                f"The key of {self.name} is not set: the environment variable {variable} is empty.",
                where=f"{self.where}.{setting}",
                fix=f"Run 'export {variable}=…' with {meaning}. Keys are never read from a file.",
            )
        if not value.isascii() or any(letter.isspace() for letter in value):
            raise ConfigError(
                f"The key of {self.name} holds a character that no key has "
                "(a space, a line break or a letter outside ASCII).",
                where=f"the environment variable {variable}",
                fix="Copy the key again.",
            )
        return value

    def now(self) -> datetime:
        """Return the moment by which ages are judged: this machine's clock.

        At a local server it is the workspace's, which may be pinned.
        """
        addresses = self.settings.addresses().values()
        return self.workspace.now() if all(map(is_loopback, addresses)) else datetime.now(UTC)

    def client(self, name: str, auth: "Auth", check: str, **others: Any) -> "Client":
        """Return a connection whose errors are the engine's; `others` are the client's own.

        It posts once where a lost answer must not be followed by the same again.
        """
        from madang.http.client import Client

        url = others.pop("url", None) or self.settings.url
        repeats = self.target is None or self.target.may_repeat
        return Client(
            url,
            auth=auth,
            timeout=others.pop("timeout", None) or self.settings.timeout_seconds,
            name=name,
            check=check,
            retry=self.retry,
            **others,
            posts_once=not repeats,
            down=DestinationDown,
            # what may go again is simply in doubt: several requests may stand behind one batch
            limited=DestinationDown if repeats else DestinationLimited,
            refuses=DestinationRefused,
            lost=DestinationUnclear,
        )


@dataclass(frozen=True)
class Entry:
    """All that Madang knows of one destination before it is opened.

    `sandbox` is the module of its local server: `served(settings, folder, customers)` gives the
    settings that lead to one. `api_version` reads the version of its API, where it has one, from
    its settings and those of the workspace; `seeds/api_versions.csv` says how long there is one.
    """

    settings: type[DestinationSettings]
    objects: Mapping[str, ObjectKind]
    destination: type[Destination]
    sandbox: str
    api_version: Callable[[Any, Any], str | None] = lambda settings, workspace: None


def opened(
    entry: Entry,
    name: str,
    workspace: Any,
    *,
    sends: str | None = None,
    options: Any = None,
    environ: Mapping[str, str] | None = None,
    retry: "Retry | None" = None,
) -> Destination:
    """Open a destination, with its secrets from the environment.

    Raises ConfigError where a secret is missing or would travel unencrypted to another machine,
    SyncError for messages to a real host: permits know no notices, and none was tried yet.
    """
    settings: DestinationSettings = workspace.destinations[name]
    target = entry.objects[sends] if sends is not None else None
    where = f"{workspace.config_path}, destinations.{name}"
    for key, address in settings.addresses().items():
        if not read_address(address).is_safe:
            raise ConfigError(
                "The key and personal data would be sent unencrypted to another machine.",
                where=f"{where}.{key}",
                fix="Use https://.",
            )
        if target is not None and target.kind == "messages" and not is_loopback(address):
            raise SyncError(
                "Messages go to the local server only: permits know caps and night hours and no "
                "notices, and no run against a real platform was tried yet.",
                where=f"{where}.{key}",
                fix="Send what people are (attributes) or where they belong (members) instead.",
            )
    environ = given() if environ is None else environ
    opening = Opening(name, settings, workspace, where, sends, target, options, environ, retry)
    return entry.destination.open(opening)
