"""The records of the local Salesforce: objects, fields, changes, queries."""

import csv
import io
import json
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIELDS = Path(__file__).with_name("salesforce_fields.json")
OF_ALL = {"IsDeleted": "boolean", "CreatedDate": "datetime", "SystemModstamp": "datetime"}
QUERY = re.compile(r"SELECT (.+) FROM (\w+)(?: WHERE (\w+) >= (\S+))?", re.IGNORECASE)
LISTED = re.compile(r"SELECT (\w+) FROM (\w+) WHERE (\w+) IN \((.+)\)", re.IGNORECASE)
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
EXTERNAL = "external_id"  # the type of a field by which records are upserted
MOST_RECORDS = 200
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
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self.fields}
        self._lock = threading.Lock()

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
        fields = [{"name": field, "type": kind} for field, kind in self.fields[name].items()]
        return {"name": name, "fields": fields}

    def query(self, text: str, *, deleted: bool) -> tuple[list[str], list[Record]]:
        """Return the fields of a query and its rows, as they are now. Raises Refused."""
        if listed := LISTED.fullmatch(text.strip()):
            return self._listed(*listed.groups())
        read = QUERY.fullmatch(text.strip())
        if read is None:
            raise Refused(400, "MALFORMED_QUERY", "unexpected token")
        names = [name.strip() for name in read[1].split(",")]
        if read[2] not in self.fields:
            raise Refused(400, "INVALID_TYPE", f"sObject type '{read[2]}' is not supported.")
        for name in (*names, *((read[3],) if read[3] else ())):
            if name not in self.fields[read[2]]:
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on '{read[2]}'.")
        try:
            since = datetime.fromisoformat(read[4]) if read[4] else None
        except ValueError as error:
            raise Refused(400, "INVALID_FIELD", "value must be of type dateTime") from error
        with self._lock:
            rows = [
                {name: record.get(name) for name in names}
                for record in self._records[read[2]].values()
                if (deleted or not record["IsDeleted"])
                and (since is None or record[read[3]] >= since)
            ]
        return names, rows

    def records(self, name: str) -> list[Record]:
        """Return copies of an object's records."""
        with self._lock:
            return [dict(record) for record in self._records[name].values()]

    def _listed(
        self, field: str, name: str, by: str, values: str
    ) -> tuple[list[str], list[Record]]:
        if field != by or by not in self.fields.get(name, {}):
            raise Refused(400, "INVALID_FIELD", f"No such column '{by}' on '{name}'.")
        wanted = {re.sub(r"\\(.)", r"\1", one).lower() for one in QUOTED.findall(values)}
        found = [one for one in self.records(name) if str(one.get(by)).lower() in wanted]
        return [field], [{field: one[by]} for one in found if not one["IsDeleted"]]

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
        return [self._upserted(name, field, one, seen, locked) for one in records]

    def _upserted(
        self, name: str, field: str, one: Any, seen: set[str], locked: set[str]
    ) -> dict[str, Any]:
        values = {key: value for key, value in one.items() if key != "attributes"}
        key = values.pop(field, None)
        try:
            self._check(name, one, key, values, seen, locked)
            same = [r for r in self.records(name) if str(r.get(field)).lower() == key.lower()]
            if len(same) > 1:
                raise Refused(300, "MULTIPLE_CHOICES", f"{field}: more than one record found")
            if not same and name in ("Contact", "Lead") and not values.get("LastName"):
                message = "Required fields are missing: [LastName]"
                raise Refused(400, "REQUIRED_FIELD_MISSING", message)
        except Refused as refused:
            error = {"statusCode": refused.code, "message": str(refused), "fields": []}
            return {"success": False, "errors": [error]}
        record_id = same[0]["Id"] if same else f"003{len(self.records(name)):012d}NEW"
        self.put(name, record_id, **{field: key}, **values)
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
