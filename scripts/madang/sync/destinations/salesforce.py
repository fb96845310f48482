"""Salesforce: sets fields of contacts, leads and accounts, found by an external id.

The contract, with the vendor's pages:
- https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html
  (200 records of one object, one result for each in the order of the request)
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
- how its answers are read: `salesforce_answers`

The org and the login are those of the pull: `salesforce:` in madang.yml. Setting a field twice
changes nothing.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.settings.salesforce import FieldName, ObjectName
from madang.sync.destinations.base import (
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    Look,
    NoOptions,
    ObjectKind,
    Opening,
    Outcome,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.members import list_problem
from madang.sync.destinations.salesforce_answers import not_there, outcome, several
from madang.sync.destinations.salesforce_campaigns import CampaignOptions, SalesforceCampaigns
from madang.sync.destinations.salesforce_look import api_name, look
from madang.sync.destinations.salesforce_org import OrgConnection, as_json

if TYPE_CHECKING:
    from madang.sync.spec import SyncSpec

RECORDS_LIMIT = 200  # a request
LONGEST_NAME = 40  # characters of a field's name, without __c


class SalesforceTarget(DestinationSettings):
    """How much goes into one request; the org and the login stand under `salesforce:`."""

    records_per_request: Annotated[int, Field(ge=1, le=RECORDS_LIMIT)] = RECORDS_LIMIT


class RecordOptions(NoOptions):
    """`external_id_field` is the field of the object that holds the sync's key.

    `leaving` is what a field gets that is taken away: null, or false where it is a checkbox.
    """

    external_id_field: FieldName
    create_missing: bool = False
    leaving: bool | str | None = None


class CustomOptions(RecordOptions):
    """`api_name` is the object: any one that has an external id field, such as Visit__c."""

    api_name: ObjectName


class Salesforce:
    """Fields of one object, up to 200 records a request."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where madang.yml has no `salesforce:` or a secret is missing."""
        org = OrgConnection.open(opening)
        if opening.sends == "campaign_members":
            return SalesforceCampaigns(org, opening.options)
        return cls(org, opening.settings, opening.sends, opening.options)

    def __init__(
        self, org: OrgConnection, settings: SalesforceTarget, name: str | None, options: Any
    ) -> None:
        self._org, self._options = org, options
        self._object = api_name(name, options) if name else ""
        self.objects_per_request = settings.records_per_request

    @property
    def requests(self) -> int:
        return self._org.client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group records, in order."""
        waiting = iter(objects)
        while taken := tuple(islice(waiting, self.objects_per_request)):
            yield Batch(taken, tuple(self._record(one) for one in taken))

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; records that are locked are tried again after a pause."""
        receipt = Receipt()
        refuse_twice(batch.objects, receipt)
        self._pass_over_missing(batch, receipt)
        settled = receipt.outcomes.keys()
        waiting = [at for at, one in enumerate(batch.objects) if one.number not in settled]
        path = f"/composite/sobjects/{self._object}/{self._options.external_id_field}"
        told = self._org.collection("PATCH", path, [batch.encoded[at] for at in waiting], receipt)
        for place, result in zip(waiting, told, strict=True):
            receipt.outcomes[batch.objects[place].number] = outcome(result, self._org.redact)
        return receipt

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for the login, the version, and what each sync needs."""
        return look(self._org, syncs)

    def close(self) -> None:
        self._org.close()

    def _pass_over_missing(self, batch: Batch, receipt: Receipt) -> None:
        """Settle records that are not there: none is made by a removal, nor unless it is said."""
        creates, settled = self._options.create_missing, receipt.outcomes
        asked = [
            one
            for one in batch.objects
            if one.number not in settled and (not creates or _only_removes(one))
        ]
        there = self._existing([one.key for one in asked])
        for one in asked:
            if one.key.lower() not in there:
                gone = Outcome("accepted") if _only_removes(one) else not_there(self._object)
                receipt.outcomes[one.number] = gone

    def _record(self, one: SyncObject) -> bytes:
        record: dict[str, Any] = {
            "attributes": {"type": self._object},
            self._options.external_id_field: one.key,
        }
        for change in one.changes:
            gone = change.value is None
            record[change.field] = self._options.leaving if gone else json.loads(change.value)
        return as_json(record)

    def _existing(self, keys: list[str]) -> set[str]:
        """Return which keys the org has a record for, in lower case: it compares them so."""
        field = self._options.external_id_field
        query = f"SELECT {field} FROM {self._object} WHERE {field} IN (%s)"
        return {str(row.get(field)).lower() for row in self._org.rows_in(query, keys)}


def refuse_twice(objects: Iterable[SyncObject], receipt: Receipt) -> None:
    """Settle keys that differ by case alone from one before: to Salesforce they are the same."""
    seen: set[str] = set()
    for one in objects:
        if one.key.lower() in seen:
            problem = "Two keys of this sync differ by case alone: they are one to Salesforce."
            receipt.outcomes[one.number] = several(problem)
        seen.add(one.key.lower())


def field_problem(field: str) -> str | None:
    """Say why no record could have a field of this name, or None."""
    is_name = field.replace("_", "a").isalnum() and field.isascii() and not field[:1].isdigit()
    if not is_name or field.lower() in ("id", "attributes"):
        return f"'{field}' is not the API name of a field, such as Madang_Tier__c."
    bare = field.removesuffix("__pc").removesuffix("__c")  # __pc: of a person account
    if len(bare) > LONGEST_NAME or "__" in bare:
        return f"'{field}' is no name that Salesforce takes: {LONGEST_NAME} characters, no __."
    return None


def _only_removes(one: SyncObject) -> bool:
    return all(change.value is None for change in one.changes)


_RECORDS = ObjectKind(
    "attributes", keys=("external_id",), field_problem=field_problem, options=RecordOptions
)
ENTRY = Entry(
    settings=SalesforceTarget,
    objects={
        **dict.fromkeys(("contact", "lead", "account"), _RECORDS),
        "custom": replace(_RECORDS, options=CustomOptions),
        "campaign_members": ObjectKind(
            "members", keys=("external_id",), field_problem=list_problem, options=CampaignOptions
        ),
    },
    destination=Salesforce,
    sandbox="madang.sandbox.salesforce",
    api_version=lambda settings, workspace: getattr(workspace.salesforce, "api_version", None),
)
