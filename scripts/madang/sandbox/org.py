"""The records of the local Salesforce: objects, fields, changes, queries."""

import csv
import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madang.sandbox.repeats import Repeats

FIELDS = Path(__file__).with_name("salesforce_fields.json")
OF_ALL = {"IsDeleted": "boolean", "CreatedDate": "datetime", "SystemModstamp": "datetime"}
QUERY = re.compile(r"SELECT (.+?) FROM (\w+)(?: WHERE (.+))?", re.IGNORECASE)
CONDITION = re.compile(r"(\w+) (>=|=|!=|IN) (.+)", re.IGNORECASE)
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
AND = re.compile(r" AND (?=\w+ (?:>=|=|!=|IN) )")
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "Campaign": "701",
    "CampaignMember": "00v",
    "CampaignMemberStatus": "01Y",
}
EXTERNAL = "external_id"  # the type of a field by which records are upserted
MOST_RECORDS = 200
#: Of each campaign; nothing of it is pulled.
STATUSES = {
    "Id": "id",
    "CampaignId": "reference",
    "Label": "string",
    "HasResponded": "boolean",
    "IsDefault": "boolean",
    "SortOrder": "int",
}
Record = dict[str, Any]


class Refused(Exception):
    """What Salesforce answers instead of rows: an HTTP status, its error code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def body(self) -> list[dict[str, str]]:
        return [{"message": str(self), "errorCode": self.code}]


class Org:
    """Objects by name, records by id. Safe for several threads.

    `fields` are the types of fields by object and name; without it, the standard fields of the
    eight objects that are pulled. Moments are aware datetimes.
    """

    def __init__(self, fields: Mapping[str, Mapping[str, str]] | None = None) -> None:
        known = fields or json.loads(FIELDS.read_text(encoding="utf-8"))
        self.fields = {name: {**types, **OF_ALL} for name, types in known.items()}
        if fields and "Campaign" in fields:
            self.fields["CampaignMemberStatus"] = {**STATUSES, **OF_ALL}
        self.rights: dict[str, dict[str, bool]] = {}  # such as {"Contact": {"updateable": False}}
        self.not_unique: set[str] = set()  # external ids that may stand in several records
        self.rules: dict[str, Callable[[Record], str | None]] = {}  # validation rules, by object
        self.repeats = Repeats()  # changes of what is so already
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self.fields}
        self._lock = threading.RLock()

    def put(self, name: str, record_id: str, **values: Any) -> None:
        """Make or change a record. Its moments are those given, else now."""
        unknown = set(values) - set(self.fields[name])
        if unknown:
            raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
        now = datetime.now(UTC).replace(microsecond=0)
        with self._lock:
            there = self._records[name].setdefault(
                record_id, {"Id": record_id, "IsDeleted": False, "CreatedDate": now}
            )
            there.update({"SystemModstamp": now, **values})

    def delete(self, name: str, record_id: str, **values: Any) -> None:
        """Put a record into the recycle bin."""
        self.put(name, record_id, IsDeleted=True, **values)

    def merge(self, name: str, master_id: str, record_id: str) -> None:
        """Merge a record into another one."""
        self.delete(name, record_id, MasterRecordId=master_id)
        self.put(name, master_id)

    def read(self, path: Path) -> int:
        """Take records from JSON, `{"Contact": [{"Id": "003…", "Name": "…"}]}`; return how many."""
        count = 0
        for name, records in json.loads(path.read_text(encoding="utf-8")).items():
            kinds = self.fields[name]
            for record in records:
                values = {
                    field: datetime.fromisoformat(value)
                    if value and kinds.get(field) == "datetime"
                    else value
                    for field, value in record.items()
                }
                self.put(name, values.pop("Id"), **values)
                count += 1
        return count

    def describe(self, name: str) -> dict[str, Any]:
        """The answer of a describe, as far as a reader needs it."""
        if name not in self.fields:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        fields = [
            {
                "name": field,
                "type": "string" if kind == EXTERNAL else kind,
                "externalId": kind == EXTERNAL,
                "unique": kind == EXTERNAL and field not in self.not_unique,
            }
            for field, kind in self.fields[name].items()
        ]
        rights = dict.fromkeys(("createable", "updateable", "deletable"), True)
        return {"name": name, "fields": fields, **rights, **self.rights.get(name, {})}

    def query(self, text: str, *, deleted: bool) -> tuple[list[str], list[Record]]:
        """Return the fields of a query and its rows, as they are now. Raises Refused."""
        read = QUERY.fullmatch(text.strip())
        if read is None:
            raise Refused(400, "MALFORMED_QUERY", "unexpected token")
        names = [name.strip() for name in read[1].split(",")]
        if read[2] not in self.fields:
            raise Refused(400, "INVALID_TYPE", f"sObject type '{read[2]}' is not supported.")
        asked = [_condition(one) for one in AND.split(read[3])] if read[3] else []
        for name in (*names, *(field for field, _ in asked)):
            if name not in self.fields[read[2]]:
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on '{read[2]}'.")
        with self._lock:
            rows = [
                {name: record.get(name) for name in names}
                for record in self._records[read[2]].values()
                if (deleted or not record["IsDeleted"])
                and all(holds(record.get(field)) for field, holds in asked)
            ]
        return names, rows

    def records(self, name: str) -> list[Record]:
        """Return copies of an object's records."""
        with self._lock:
            return [dict(record) for record in self._records[name].values()]

    def new_id(self, name: str) -> str:
        """Return an id that no record has yet, of 18 letters."""
        return f"{PREFIXES.get(name, 'a00')}{len(self._records[name]):012d}NEW"

    def upsert(self, name: str, field: str, body: Any, locked: set[str]) -> list[dict[str, Any]]:
        """Upsert a collection: one result a record, in order. Raises Refused for the whole.

        https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html
        """
        if self.fields.get(name, {}).get(field) != EXTERNAL:
            message = "Provided external ID field does not exist or is not accessible: " + field
            raise Refused(404, "NOT_FOUND", message)
        if not isinstance(body, dict) or set(body) != {"allOrNone", "records"}:
            raise Refused(400, "JSON_PARSER_ERROR", "The body is not a collection")
        records = body["records"]
        if not isinstance(records, list) or not 0 < len(records) <= MOST_RECORDS:
            raise Refused(400, "INVALID_INPUT", "A collection has 1 to 200 records")
        seen: set[str] = set()
        with self._lock:
            there = self.by_key(name, field)
            return [self.upserted(name, field, one, seen, locked, there) for one in records]

    def by_key(self, name: str, field: str) -> dict[str, list[Record]]:
        """Return the records that are not deleted by their external id, in lower case."""
        found: dict[str, list[Record]] = {}
        for record in self._records[name].values():
            if record.get(field) is not None and not record["IsDeleted"]:
                found.setdefault(str(record[field]).lower(), []).append(record)
        return found

    def upserted(
        self,
        name: str,
        field: str,
        one: Any,
        seen: set[str],
        locked: set[str],
        there: dict[str, list[Record]],
    ) -> dict[str, Any]:
        """Upsert one record; `there` are those of `by_key`, `seen` the keys of the request."""
        values = {key: value for key, value in one.items() if key != "attributes"}
        key = values.pop(field, None)
        try:
            self._check(name, one, key, values, seen, locked)
            same = there.get(key.lower(), [])
            if len(same) > 1:
                raise Refused(300, "MULTIPLE_CHOICES", f"{field}: more than one record found")
            if not same and name in ("Contact", "Lead") and not values.get("LastName"):
                message = "Required fields are missing: [LastName]"
                raise Refused(400, "REQUIRED_FIELD_MISSING", message)
            told = self.rules[name](values) if name in self.rules else None
            if told:
                raise Refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", told)
        except Refused as refused:
            return failed(refused)
        self.repeats.known += bool(same) and same[0] | values == same[0]
        record_id = same[0]["Id"] if same else self.new_id(name)
        self.put(name, record_id, **{field: key}, **values)
        if not same:
            there[key.lower()] = [self._records[name][record_id]]
        return {"id": record_id, "success": True, "created": not same, "errors": []}

    def _check(
        self, name: str, one: Any, key: Any, values: Record, seen: set[str], locked: set[str]
    ) -> None:
        if one.get("attributes") != {"type": name} or not isinstance(key, str) or "Id" in values:
            raise Refused(400, "INVALID_INPUT", "attributes and the external id, and no Id")
        if key.lower() in seen:
            raise Refused(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {key}")
        seen.add(key.lower())
        for field, value in values.items():
            kind = self.fields[name].get(field)
            if kind is None:
                raise Refused(400, "INVALID_FIELD", f"No such column '{field}' on '{name}'.")
            if kind == "boolean" and not isinstance(value, bool):
                message = f"{field}: value not of required type: {value}"
                raise Refused(400, "INVALID_TYPE_ON_FIELD_IN_RECORD", message)
        if key in locked:
            raise Refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")


def failed(refused: Refused) -> dict[str, Any]:
    """Return the result of a record that is refused."""
    error = {"statusCode": refused.code, "message": str(refused), "fields": []}
    return {"success": False, "errors": [error]}


def _condition(text: str) -> tuple[str, Callable[[Any], bool]]:
    """Return the field of a condition, and whether a value of it holds."""
    read = CONDITION.fullmatch(text.strip())
    if read is None:
        raise Refused(400, "MALFORMED_QUERY", "unexpected token")
    field, sign, told = read[1], read[2].upper(), read[3].strip()
    if sign == "IN":
        if not re.fullmatch(r"\(.+\)", told, re.DOTALL) or not QUOTED.findall(told):
            raise Refused(400, "MALFORMED_QUERY", "unexpected token: IN takes a list of texts")
        wanted = {_plain_text(one) for one in QUOTED.findall(told)}
        return field, lambda value: value is not None and str(value).lower() in wanted
    if sign == ">=":
        try:
            since = datetime.fromisoformat(told)
        except ValueError as error:
            raise Refused(400, "INVALID_FIELD", "value must be of type dateTime") from error
        return field, lambda value: value is not None and value >= since
    if quoted := QUOTED.fullmatch(told):
        text = _plain_text(quoted[1])
        return field, lambda value: (str(value).lower() == text) == (sign == "=")
    known = {"true": True, "false": False, "null": None}
    if told.lower() not in known:
        raise Refused(400, "MALFORMED_QUERY", f"unexpected token: '{told}'")
    literal = known[told.lower()]
    return field, lambda value: (value == literal) == (sign == "=")


def _plain_text(text: str) -> str:
    """Return a text of a query without its escapes, in the case in which texts are compared."""
    return re.sub(r"\\(.)", r"\1", text).lower()


def as_json(rows: list[Record], name: str) -> list[Record]:
    """Rows as the REST API writes them."""
    return [
        {
            "attributes": {"type": name},
            **{field: _plain(value, "+0000") for field, value in row.items()},
        }
        for row in rows
    ]


def as_csv(names: list[str], rows: list[Record]) -> str:
    """Rows as the Bulk API writes them: every value quoted, nothing for null."""
    text = io.StringIO()
    write = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    write(names)
    for row in rows:
        values = [_plain(row[name], "Z") for name in names]
        write(["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in values])
    return text.getvalue()


def _plain(value: Any, utc: str) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000") + utc
    return value
