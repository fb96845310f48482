"""A local Braze: POST /users/track over real HTTP, as strict as the contract, or stricter.

As a context manager it serves from threads of this process; `python -m madang.sandbox.braze`
serves alone. The rules about the content of a request are in `rules.py`; here are those about
keys, rate windows and connections. Only this machine can reach it.
"""

import argparse
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from madang.sandbox.braze_catalogs import Catalogs
from madang.sandbox.braze_messages import Campaigns, Groups
from madang.sandbox.faults import Fault
from madang.sandbox.local import LocalHandler, LocalServer, clock_of
from madang.sandbox.rules import (
    ARRAYS,
    NO_DATA,
    Fatal,
    check_request,
    id_text,
    problem_of_id,
)
from madang.sandbox.users import Users
from madang.settings import secrets as config_secrets
from madang.settings.workspace import load_settings
from madang.sync.clock import utc_now
from madang.sync.destinations.braze.catalogs import CatalogOptions
from madang.sync.destinations.braze.destination import DELETE_NAMES, BrazeSettings
from madang.sync.destinations.braze.look import EMPTY
from madang.sync.spec import load_specs

TRACK = "/users/track"
GROUPS = "/v2/subscription/status/set"
SEND = "/campaigns/trigger/send"
SCHEDULE = "/campaigns/trigger/schedule/create"
CANVAS = "/canvas/trigger/send"
DELETE = "/users/delete"
DELETE_LIMIT = 50  # https://www.braze.com/docs/api/endpoints/user_data/post_user_delete
DEMO_KEY = "demo-key-of-the-local-server"
CATALOGS = "/catalogs"
CATALOG_ITEMS = re.compile(r"/catalogs/([^/?]+)/items")
CATALOG_CALLS = {  # the permission of each call about catalogs
    "GET": "catalogs.get",
    "PUT": "catalogs.replace_items",
    "DELETE": "catalogs.delete_items",
}
PULLS = re.compile(r"/cdi/integrations/([^/?]+)/job_sync_status(?:\?cursor=(.*))?")
PULLS_PERMISSION = "cdi.integration_job_status"
LISTINGS = (50, 60.0)  # requests for the list of catalogs per seconds
RATE_LIMIT = (3000, 3.0)  # requests per seconds: https://www.braze.com/docs/api/api_limits


class RateWindow:
    """Counts requests in windows that end on the clock, whenever the first request came."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._lock = threading.Lock()
        self._window, self._used = -1, 0

    def take(self) -> tuple[bool, dict[str, str]]:
        """Count one request; return whether it may pass, and the headers that tell the state."""
        with self._lock:
            now = time.time()
            window = int(now // self.seconds)
            if window != self._window:
                self._window, self._used = window, 0
            self._used += 1
            return self._used <= self.limit, self._headers((window + 1) * self.seconds)

    def exhausted(self, seconds: float) -> dict[str, str]:
        """Return the headers of a window that is used up for `seconds` more."""
        return {**self._headers(time.time() + seconds), "X-RateLimit-Remaining": "0"}

    def _headers(self, ends_at: float) -> dict[str, str]:
        # Reset is in whole epoch seconds; no Retry-After is documented, so none is sent
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self._used)),
            "X-RateLimit-Reset": str(-int(-ends_at // 1)),
        }


class BrazeSandbox(LocalServer):
    """The server. `users()`, `writes()`, `log()` and `faults` are for whoever looks at it.

    `objects_limit`: 50 (MAU contracts) or 75 objects a request, all arrays together.
    `state_path`: an SQLite file that keeps the users between runs; None keeps them in memory.
    `permissions`: what the key may call; None is everything. `groups`: the subscription groups that
    there are; None takes every id. `clock`: the moment now.
    `control`: serve `/_sandbox/…` too, so that another process can set faults and look.
    """

    def __init__(
        self,
        port: int = 0,
        key: str = "sandbox-key",
        state_path: Path | None = None,
        *,
        objects_limit: int = 50,
        rate_limit: tuple[int, float] = RATE_LIMIT,
        groups: frozenset[str] | None = None,
        permissions: frozenset[str] | None = None,
        clock: Callable[[], datetime] = utc_now,
        control: bool = False,
    ) -> None:
        super().__init__(_Handler, port)
        self.key = key
        self.permissions = permissions
        self.objects_limit = objects_limit
        self.control = control
        self.window = RateWindow(*rate_limit)
        self.store = Users(state_path)
        self.groups = Groups(self.store, groups)
        self.campaigns = Campaigns(self.store)
        self.catalogs = Catalogs()
        self.listings = RateWindow(*LISTINGS)
        self.integrations: dict[str, Any] = {}  # of Cloud Data Ingestion, by id (braze_cdi)
        self.clock = clock

    def close(self) -> None:
        self.store.close()

    def users(self) -> dict[str, dict[str, Any]]:
        """Return every user's attributes by external_id."""
        return self.store.all()

    def events(self) -> list[dict[str, Any]]:
        """Return the custom events, each with its user."""
        return self.store.tracked("events")

    def purchases(self) -> list[dict[str, Any]]:
        """Return the purchases, each with its user."""
        return self.store.tracked("purchases")

    def writes(self) -> dict[str, int]:
        """Return how many objects were processed for each user since the start."""
        return self.store.writes()


class _Handler(LocalHandler):
    sandbox: ClassVar[BrazeSandbox]

    def do_POST(self) -> None:
        body = self.body()
        if self.path.startswith("/_sandbox/") and self.sandbox.control:
            self._control(body)
        elif self._is_authorised() and not self._may_call():
            self.answer(403, {"message": f"The key may not call {self.path}"})
        elif self.path == TRACK:
            self._track(body)
        elif self.path == DELETE:
            self._delete(body)
        elif self.path in (GROUPS, SEND, SCHEDULE, CANVAS):
            self._answered(body)
        else:
            self.answer(404, {"message": "Not Found"})

    def do_GET(self) -> None:
        if self.path.startswith("/_sandbox/") and self.sandbox.control:
            self._control(b"")
        elif self.path == CATALOGS:
            self._catalogs(b"")
        elif found := PULLS.fullmatch(self.path):
            self._pulls(found[1], found[2])
        else:
            self.answer(404, {"message": "Not Found"})

    def _pulls(self, integration: str, cursor: str | None) -> None:
        """List the pulls of an integration."""
        sandbox = self.sandbox
        if not self._is_authorised():
            return self.answer(401, {"message": "Invalid API key"})
        if sandbox.permissions is not None and PULLS_PERMISSION not in sandbox.permissions:
            return self.answer(403, {"message": f"The key may not call {self.path}"})
        if integration not in sandbox.integrations:
            return self.answer(400, {"message": "Invalid integration ID"})
        if cursor is not None and not cursor.isdecimal():
            return self.answer(400, {"message": "Invalid cursor"})
        first = int(cursor or 0)
        pulls, has_more = sandbox.integrations[integration].page(first)
        there = f"</cdi/integrations/{integration}/job_sync_status?cursor="
        headers = {"Link": f'{there}{first + len(pulls)}>; rel="next"'} if has_more else {}
        return self.answer(200, {"results": pulls, "message": "success"}, headers)

    def do_PUT(self) -> None:
        self._catalogs(self.body())

    def do_DELETE(self) -> None:
        self._catalogs(self.body())

    def _catalogs(self, body: bytes) -> None:
        """List the catalogs, or replace or delete items of one."""
        sandbox = self.sandbox
        if not self._is_authorised():
            return self.answer(401, {"message": "Invalid API key"})
        allowed = sandbox.permissions
        if allowed is not None and CATALOG_CALLS[self.command] not in allowed:
            return self.answer(403, {"message": f"The key may not call {self.path}"})
        faults = {fault.kind: fault for fault in sandbox.faults.next(_ids_of_items(body))}
        if self._is_troubled(faults, {}):
            return None
        if self.command == "GET":
            passes, headers = sandbox.listings.take()
            if not passes:
                return self.answer(429, {"message": "Rate limit exceeded"}, headers)
            return self.answer(*sandbox.catalogs.listed())
        found = CATALOG_ITEMS.fullmatch(self.path)
        if found is None:
            return self.answer(404, {"message": "Not Found"})
        if "fatal" in faults:
            return self.answer(400, {"message": "Invalid Request"})
        deletes = self.command == "DELETE"
        answer = sandbox.catalogs.write(found[1], body, deletes=deletes)
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(*answer, objects=len(_ids_of_items(body)))

    def _delete(self, body: bytes) -> None:
        """Delete users by ids of one kind; who is not known is passed over."""
        if not self._is_authorised():
            return self.answer(401, {"message": "Invalid API key"})
        faults = {fault.kind: fault for fault in self.sandbox.faults.next(_keys(body))}
        if self._is_troubled(faults, {}):
            return None
        try:
            ((name, ids),) = json.loads(body).items()
            kind = next(kind for kind, plural in DELETE_NAMES.items() if plural == name)
            good = 0 < len(ids) <= DELETE_LIMIT and isinstance(ids, list)
            if kind == "email":  # with the user that is meant of several
                asked = [{kind: one["email"]} for one in ids if one["prioritization"]]
            else:
                asked = [{kind: one} for one in ids]
            good = good and len(asked) == len(ids) and not any(map(problem_of_id, asked))
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            return self.answer(400, {"message": "'external_ids' is required"})
        if not good:
            return self.answer(400, {"message": f"'{name}' must be 1 to {DELETE_LIMIT} ids"})
        deleted = self.sandbox.store.delete(asked)
        return self.answer(200, {"deleted": deleted, "message": "success"}, objects=len(ids))

    def _answered(self, body: bytes) -> None:
        """Set subscription groups, or trigger a campaign."""
        if not self._is_authorised():
            return self.answer(401, {"message": "Invalid API key"})
        sandbox = self.sandbox
        faults = {fault.kind: fault for fault in sandbox.faults.next(_recipients(body))}
        if self._is_troubled(faults, {}):
            return None
        try:
            if "fatal" in faults:
                raise Fatal(400, "One of the users is not valid")
            if self.path == GROUPS:
                count, answer = sandbox.groups.set(body), {"message": "success"}
            else:
                kind = {SCHEDULE: "schedule", CANVAS: "canvas"}.get(self.path, "campaign")
                answer = sandbox.campaigns.trigger(body, sandbox.clock(), kind)
                count = len(json.loads(body)["recipients"])
        except Fatal as fatal:
            return self.answer(fatal.status, {"message": fatal.message})
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(201, answer, objects=count)

    def _is_troubled(self, faults: dict[str, Fault], headers: dict[str, str]) -> bool:
        """Do what a fault wants instead of an answer."""
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "drop_before" in faults:
            self.drop("drop_before")
        elif "rate_limit" in faults:
            headers = self.sandbox.window.exhausted(faults["rate_limit"].seconds)
            self.answer(429, {"message": "Rate limit exceeded"}, headers)
        elif "status" in faults:
            status = faults["status"].status
            self.answer(status, {"message": HTTPStatus(status).phrase}, headers)
        else:
            return False
        return True

    def _track(self, body: bytes) -> None:
        sandbox = self.sandbox
        passes, headers = sandbox.window.take()
        if not passes:
            return self.answer(429, {"message": "Rate limit exceeded"}, headers)
        if not self._is_authorised():
            # Braze repeats the key that it was given; a client must not pass that on
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return self.answer(401, {"message": f"Invalid API key: {given}"}, headers)
        faults = {fault.kind: fault for fault in sandbox.faults.next(_keys(body))}
        if self._is_troubled(faults, headers):
            return None
        try:
            if "fatal" in faults:
                raise Fatal(400, "One of the objects is not valid")
            answer, objects = self._process(body, faults)
        except Fatal as fatal:
            answer = {"message": fatal.message}
            if fatal.errors:
                answer["errors"] = fatal.errors
            return self.answer(fatal.status, answer, headers)
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(201, answer, headers, objects=objects)

    def _process(self, body: bytes, faults: dict[str, Fault]) -> tuple[dict[str, Any], int]:
        """Store what may be stored and return the 201's body and the number of objects."""
        sandbox = self.sandbox
        checked = check_request(self.headers.get("Content-Type", ""), body, sandbox.objects_limit)
        good = {name: getattr(checked, name) for name in ARRAYS}
        errors = checked.errors
        for kind in ("reject", "reject_vaguely"):
            if kind in faults:
                good, refused = _refuse(json.loads(body), good, faults[kind].keys)
                errors = errors + (refused if kind == "reject" else ["An object is not valid"])
        if not any(good.values()):
            raise Fatal(400, NO_DATA, errors)
        sandbox.store.apply(good["attributes"])
        for name in ("events", "purchases"):
            sandbox.store.track(name, good[name])
        answer: dict[str, Any] = {"message": "success"}
        answer |= {f"{name}_processed": len(found) for name, found in good.items() if found}
        if errors:
            answer["errors"] = errors
        return answer, sum(map(len, good.values()))

    def _may_call(self) -> bool:
        allowed = self.sandbox.permissions
        paths = {path: permission for permission, (path, _) in EMPTY.items()}
        return allowed is None or self.path not in paths or paths[self.path] in allowed

    def _is_authorised(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.sandbox.key}"

    def _control(self, body: bytes) -> None:
        sandbox = self.sandbox
        views = {
            name: getattr(sandbox, name) for name in ("users", "events", "purchases", "writes")
        }
        views |= {"groups": sandbox.groups.states, "messages": sandbox.campaigns.sent}
        views |= {"catalogs": sandbox.catalogs.items}
        self.control(body, views)


def _keys(body: bytes) -> set[str]:
    """The ids of a request's users and the ids of its events, as far as it can be read."""
    try:
        objects = [one for found in json.loads(body).values() for one in found]
        return {name for one in objects for name in _names(one)}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return set()


def _recipients(body: bytes) -> set[str]:
    """The ids of users in a request about subscriptions or messages, as far as it can be read."""
    try:
        asked = json.loads(body)
        found = [
            value
            for entry in asked.get("subscription_groups", [])
            for name in ("external_ids", "emails", "phones")
            for value in entry.get(name, [])
        ]
        return {*found, *(str(one.get("external_user_id")) for one in asked.get("recipients", []))}
    except (ValueError, TypeError, AttributeError):
        return set()


def _ids_of_items(body: bytes) -> set[str]:
    """The ids of a request's items, as far as it can be read."""
    try:
        return {str(one["id"]) for one in json.loads(body)["items"]}
    except (ValueError, KeyError, TypeError):
        return set()


def _names(one: dict[str, Any]) -> set[str]:
    return {id_text(one), str(one.get("properties", {}).get("event_id"))}


def _refuse(
    sent: dict[str, list[dict]], good: dict[str, list[dict]], keys: tuple[str, ...]
) -> tuple[dict[str, list[dict]], list[dict]]:
    """Split the good objects by key; return those left and an error for each refused one."""
    left = {
        name: [one for one in found if not _names(one) & set(keys)] for name, found in good.items()
    }
    refused = [
        {"type": f"'{name[:-1]}' is not valid", "input_array": name, "index": index}
        for name in ARRAYS
        for index, one in enumerate(sent.get(name, []))
        if one in good[name] and _names(one) & set(keys)
    ]
    return left, refused


@contextmanager
def served(
    settings: BrazeSettings, folder: Path, customers: Sequence[str]
) -> Iterator[BrazeSettings]:
    """Serve a company's Braze for the demo; give the settings that lead to it.

    As where app and shop report to Braze, every customer number has a profile there, and the
    catalogs that syncs fill are made.
    """
    key = config_secrets.hold(settings.key_env, DEMO_KEY)
    state, clock = folder / "sandbox.sqlite", clock_of(folder)
    with BrazeSandbox(0, key, state, clock=clock) as sandbox:
        sandbox.store.create(customers)
        make_catalogs(sandbox, folder)
        yield settings.model_copy(update={"url": sandbox.url})


def make_catalogs(sandbox: BrazeSandbox, folder: Path) -> None:
    """Make the catalogs that the syncs of a workspace fill, with the fields that they declare."""
    path = folder / "madang.yml"
    specs = load_specs(load_settings(path).project_dir) if path.is_file() else []
    for options in [one.options for one in specs if isinstance(one.options, CatalogOptions)]:
        fields = {name: told.type for name, told in options.fields.items()}
        sandbox.catalogs.create(options.catalog, fields)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted. The key is in an environment variable, never on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m madang.sandbox.braze", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=8741, help="0 takes a free one")
    parser.add_argument("--key-env", default="MADANG_BRAZE_KEY", metavar="NAME")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the users in this file")
    parser.add_argument("--objects-limit", type=int, default=50)
    parser.add_argument("--control", action="store_true", help="serve /_sandbox/ too")
    options = parser.parse_args(arguments)
    key = os.environ.get(options.key_env)
    if not key:
        parser.error(f"the environment variable {options.key_env} is not set")
    try:
        sandbox = BrazeSandbox(
            options.port,
            key,
            options.state,
            objects_limit=options.objects_limit,
            control=options.control,
        )
    except OSError as error:
        parser.error(f"cannot serve on port {options.port}: {error.strerror}")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=sandbox.stop).start())
    print(f"The local Braze listens on {sandbox.url}", flush=True)
    try:
        sandbox.serve()
    except KeyboardInterrupt:
        sandbox.store.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
