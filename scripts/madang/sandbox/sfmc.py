"""A local Marketing Cloud: data extensions, journeys and contacts, over real HTTP, strict.

Sources, all of developer.salesforce.com: [token] …/guide/access-token-s2s
[rows] …/references/mc_rest_data_extensions/updateDataExtensionIDAsync.html
[status] …/mc-apis/getStatusDataExtensionAsync.htm
[results] …/mc-apis/getResultsDataExtensionAsync.htm
[limits] …/mc-apis/rate-limiting-errors.htm; 28,000 rows and 5 MB are what production tools send
[entry] …/references/mc_rest_interaction/enterContactsIntoJourneyInBatches.html
[entries] …/references/mc_rest_interaction/getStatusOfContacts.html
[delete] …/guide/deleting_a_row_from_a_data_extension_via_the_web_service_api.html
[contacts] …/mc-apis: POST /contacts/v1/contacts/actions/delete?type=keys
Where the pages are silent the server is strict. Only this machine can reach it.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from madang.sandbox.local import LocalHandler, LocalServer
from madang.settings import secrets as config_secrets
from madang.sync.destinations.sfmc.columns import Column
from madang.sync.destinations.sfmc.destination import SfmcSettings

ROWS = re.compile(r"/data/v1/async/dataextensions/key:([^/]+)/rows")
REQUEST = re.compile(r"/data/v1/async/([A-Za-z0-9-]+)/(status|results)")
EVENTS = "/interaction/v1/async/events"
CONTACTS = "/contacts/v1/contacts/actions/delete"
SOAP = "/Service.asmx"
API = "{http://exacttarget.com/wsdl/partnerAPI}"
MOST_ROWS, MOST_BYTES, MOST_MEMBERS = 28_000, 5_000_000, 100
LASTS = 1079  # seconds of a token [token]
DEADLOCK = "Transaction (Process ID 51) was deadlocked on lock resources. Rerun the transaction."


class Refused(Exception):
    """An answer of an error: nothing of the request is processed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def body(self) -> dict[str, Any]:
        told = {"resultType": "Operational", "resultClass": "Error", "resultCode": "Error"}
        return {
            "requestId": secrets.token_hex(8),
            "resultMessages": [told | {"message": str(self)}],
        }


class Extension:
    """A data extension: its columns, its primary key (None: it has none), its rows by key."""

    def __init__(self, columns: dict[str, Column | None], primary_key: str | None) -> None:
        self.columns, self.primary_key = columns, primary_key
        self.rows: dict[str, dict[str, Any]] = {}


class SfmcSandbox(LocalServer):
    """`extensions` by external key; `like` is what others are made like (None: none is made).

    `events` are the keys of API events (None: all that are asked for), `entries` who entered by
    each, `forgotten` the contacts that are deleted. `locked` are keys whose rows meet a deadlock
    once. `states` says what a request is asked about next; `sticks`: no request ever ends.
    """

    def __init__(
        self, account: str = "510000001", port: int = 0, state: Path | None = None
    ) -> None:
        self.account, self.client_id, self.client_secret = account, "client", "secret"
        self.tokens: dict[str, float] = {}
        self.extensions: dict[str, Extension] = {}
        self.like: Extension | None = None
        self.events: set[str] | None = None
        self.entries: dict[str, list[str]] = {}
        self.forgotten: set[str] = set()
        self.locked: set[str] = set()
        self.inactive: set[str] = set()
        self.states: dict[str, list[dict[str, Any] | None]] = {}
        self.results: dict[str, list[dict[str, str]]] = {}
        self.requested: dict[str, int] = {}
        self.sticks = False
        self.lock = threading.Lock()
        self._state = state
        if state is not None and state.exists():
            self._read(json.loads(state.read_text(encoding="utf-8")))
        super().__init__(_Handler, port)

    def has(self, name: str, primary_key: str | None = "SubscriberKey", **columns: Column) -> None:
        """Make a data extension, as an administrator does."""
        known: dict[str, Column | None] = dict(columns)
        self.extensions[name] = Extension(
            known | {primary_key or "SubscriberKey": None}, primary_key
        )

    def close(self) -> None:
        if self._state is not None:
            rows = {name: one.rows for name, one in self.extensions.items()}
            told = {"rows": rows, "entries": self.entries, "forgotten": sorted(self.forgotten)}
            self._state.write_text(json.dumps(told), encoding="utf-8")

    def _read(self, told: dict[str, Any]) -> None:
        self.entries, self.forgotten = told["entries"], set(told["forgotten"])
        for name, rows in told["rows"].items():
            self.has(name)
            self.extensions[name].rows = rows


class _Handler(LocalHandler):
    sandbox: ClassVar[SfmcSandbox]

    def do_GET(self) -> None:
        self._answered(b"")

    def do_PUT(self) -> None:
        self._answered(self.body())

    def do_POST(self) -> None:
        body = self.body()
        if self.path == "/v2/token":
            return self._token(body)
        return self._answered(body)

    def _token(self, body: bytes) -> None:
        """[token]"""
        sandbox = self.sandbox
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        wanted = {
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "account_id": sandbox.account,
        }
        if form != wanted:
            told = {"error": "invalid_client", "error_description": "Invalid client credentials."}
            return self.answer(401, told)
        token = secrets.token_urlsafe(24)
        sandbox.tokens[token] = time.monotonic() + LASTS
        urls = {"rest_instance_url": f"{sandbox.url}/", "soap_instance_url": f"{sandbox.url}/"}
        told = {"access_token": token, "token_type": "Bearer", "expires_in": LASTS, **urls}
        return self.answer(200, told)

    def _answered(self, body: bytes) -> None:
        sandbox, part = self.sandbox, _part(self.path)
        faults = {fault.kind: fault for fault in sandbox.faults.next({part})}
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "drop_before" in faults:
            return self.drop("drop_before")
        if "status" in faults:
            return self.answer(faults["status"].status, {"message": "Something went wrong."})
        if "rate_limit" in faults:  # [limits]
            seconds = max(1, int(faults["rate_limit"].seconds))
            told = {"message": "Rate limit exceeded", "errorcode": 50100, "retryAfter": seconds}
            return self.answer(429, told, {"Retry-After": str(seconds)})
        if "blocked" in faults:  # [limits]: without a word for how long
            told = {"message": "Your access is temporarily blocked.", "errorcode": 50200}
            return self.answer(429, told)
        if "garbage" in faults:
            return self.answer(200, "<html><body>Welcome to the proxy</body></html>")
        if "expire" in faults:
            sandbox.tokens.clear()
        try:
            with sandbox.lock:
                if part == "soap":
                    status, answer, objects = 200, *self._soap(body)
                else:
                    self._know(self.headers.get("Authorization", "").removeprefix("Bearer "))
                    status, answer, objects = self._rest(body)
        except Refused as refused:
            return self.answer(refused.status, refused.body())
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(status, answer, objects=objects)

    def _know(self, token: str) -> None:
        if self.sandbox.tokens.get(token, 0) <= time.monotonic():
            raise Refused(401, "Not Authorized")

    def _rest(self, body: bytes) -> tuple[int, Any, int]:
        asked = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        if found := REQUEST.fullmatch(asked.path):
            return 200, self._told(found[1], found[2], query), 0
        if asked.path == f"{EVENTS}/status":
            return 200, self._entries(query), 0
        if self.headers.get("Content-Type") != "application/json":
            raise Refused(415, "Content-Type must be application/json")
        try:
            told = json.loads(body)
        except ValueError:
            raise Refused(400, "The request body is no JSON.") from None
        if self.command == "PUT" and (found := ROWS.fullmatch(asked.path)):
            if len(body) > MOST_BYTES:
                raise Refused(413, "The request is too large.")
            return 202, *self._rows(unquote(found[1]), told)
        if self.command == "POST" and asked.path == EVENTS:
            return 202, *self._entered(told)
        if self.command == "POST" and (asked.path, query) == (CONTACTS, {"type": "keys"}):
            return 200, *self._forgotten(told)
        raise Refused(404, "The resource was not found.")

    def _rows(self, name: str, told: Any) -> tuple[Any, int]:
        """Take rows; what became of each is said later. [rows]"""
        sandbox = self.sandbox
        if name not in sandbox.extensions and sandbox.like is not None:
            like = sandbox.like
            sandbox.extensions[name] = Extension(like.columns, like.primary_key)
        extension = sandbox.extensions.get(name)
        if extension is None:
            raise Refused(400, f"Unable to find a data extension with the key {name}.")
        if extension.primary_key is None:
            raise Refused(400, "The data extension has no primary key.")
        items = told.get("items") if isinstance(told, dict) else None
        if not isinstance(items, list) or set(told) != {"items"}:
            raise Refused(400, "items is required.")
        if not 0 < len(items) <= MOST_ROWS or not all(isinstance(one, dict) for one in items):
            raise Refused(400, f"1 to {MOST_ROWS} rows.")
        request_id = secrets.token_hex(16)
        sandbox.requested[request_id] = len(items)
        if sandbox.sticks:
            return {"requestId": request_id, "resultMessages": []}, len(items)
        results = [self._stored(extension, row) for row in items]
        has_errors = any(one["status"] == "Error" for one in results)
        sandbox.results[request_id] = results
        done = {
            "requestStatus": "Complete",
            "resultStatus": "Has Errors" if has_errors else "OK",
            "hasErrors": has_errors,
            "requestId": request_id,
        }
        at_work = {"requestStatus": "Executing", "requestId": request_id}
        sandbox.states[request_id] = [None, at_work, done]
        return {"requestId": request_id, "resultMessages": []}, len(items)

    def _stored(self, extension: Extension, row: dict[str, Any]) -> dict[str, str]:
        key = row.get(extension.primary_key or "")
        if key in self.sandbox.locked:
            self.sandbox.locked.discard(key)
            return {"status": "Error", "errorCode": "2", "message": DEADLOCK}
        problem = None
        if not isinstance(key, str) or not key:
            problem = "The primary key is empty."
        for name, value in row.items():
            if name not in extension.columns:
                problem = f"The column {name} does not exist ({key})."
            elif (
                (column := extension.columns[name]) is not None
                and value is not None
                and (wrong := column.problem(value))
            ):
                problem = f"{name} {wrong} ({value})."
        if problem:
            return {"status": "Error", "errorCode": "2", "message": problem}
        kept = extension.rows.get(str(key), {})
        self.sandbox.repeats.known += bool(kept) and kept | row == kept
        extension.rows[str(key)] = kept | row
        return {"status": "OK", "errorCode": "", "message": ""}

    def _told(self, request_id: str, what: str, query: dict[str, str]) -> dict[str, Any]:
        """[status] [results]: before pick-up, an unknown id looks the same."""
        missing = {
            "resultType": "Operational",
            "resultClass": "Error",
            "resultCode": "AsyncRequestStatusNotFound",
            "message": "Unable to locate an Async Request Status Record.",
        }
        none = {"requestId": secrets.token_hex(8), "resultMessages": [missing]}
        if what == "status":
            states = self.sandbox.states.get(request_id) or [None]
            state = states.pop(0) if len(states) > 1 else states[0]
            return {"status": state, "requestId": secrets.token_hex(8)} if state else none
        results = self.sandbox.results.get(request_id)
        if results is None:
            return none
        page, size = int(query.get("$page", 1)), int(query.get("$pageSize", 50))
        items = results[(page - 1) * size : page * size]
        return {"page": page, "pageSize": size, "count": len(results), "items": items}

    def _entered(self, told: Any) -> tuple[Any, int]:
        """Let contacts enter the journeys of an event. [entry]"""
        sandbox = self.sandbox
        if not isinstance(told, dict) or set(told) != {"eventDefinitionKey", "members"}:
            raise Refused(400, "eventDefinitionKey and members are required.")
        event, members = told["eventDefinitionKey"], told["members"]
        if not isinstance(event, str) or (
            sandbox.events is not None and event not in sandbox.events
        ):
            raise Refused(400, "The event definition key was not found.")
        if not isinstance(members, list) or not 0 < len(members) <= MOST_MEMBERS:
            raise Refused(400, f"1 to {MOST_MEMBERS} members.")
        request_id, answers = secrets.token_hex(16), []
        for one in members:
            if not isinstance(one, dict) or set(one) != {"contactKey", "data"}:
                raise Refused(400, "A member has contactKey and data.")
            key = one["contactKey"]
            if not isinstance(key, str) or not key or key in sandbox.inactive:
                wrong = {"errorcode": "30003", "message": f"The contact {key} is not active."}
                answers.append({"contactKey": key, **wrong})
            else:
                sandbox.entries.setdefault(event, []).append(key)
                answers.append({"contactKey": key, "eventInstanceId": secrets.token_hex(16)})
        refused = sum("errorcode" in one for one in answers)
        sandbox.requested[request_id] = len(answers) - refused
        told = {"requestId": request_id, "count": len(members), "notQueuedCount": refused}
        return {**told, "members": answers}, len(members)

    def _entries(self, query: dict[str, str]) -> dict[str, Any]:
        """[entries]: the first question about a request finds its entries queued."""
        request_id, kind = query.get("requestId", ""), query.get("type")
        if kind not in ("errored", "queued", "processed"):
            raise Refused(400, "type is errored, queued or processed.")
        count, known = self.sandbox.requested.get(request_id, 0), self.sandbox.states
        asked = known.setdefault(request_id, [])
        if kind == "queued":
            asked.append(None)
        is_queued = self.sandbox.sticks or len(asked) <= 1
        found = {"errored": 0, "queued": count if is_queued else 0}
        count = found.get(kind, 0 if is_queued else count)
        return {"page": "1", "pageSize": "1", "count": count, "items": []}

    def _forgotten(self, told: Any) -> tuple[Any, int]:
        """Delete contacts, with their rows in sendable data extensions. [contacts]"""
        if not isinstance(told, dict) or set(told) != {"values", "deleteOperationType"}:
            raise Refused(400, "values and deleteOperationType are required.")
        if told["deleteOperationType"] != "ContactAndAttributes":
            raise Refused(400, "deleteOperationType is ContactAndAttributes.")
        self.sandbox.forgotten |= set(told["values"])
        for extension in self.sandbox.extensions.values():
            for key in told["values"]:
                extension.rows.pop(key, None)
        answer = {"operationInitiated": True, "operationID": 2, "resultMessages": []}
        return answer, len(told["values"])

    def _soap(self, body: bytes) -> tuple[str, int]:
        """Delete rows by their primary key. [delete]"""
        if self.headers.get("SOAPAction") != "Delete":
            raise Refused(400, "SOAPAction is Delete.")
        try:
            root = ElementTree.fromstring(body)
        except ElementTree.ParseError:
            raise Refused(400, "The envelope is no XML.") from None
        self._know(root.findtext(".//{http://exacttarget.com}fueloauth") or "")
        results = []
        for number, one in enumerate(root.iter(f"{API}Objects")):
            name = one.findtext(f"{API}CustomerKey") or ""
            column = one.findtext(f"{API}Keys/{API}Key/{API}Name")
            key = one.findtext(f"{API}Keys/{API}Key/{API}Value") or ""
            extension = self.sandbox.extensions.get(name)
            if extension is None or extension.primary_key != column:
                told = ("Error", "Invalid data extension or primary key.")
            elif extension.rows.pop(key, None) is None:
                told = ("Error", "The row could not be found.")
            else:
                told = ("OK", "Deleted DataExtensionObject")
            results.append(
                f"<Results><StatusCode>{told[0]}</StatusCode><StatusMessage>{escape(told[1])}"
                f"</StatusMessage><OrdinalID>{number}</OrdinalID></Results>"
            )
        return (
            '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body>'
            f'<DeleteResponse xmlns="{API[1:-1]}">{"".join(results)}</DeleteResponse>'
            "</soap:Body></soap:Envelope>"
        ), len(results)


def _part(path: str) -> str:
    """What a request is about, for faults with `keys`: rows, status, results, events, …"""
    path = urlsplit(path).path
    if path == SOAP:
        return "soap"
    if found := REQUEST.fullmatch(path):
        return found[2]
    names = {EVENTS: "events", f"{EVENTS}/status": "entries", CONTACTS: "contacts"}
    return names.get(path, "rows")


@contextmanager
def served(
    settings: SfmcSettings, folder: Path, customers: Sequence[str]
) -> Iterator[SfmcSettings]:
    """Serve a company's Marketing Cloud for the demo; it has what `madang sync describe` says."""
    from madang.settings.workspace import load_settings
    from madang.sync.spec import load_specs

    with SfmcSandbox(settings.account_id, 0, folder / "sandbox-sfmc.json") as sandbox:
        for spec in load_specs(load_settings(folder / "madang.yml").project_dir):
            if spec.destination == "sfmc" and spec.object == "data_extension":
                key, columns = spec.options.key_column, spec.options.columns
                sandbox.like = Extension({key: None, **columns}, key)
                for extension in sandbox.extensions.values():
                    extension.columns = sandbox.like.columns
        config_secrets.hold(settings.client_id_env, sandbox.client_id)
        config_secrets.hold(settings.client_secret_env, sandbox.client_secret)
        yield settings.model_copy(update={"url": sandbox.url})
