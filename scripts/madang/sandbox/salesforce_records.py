"""Collections of the local Salesforce that insert, update and delete, with campaigns' own rules.

- https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
- https://developer.salesforce.com/docs/atlas.en-us.220.0.object_reference.meta/object_reference/sforce_api_objects_campaignmember.htm
- https://developer.salesforce.com/docs/platform/salesforce-field-reference/guide/salesforce-field-reference-campaignmemberstatus.html
"""

from collections.abc import Callable
from typing import Any

from madang.sandbox.org import MOST_RECORDS, Org, Record, Refused, failed

#: Fields that are written when a record is made, and those that may change later.
WRITABLE = {
    "Campaign": ({"Name", "IsActive", "Type", "Status"}, {"Name", "IsActive", "Type", "Status"}),
    "CampaignMember": ({"CampaignId", "ContactId", "LeadId", "Status"}, {"Status"}),
    "CampaignMemberStatus": (
        {"CampaignId", "Label", "HasResponded", "IsDefault", "SortOrder"},
        {"Label", "HasResponded", "IsDefault", "SortOrder"},
    ),
}
LONGEST_STATUS = 40


def write(org: Org, method: str, body: Any, locked: set[str]) -> list[dict[str, Any]]:
    """Insert (POST) or update (PATCH) a collection: one result a record, in order."""
    if not isinstance(body, dict) or set(body) != {"allOrNone", "records"}:
        raise Refused(400, "JSON_PARSER_ERROR", "The body is not a collection")
    records = body["records"]
    if not isinstance(records, list) or not 0 < len(records) <= MOST_RECORDS:
        raise Refused(400, "INVALID_INPUT", "A collection has 1 to 200 records")
    change = insert if method == "POST" else update
    return [_tried(lambda one=one: change(org, one, locked)) for one in records]


def delete(org: Org, ids: str, locked: set[str]) -> list[dict[str, Any]]:
    """Delete records by their ids."""
    asked = ids.split(",") if ids else []
    if not 0 < len(asked) <= MOST_RECORDS:
        raise Refused(400, "INVALID_INPUT", "1 to 200 ids")
    return [_tried(lambda one=one: _deleted(org, one, locked)) for one in asked]


def insert(org: Org, one: Any, locked: set[str]) -> dict[str, Any]:
    """Insert a record. Raises Refused."""
    name, values = _read(one)
    if "id" in {key.lower() for key in values}:
        raise Refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call")
    _only(values, WRITABLE[name][0])
    if name == "CampaignMember":
        _check_member(org, values, locked)
    elif name == "CampaignMemberStatus":
        _check_status(org, values)
    elif not values.get("Name"):
        raise Refused(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]")
    record_id = org.new_id(name)
    if name == "CampaignMember":
        values["HasResponded"] = _responds(org, values["CampaignId"], values["Status"])
    org.put(name, record_id, **values)
    if name == "Campaign":  # each new one has two statuses
        for place, (label, responds) in enumerate((("Sent", False), ("Responded", True)), start=1):
            org.put(
                "CampaignMemberStatus",
                org.new_id("CampaignMemberStatus"),
                CampaignId=record_id,
                Label=label,
                HasResponded=responds,
                IsDefault=not responds,
                SortOrder=place,
            )
    return {"id": record_id, "success": True, "errors": []}


def update(org: Org, one: Any, locked: set[str]) -> dict[str, Any]:
    """Update a record by its id. Raises Refused."""
    name, values = _read(one)
    record_id = values.pop("id", None)
    there = _by_id(org, name, record_id)
    _only(values, WRITABLE[name][1])
    _not_locked(locked, there)
    if name == "CampaignMember":
        _known_status(org, there["CampaignId"], values["Status"])
        values["HasResponded"] = _responds(org, there["CampaignId"], values["Status"])
    org.put(name, there["Id"], **values)
    return {"id": record_id, "success": True, "errors": []}


def _deleted(org: Org, record_id: str, locked: set[str]) -> dict[str, Any]:
    there = _by_id(org, "CampaignMember", record_id)
    _not_locked(locked, there)
    org.delete("CampaignMember", record_id)
    return {"id": record_id, "success": True, "errors": []}


def _check_member(org: Org, values: Record, locked: set[str]) -> None:
    campaign = _by_id(org, "Campaign", values.get("CampaignId"))["Id"]
    persons = [field for field in ("ContactId", "LeadId") if values.get(field)]
    if len(persons) != 1:
        message = "A campaign member is a contact or a lead, and not both"
        raise Refused(400, "FIELD_INTEGRITY_EXCEPTION", message)
    (field,) = persons
    person = _by_id(org, field.removesuffix("Id"), values[field])
    if person.get("IsConverted"):
        raise Refused(400, "CANNOT_UPDATE_CONVERTED_LEAD", "the lead was converted")
    _not_locked(locked, {**values, **person})
    for there in org.records("CampaignMember"):
        pair = (there["CampaignId"], there.get(field))
        if pair == (campaign, person["Id"]) and not there["IsDeleted"]:
            org.repeats.known += 1
            raise Refused(400, "DUPLICATE_VALUE", "Already a campaign member.")
    _known_status(org, campaign, values.setdefault("Status", _default(org, campaign)))


def _check_status(org: Org, values: Record) -> None:
    campaign = _by_id(org, "Campaign", values.get("CampaignId"))["Id"]
    label = values.get("Label")
    if not label:
        raise Refused(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Label]")
    if len(label) > LONGEST_STATUS:
        raise Refused(400, "STRING_TOO_LONG", f"Label: data value too large: {label}")
    for there in _statuses(org, campaign):
        if there["Label"].lower() == label.lower() or there["SortOrder"] == values["SortOrder"]:
            raise Refused(400, "DUPLICATE_VALUE", "the campaign has this status or place already")


def _statuses(org: Org, campaign: str) -> list[Record]:
    found = org.records("CampaignMemberStatus")
    return [one for one in found if one["CampaignId"] == campaign and not one["IsDeleted"]]


def _known_status(org: Org, campaign: str, status: str | None) -> None:
    if status not in {one["Label"] for one in _statuses(org, campaign)}:
        message = f"Status: bad value for restricted picklist field: {status}"
        raise Refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message)


def _responds(org: Org, campaign: str, status: str) -> bool:
    return any(one["HasResponded"] for one in _statuses(org, campaign) if one["Label"] == status)


def _default(org: Org, campaign: str) -> str | None:
    return next((one["Label"] for one in _statuses(org, campaign) if one.get("IsDefault")), None)


def _read(one: Any) -> tuple[str, Record]:
    kind = one.get("attributes", {}).get("type") if isinstance(one, dict) else None
    if kind not in WRITABLE:
        raise Refused(400, "INVALID_TYPE", f"sObject type '{kind}' is not supported here.")
    return kind, {key: value for key, value in one.items() if key != "attributes"}


def _only(values: Record, allowed: set[str]) -> None:
    if other := sorted(set(values) - allowed):
        message = f"Unable to create/update fields: {', '.join(other)}."
        raise Refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message)


def _by_id(org: Org, name: str, record_id: Any) -> Record:
    found = next((one for one in org.records(name) if one["Id"] == record_id), None)
    if found is None:
        raise Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if found["IsDeleted"]:
        raise Refused(400, "ENTITY_IS_DELETED", "entity is deleted")
    return found


def _not_locked(locked: set[str], record: Record) -> None:
    if locked & {str(value) for value in record.values()}:
        raise Refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")


def _tried(change: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return change()
    except Refused as refused:
        return failed(refused)
