"""Braze: the items of a catalog, such as products, stores or plans, each by its id.

The contract, with the vendor's pages, under
https://www.braze.com/docs/api/endpoints/catalogs/:
- catalog_items/asynchronous/put_update_catalog_items (makes an item, or replaces it whole; 50 a
  request; 202 is queued)
- catalog_items/asynchronous/delete_catalog_items_bulk
- catalog_management/synchronous/get_list_catalogs (50 a minute)

Items are of no person, so no consent is asked for. A catalog is made in Braze, and its fields have
types there; the first request of a run asks for both. Whatever is sent may be sent again.

A sync model writes a row as JSON whose values are texts (`sync_catalog_items`).
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    Definition,
    Look,
    NoOptions,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import batched
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.rows import WrongRow, micros, not_sent, plain, texts

if TYPE_CHECKING:
    from madang.http.client import Client
    from madang.sync.spec import SyncSpec

LIST = "/catalogs"
ITEMS = 50  # a request
VALUE_LIMIT = 5000  # characters of a value
ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,250}")
CATALOG = re.compile(r"[A-Za-z0-9_-]{1,250}")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
WHOLE = re.compile(r"-?\d+")
KEPT = "id"  # the name of the item's id
PERMISSIONS = {"PUT": "catalogs.replace_items", "DELETE": "catalogs.delete_items"}
CatalogName = Annotated[str, matching(CATALOG.pattern, "the name of a catalog in Braze")]
FieldName = Annotated[
    str, matching(r"(?!id$)[A-Za-z0-9_-]{1,250}", "a field: letters, digits, _ and -, but not id")
]
ColumnOfModel = Annotated[
    str, matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of a column: letters, digits and _")
]
Type = Literal["string", "number", "boolean", "time"]
#: By catalog, the types of its fields.
Catalogs = Mapping[str, Mapping[str, str]]


class CatalogField(Strict):
    """A field. `from` is the column that it holds, the one of its own name unless it is said."""

    source: Annotated[ColumnOfModel | None, Field(alias="from")] = None
    type: Type = "string"


class CatalogOptions(NoOptions):
    """`catalog`: its name in Braze. `item_id`: the column with the id of an item."""

    catalog: CatalogName
    item_id: ColumnOfModel
    fields: Annotated[dict[FieldName, CatalogField], Field(min_length=1)]


class BrazeCatalogs:
    """Items of catalogs: those to be there and those to be gone, 50 a request."""

    objects_per_request = ITEMS

    def __init__(self, http: "Client", options: CatalogOptions) -> None:
        self._http, self._options = http, options
        self._sending = Sending(http, " and ".join(PERMISSIONS.values()))
        self._catalogs: Catalogs | None = None

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group items, in order, by catalog and by what is to be done with them."""
        return batched(objects, ITEMS, lambda one: b"")

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, without what is wrong by itself.

        Raises DestinationRefused where the catalog is not there, or its fields are others.
        """
        if self._catalogs is None:
            self._catalogs = catalogs_of(self._http, self._sending)
        change = batch.objects[0].changes[0]
        if change.value is not None and (
            problem := catalog_problem(self._catalogs, change.field, self._options)
        ):
            raise DestinationRefused(problem, where=self._http.url, fix=FIX)
        if change.field not in self._catalogs:  # and with it all its items are gone
            return Receipt({one.number: ACCEPTED for one in batch.objects})
        wrong, good, items = {}, [], []
        for one in batch.objects:
            try:
                items.append(item_of(one, self._options))
                good.append(one)
            except WrongRow as error:
                wrong[one.number] = not_sent(str(error))
        if not good:
            return Receipt(wrong)
        receipt = self._sending.send(
            Batch(tuple(good), ()),
            f"{LIST}/{change.field}/items",
            lambda part: plain({"items": [items[at] for at in part]}).encode(),
            lambda part: [(KEPT, good[at].key) for at in part],
            method="DELETE" if change.value is None else "PUT",
        )
        receipt.outcomes |= wrong
        return receipt

    def close(self) -> None:
        self._http.close()


FIX = (
    "Make the catalog in Braze under Data Settings > Catalogs, with the fields that "
    "'madang sync describe' prints, or correct the sync."
)


def catalogs_of(http: "Client", sending: Sending) -> Catalogs:
    """Ask which catalogs there are. Raises DestinationRefused or DestinationUnclear."""
    reply = http.request("GET", LIST)
    body = reply.body or {}
    if reply.status in (401, 403):
        words = sending.clean(str(body.get("message") or ""))
        raise sending.refused(reply.status, words, "catalogs.get")
    try:
        if reply.status != 200 or body["message"] != "success":
            raise ValueError(body)
        return {
            str(one["name"]): {str(field["name"]): str(field["type"]) for field in one["fields"]}
            for one in body["catalogs"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DestinationUnclear(
            f"Which catalogs there are cannot be read: HTTP {reply.status}.",
            where=http.url + LIST,
            fix="Check the URL in madang.yml: it may be a proxy's or a login page's.",
        ) from error


def catalog_problem(there: Catalogs, name: str, options: CatalogOptions) -> str | None:
    """Say why items of a sync cannot stand in a catalog, or None."""
    if name not in there:
        return f"Braze has no catalog '{name}'."
    fields = there[name]
    if missing := sorted(options.fields.keys() - fields.keys()):
        return f"The catalog '{name}' has no field {', '.join(missing)}."
    others = [
        f"{field} is of the type {fields[field]} there and {told.type} here"
        for field, told in options.fields.items()
        if fields[field] != told.type
    ]
    return f"In the catalog '{name}' {', '.join(others)}." if others else None


def item_of(one: SyncObject, options: CatalogOptions) -> dict[str, Any]:
    """Return an item as Braze takes it; one to be gone is its id alone. Raises WrongRow.

    A field that is null is left out: a replaced item does not have it.
    """
    value = one.changes[0].value
    if not ITEM_ID.fullmatch(one.key):
        raise WrongRow("Its id is not 1 to 250 letters, digits, - and _.")
    item: dict[str, Any] = {KEPT: one.key}
    if value is None:
        return item
    for name, text in texts(value).items():
        if name not in options.fields:
            raise WrongRow(f"It has the field '{name}', which the sync does not declare.")
        if text is not None:
            item[name] = typed(name, text, options.fields[name].type)
    return item


def typed(name: str, text: str, kind: Type) -> str | float | bool:
    """Return a value of a field. Raises WrongRow, without the value."""
    if kind == "boolean":
        if text not in ("true", "false"):
            raise WrongRow(f"Its {name} is neither true nor false.")
        return text == "true"
    if kind == "number":
        if not NUMBER.fullmatch(text):
            raise WrongRow(f"Its {name} is no number.")
        found = float(text)
        if math.isinf(found):
            raise WrongRow(f"Its {name} is larger than a number can be.")
        return int(text) if WHOLE.fullmatch(text) else found
    if kind == "time":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros(text))
        return moment.isoformat(timespec="milliseconds")
    if len(text) > VALUE_LIMIT:
        raise WrongRow(f"Its {name} has more than {VALUE_LIMIT:,} characters.")
    return text


def describe(options: CatalogOptions) -> list[Definition]:
    """Return the catalog that is to be made."""
    columns = [(KEPT, "string", "250", f"from {options.item_id}")]
    for name, told in options.fields.items():
        length = f"{VALUE_LIMIT:,}" if told.type == "string" else ""
        columns.append((name, told.type, length, f"from {told.source or name}"))
    return [Definition(f"catalog {options.catalog}", tuple(columns))]


def row_problem(options: CatalogOptions, key: str, value: str) -> str | None:
    """Say why a row would not be sent, without its values; None if it would."""
    from madang.sync.destinations.base import Change

    try:
        item_of(SyncObject(0, key, (Change(options.catalog, value),)), options)
    except WrongRow as error:
        return str(error)
    return None


def name_problem(field: str) -> str | None:
    """Say why Braze would have no catalog of this name, or None."""
    if CATALOG.fullmatch(field):
        return None
    return f"'{field}' is no name of a catalog: 1 to 250 letters, digits, - and _."


def look(
    http: "Client", syncs: "Sequence[SyncSpec]", clean: Callable[[str], str]
) -> Iterator[Look]:
    """Ask for the catalogs of syncs, their fields, and whether the key may write and delete."""
    sending = Sending(http, "catalogs.get")
    try:
        there = catalogs_of(http, sending)
    except (DestinationRefused, DestinationUnclear) as error:
        yield Look("catalogs.get", "problem", error.message, error.fix)
        return
    for spec in syncs:
        options = spec.options
        assert isinstance(options, CatalogOptions)
        name = f"catalog {options.catalog}"
        if problem := catalog_problem(there, options.catalog, options):
            yield Look(name, "problem", f"{problem} ({spec.name})", FIX)
            continue
        yield Look(name, "ok", f"it is there, with {len(options.fields)} fields ({spec.name})")
        for method, permission in PERMISSIONS.items():
            headers = {"Content-Type": "application/json"}
            path = f"{LIST}/{options.catalog}/items"
            reply = http.request(method, path, data=b'{"items": []}', headers=headers)
            if reply.status == 400 and reply.body is not None:
                yield Look(permission, "ok", f"the key may call it ({spec.name})")
            else:
                words = clean(str((reply.body or {}).get("message") or f"HTTP {reply.status}"))
                fix = f"Give the REST API key the permission {permission} in Braze."
                yield Look(permission, "problem", f"{words} ({spec.name})", fix)
