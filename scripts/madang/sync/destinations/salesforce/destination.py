"""Salesforce: sets fields of contacts, leads and accounts, found by an external id.

The contract, with the vendor's pages:
- https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html
  (200 records of one object, one result for each in the order of the request)
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
- how its answers are read: `salesforce.answers`

The org and the login are those of the pull: `salesforce:` in madang.yml. Setting a field twice
changes nothing.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.http.client import AGAIN
from madang.settings.salesforce import FieldName, ObjectName
from madang.sync import DestinationDown, DestinationRefused
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    Later,
    Look,
    NoOptions,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.members import list_problem
from madang.sync.destinations.parts import the_rest_waits
from madang.sync.destinations.salesforce.answers import (
    not_processed,
    not_there,
    outcome,
    passes,
    refused,
    several,
)
from madang.sync.destinations.salesforce.campaigns import CampaignOptions, SalesforceCampaigns
from madang.sync.destinations.salesforce.jobs import (
    Jobs,
    as_csv,
    means_empty,
    pieces,
    refusal,
)
from madang.sync.destinations.salesforce.look import api_name, look
from madang.sync.destinations.salesforce.org import OrgConnection, as_json

if TYPE_CHECKING:
    from madang.sync.spec import SyncSpec

RECORDS_LIMIT = 200  # a request
MANY_KEYS = 2_000
LONGEST_NAME = 40  # characters of a field's name, without __c


class SalesforceTarget(DestinationSettings):
    """How much goes into one request; the org and the login stand under `salesforce:`.

    From `bulk_from_records` records on a run sends jobs of Bulk API 2.0, of `records_per_job` each;
    0 is never.
    """

    records_per_request: Annotated[int, Field(ge=1, le=RECORDS_LIMIT)] = RECORDS_LIMIT
    bulk_from_records: Annotated[int, Field(ge=0)] = 2_000
    records_per_job: Annotated[int, Field(ge=1)] = 100_000


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


@dataclass(frozen=True)
class JobBatch(Batch):
    """The records of one job. `asked` are those that go into its file, the others are settled."""

    asked: tuple[SyncObject, ...] = ()
    receipt: Receipt = field(default_factory=Receipt)


class Salesforce:
    """Fields of one object: up to 200 records a request, or many by a job."""

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
        self._org, self._options, self._settings = org, options, settings
        self._object = api_name(name, options) if name else ""
        self._jobs = Jobs(org)
        self._there: set[str] | None = None
        self.objects_per_request = settings.records_per_request

    @property
    def requests(self) -> int:
        return self._org.client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group records, in order: into requests, or into jobs where there are many."""
        waiting = iter(objects)
        least = self._settings.bulk_from_records
        first = list(islice(waiting, least))
        if least and len(first) == least:
            for taken in pieces(chain(first, waiting), self._settings.records_per_job):
                yield JobBatch(taken, ())
            return
        waiting = chain(first, waiting)
        while taken := tuple(islice(waiting, self.objects_per_request)):
            yield Batch(taken, tuple(map(self._record, taken)))

    def prepare(self, batch: Batch) -> Batch:
        """Make the job of a batch, open and empty; settle what does not go into it."""
        if not isinstance(batch, JobBatch):
            return batch
        receipt = Receipt()
        refuse_twice(batch.objects, receipt)
        for one in filter(means_empty, batch.objects):
            problem = "The text #N/A empties a field in Salesforce's Bulk API."
            receipt.outcomes[one.number] = refused("", problem)
        self._pass_over_missing(batch, receipt)
        asked = tuple(one for one in batch.objects if one.number not in receipt.outcomes)
        key = self._options.external_id_field
        job = self._jobs.open(self._object, key) if asked else None
        return replace(batch, reference=job, asked=asked, receipt=receipt)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; records that are locked are tried again after a pause."""
        if isinstance(batch, JobBatch):
            return self._send_job(batch)
        receipt = Receipt()
        refuse_twice(batch.objects, receipt)
        encoded = dict(zip(batch.objects, batch.encoded, strict=True))
        with the_rest_waits(batch, receipt):
            self._pass_over_missing(batch, receipt)
            settled = receipt.outcomes.keys()
            waiting = [one for one in batch.objects if one.number not in settled]
            self._send_records(waiting, [encoded[one] for one in waiting], receipt)
        return receipt

    def poll(self, remote_reference: str) -> Later | None:
        """Return what became of a job; None while Salesforce is at work, or has forgotten it."""
        try:
            found = self._jobs.results(remote_reference)
        except DestinationRefused as error:
            if "NOT_FOUND" in error.message:  # jobs are kept for seven days
                return None
            raise
        return None if found is None else self._jobs.later(found)

    def wait(self, remote_reference: str) -> Later:
        """Wait for a job of an earlier run, so that it does not write over what comes after it."""
        minutes = self._org.org.job_timeout_minutes
        try:
            found = self._jobs.wait(remote_reference, 60 * minutes)
        except DestinationRefused as error:
            if "NOT_FOUND" not in error.message:
                raise
            return Later("unknown", "Salesforce keeps a job for seven days")
        if found is None:
            raise DestinationDown(
                f"Salesforce is still at work on a job of an earlier run ({remote_reference}).",
                fix=f"{AGAIN} Or end the job in Setup, Bulk Data Load Jobs.",
            )
        return self._jobs.later(found)

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for the login, the version, and what each sync needs."""
        return look(self._org, syncs)

    def close(self) -> None:
        self._there = None  # a million keys
        self._org.close()

    def _send_records(
        self, objects: Sequence[SyncObject], encoded: Sequence[bytes], receipt: Receipt
    ) -> None:
        path = f"/composite/sobjects/{self._object}/{self._options.external_id_field}"
        for place, result in self._org.collection("PATCH", path, encoded, receipt):
            receipt.outcomes[objects[place].number] = outcome(result, self._org.redact)

    def _send_job(self, batch: JobBatch) -> Receipt:
        """Upload, close, wait; each record has its outcome by its external id.

        What is not known in time is accepted, and asked for later. Records that were locked go
        once more, in collections.
        """
        receipt, job = batch.receipt, batch.reference
        if job is None:
            return receipt
        receipt.remote_reference = job
        content = as_csv(batch.asked, self._options.external_id_field, self._options.leaving)
        reply = self._jobs.upload(job, content)
        receipt.http_status, receipt.attempts = reply.status, reply.attempts
        found = self._jobs.wait(job, 60 * self._org.org.job_timeout_minutes)
        locked = []
        for one in batch.asked:
            error = found.failed.get(one.key) if found else None
            if error is not None and passes(error):
                locked.append(one)
            elif error is not None:
                receipt.outcomes[one.number] = refusal(error, self._org.redact)
            elif found and found.succeeded is not None and one.key not in found.succeeded:
                receipt.outcomes[one.number] = not_processed(found.state, found.error)
            else:
                receipt.outcomes[one.number] = ACCEPTED
        with the_rest_waits(batch, receipt):
            for first in range(0, len(locked), self.objects_per_request):
                piece = locked[first : first + self.objects_per_request]
                self._send_records(piece, [self._record(one) for one in piece], receipt)
        return receipt

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
                gone = ACCEPTED if _only_removes(one) else not_there(self._object)
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
        """Return which keys the org has a record for, in lower case: it compares them so.

        Of many keys it is asked once for all that it has.
        """
        if self._there is None and len(keys) >= MANY_KEYS:
            self._there = self._jobs.keys(self._object, self._options.external_id_field)
        if self._there is not None:
            return self._there
        field = self._options.external_id_field
        query = f"SELECT {field} FROM {self._object} WHERE {field} IN (%s)"
        return {str(row.get(field)).lower() for row in self._org.rows_in(query, keys)}


def refuse_twice(objects: Sequence[SyncObject], receipt: Receipt) -> None:
    """Settle keys that differ by case alone from one before: to Salesforce they are the same."""
    if len({one.key.lower() for one in objects}) == len(objects):
        return
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
