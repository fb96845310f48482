"""Campaigns of Salesforce as lists: who is a member, with a status.

- https://developer.salesforce.com/docs/atlas.en-us.220.0.object_reference.meta/object_reference/sforce_api_objects_campaignmember.htm
  (no upsert: members are queried, then inserted, updated and deleted by Id; a pair stands once; a
  member is a contact or a lead; HasResponded follows from the status)
- https://developer.salesforce.com/docs/platform/salesforce-field-reference/guide/salesforce-field-reference-campaignmemberstatus.html
  (each campaign has statuses of its own, which must be there before a member has one)

Adding who is a member and removing who is none change nothing, so both may be repeated.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from madang.settings.salesforce import FieldName
from madang.specs.strict import matching
from madang.sync import DestinationRefused
from madang.sync.destinations.base import ACCEPTED, Batch, NoOptions, Outcome, Receipt, SyncObject
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.parts import the_rest_waits
from madang.sync.destinations.salesforce.answers import not_there, outcome, says, several
from madang.sync.destinations.salesforce.org import OrgConnection, as_json, quoted

MEMBERS_LIMIT = 200  # a request
NAMED = "madang_"  # and the audience: a campaign that the sync names no other for
GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY")  # to delete what is not there
THERE = "DUPLICATE_VALUE"  # to insert who is a member
CampaignId = Annotated[str, matching(r"701\w{12}(\w{3})?", "the id of a campaign, 701…")]
Person = Literal["contact", "lead"]
Status = Annotated[str, Field(min_length=1, max_length=40)]


class CampaignOptions(NoOptions):
    """How an audience becomes a campaign, and a person a member.

    `external_id_field` is the field of contacts and of leads that holds the sync's key; `persons`
    says which of them are looked for, the first that is there counts. `campaigns` names a campaign
    of an audience by its Id; without, it is the one called madang_<audience>, which the first run
    makes. `status` is what a new member gets; those of `responded` count as a response where the
    sync makes them.
    """

    external_id_field: FieldName
    persons: Annotated[tuple[Person, ...], Field(min_length=1)] = ("contact", "lead")
    campaigns: dict[str, CampaignId] = Field(default_factory=dict)
    status: Status = "Sent"
    responded: list[Status] = Field(default_factory=list)


class SalesforceCampaigns:
    """Members of campaigns by an external id of contacts and leads."""

    objects_per_request = MEMBERS_LIMIT

    def __init__(self, org: OrgConnection, options: CampaignOptions) -> None:
        self._org, self._options = org, options
        self._campaigns: dict[str, str] = {}
        self._statuses: dict[str, dict[str, int]] = {}

    @property
    def requests(self) -> int:
        return self._org.client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by campaign and by what is to be done with them."""
        return batched(objects, MEMBERS_LIMIT, lambda one: one.key.encode())

    def send(self, batch: Batch) -> Receipt:
        """Send a batch: ask who is there, then write only what is missing or too much."""
        receipt = Receipt()
        audience, is_removal = request_of(batch.objects[0])
        campaign = self._campaign(audience, makes=not is_removal)
        if campaign is None:  # never made: nobody is a member
            for one in batch.objects:
                receipt.outcomes[one.number] = ACCEPTED
        else:
            send = self._remove if is_removal else self._add
            with the_rest_waits(batch, receipt):
                send(campaign, batch.objects, receipt)
        return receipt

    def close(self) -> None:
        self._org.close()

    def _add(self, campaign: str, objects: Iterable[SyncObject], receipt: Receipt) -> None:
        persons = self._persons([one.key for one in objects])
        members = self._members(campaign, {id_ for found in persons.values() for id_ in found})
        seen: set[str] = set()
        inserts, updates = [], []
        for one in objects:
            chosen = self._chosen(persons.get(one.key.lower(), {}))
            if isinstance(chosen, Outcome):
                receipt.outcomes[one.number] = chosen
            elif chosen in seen:
                problem = "Another person of this sync is the same record in Salesforce."
                receipt.outcomes[one.number] = several(problem)
            else:
                seen.add(chosen)
                wanted, there = _status(one), members.get(chosen, [])
                if not there:
                    field = persons[one.key.lower()][chosen]
                    inserts.append((one, field, chosen, wanted or self._options.status))
                elif wanted and there[0]["Status"] != wanted:
                    updates.append((one, there[0]["Id"], wanted))
                else:  # who is a member stays as somebody has put them there
                    receipt.outcomes[one.number] = ACCEPTED
        self._make_statuses(campaign, {row[-1] for row in (*inserts, *updates)})
        kind = {"attributes": {"type": "CampaignMember"}}
        new = [
            as_json({**kind, "CampaignId": campaign, field: person, "Status": status})
            for _, field, person, status in inserts
        ]
        changed = [as_json({**kind, "id": member, "Status": told}) for _, member, told in updates]
        for method, rows, records in (("POST", inserts, new), ("PATCH", updates, changed)):
            if records:
                told = self._org.collection(method, "/composite/sobjects", records, receipt)
                for place, result in told:
                    is_there = method == "POST" and says(result, (THERE,))
                    receipt.outcomes[rows[place][0].number] = (
                        ACCEPTED if is_there else outcome(result, self._org.redact)
                    )

    def _remove(self, campaign: str, objects: Iterable[SyncObject], receipt: Receipt) -> None:
        """Delete the memberships of every record that a key means."""
        persons = self._persons([one.key for one in objects])
        members = self._members(campaign, {id_ for found in persons.values() for id_ in found})
        leaving = [
            (one, member["Id"])
            for one in objects
            for id_ in persons.get(one.key.lower(), {})
            for member in members.get(id_, [])
        ]
        left = Counter(one.number for one, _ in leaving)
        for one in objects:
            if not left[one.number]:
                receipt.outcomes[one.number] = ACCEPTED
        for first in range(0, len(leaving), MEMBERS_LIMIT):
            piece = leaving[first : first + MEMBERS_LIMIT]
            told = self._org.delete([member for _, member in piece], receipt)
            for place, result in told:
                number = piece[place][0].number
                left[number] -= 1
                found = ACCEPTED if says(result, GONE) else outcome(result, self._org.redact)
                if found.status != "accepted":
                    receipt.outcomes[number] = found
                elif not left[number]:  # the last record that the key means
                    receipt.outcomes.setdefault(number, ACCEPTED)

    def _persons(self, keys: list[str]) -> dict[str, dict[str, str]]:
        """Return the records that keys mean, by key in lower case: id and kind of id.

        A lead that was converted is its contact now.
        """
        field = self._options.external_id_field
        found: dict[str, dict[str, str]] = defaultdict(dict)
        if "contact" in self._options.persons:
            for row in self._org.rows_in(
                f"SELECT Id, {field} FROM Contact WHERE {field} IN (%s)", keys
            ):
                found[str(row[field]).lower()][row["Id"]] = "ContactId"
        if "lead" in self._options.persons:
            query = f"SELECT Id, {field}, IsConverted, ConvertedContactId FROM Lead"
            for row in self._org.rows_in(f"{query} WHERE {field} IN (%s)", keys):
                if not row["IsConverted"]:
                    found[str(row[field]).lower()][row["Id"]] = "LeadId"
                elif row["ConvertedContactId"]:
                    found[str(row[field]).lower()][row["ConvertedContactId"]] = "ContactId"
        return found

    def _chosen(self, found: dict[str, str]) -> str | Outcome:
        """Return the id of the record that becomes the member: of the first kind that is there."""
        for person in self._options.persons:
            ids = [id_ for id_, kind in found.items() if kind == f"{person.capitalize()}Id"]
            if len(ids) > 1:
                return several(f"{len(ids)} {person}s have this external id.")
            if ids:
                return ids[0]
        return not_there(
            " and no ".join(self._options.persons), "send the person to Salesforce first"
        )

    def _members(self, campaign: str, ids: set[str]) -> dict[str, list[dict[str, Any]]]:
        """Return the memberships of records in a campaign, by contact and by lead."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        query = "SELECT Id, ContactId, LeadId, Status FROM CampaignMember"
        for field, prefix in (("ContactId", "003"), ("LeadId", "00Q")):
            asked = sorted(id_ for id_ in ids if id_.startswith(prefix))
            where = f"WHERE CampaignId = {quoted(campaign)} AND {field} IN (%s)"
            for row in self._org.rows_in(f"{query} {where}", asked):
                found[row[field]].append(row)
        return found

    def _campaign(self, audience: str, makes: bool) -> str | None:
        """Return the Id of an audience's campaign; make it where there is none and `makes` says so.

        Raises DestinationRefused where it was deleted, or several have its name.
        """
        if audience not in self._campaigns:
            given = self._options.campaigns.get(audience)
            found = self._given(audience, given) if given else self._named(audience)
            if found is None and makes:
                record = {"Name": NAMED + audience, "IsActive": True}
                found = self._org.made_once("Campaign", record, partial(self._named, audience))
            if found is None:
                return None
            self._campaigns[audience] = found
        return self._campaigns[audience]

    def _given(self, audience: str, campaign: str) -> str:
        rows = self._org.rows(f"SELECT Id FROM Campaign WHERE Id = {quoted(campaign)}")
        if row := next(rows, None):
            return row["Id"]
        raise DestinationRefused(
            f"There is no campaign {campaign}, which the sync names for '{audience}': it was "
            "deleted, or the login does not see it.",
            fix="Take it out of the recycle bin, or correct `campaigns` of the sync. The user of "
            "the login needs the permission 'Marketing User'.",
        )

    def _named(self, audience: str) -> str | None:
        name = NAMED + audience
        query = f"SELECT Id, IsDeleted FROM Campaign WHERE Name = {quoted(name)}"
        found = list(self._org.rows(query, deleted=True))
        there = [row["Id"] for row in found if not row["IsDeleted"]]
        if len(there) > 1:
            raise DestinationRefused(
                f"Salesforce has {len(there)} campaigns called {name}.",
                fix="Name one under `campaigns` of the sync, or give the others another name.",
            )
        if found and not there:
            raise DestinationRefused(
                f"The campaign {name} was deleted in Salesforce. A new one would not have the "
                "members that were added to it.",
                fix="Take it out of the recycle bin there, or end the sync of this audience.",
            )
        return there[0] if there else None

    def _make_statuses(self, campaign: str, wanted: set[str]) -> None:
        """Make the statuses that a campaign lacks; without, a member would get another one."""
        for label in sorted(wanted):
            known = self._known(campaign)
            if label not in known:
                record = {
                    "CampaignId": campaign,
                    "Label": label,
                    "HasResponded": label in self._options.responded,
                    "SortOrder": 1 + max(known.values(), default=0),
                }
                find = partial(self._found, campaign, label)
                self._org.made_once("CampaignMemberStatus", record, find)
                self._statuses.pop(campaign, None)

    def _known(self, campaign: str) -> dict[str, int]:
        """Return the statuses of a campaign, with their places."""
        if campaign not in self._statuses:
            query = "SELECT Label, SortOrder FROM CampaignMemberStatus"
            rows = self._org.rows(f"{query} WHERE CampaignId = {quoted(campaign)}")
            self._statuses[campaign] = {row["Label"]: int(row["SortOrder"] or 0) for row in rows}
        return self._statuses[campaign]

    def _found(self, campaign: str, label: str) -> str | None:
        self._statuses.pop(campaign, None)
        return label if label in self._known(campaign) else None


def _status(one: SyncObject) -> str | None:
    """Return the status that a row says; a row that says true says none."""
    said = json.loads(one.changes[0].value or "null")
    return said if isinstance(said, str) and said else None
