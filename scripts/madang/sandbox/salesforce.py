"""A local Salesforce: OAuth tokens, describe, queries over REST and query jobs of Bulk API 2.0.

As a context manager it serves from threads of this process; `python -m madang.sandbox.salesforce`
serves alone, with records from a JSON file. Only this machine can reach it.
"""

import argparse
import json
import os
import re
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from madang.sandbox import salesforce_records
from madang.sandbox.faults import Fault
from madang.sandbox.local import LocalHandler, LocalServer
from madang.sandbox.org import Org, Refused
from madang.sandbox.salesforce_ingest import LISTS, Ingest
from madang.sandbox.salesforce_queries import Queries, QueryJob

TOKEN = "/services/oauth2/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_JWT = 300  # seconds
CANNOT_WRITE = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


class SalesforceSandbox(LocalServer):
    """The server. `org` holds the records; `log()` and `faults` are for whoever looks at it.

    `page_rows`: rows of a page over REST. `calls`: the org's API calls of 24 hours. `job_looks`: a
    job is ready when it was looked at so often. `public_key`: PEM, to take signed JWTs with.
    """

    def __init__(
        self,
        port: int = 0,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",
        *,
        org: Org | None = None,
        page_rows: int = 2000,
        calls: int = 100_000,
        job_looks: int = 1,
        public_key: bytes | None = None,
        control: bool = False,
    ) -> None:
        super().__init__(_Handler, port)
        self.client_id, self.client_secret = client_id, client_secret
        self.org = org or Org()
        self.ingest = Ingest(self.org)
        self.queries = Queries(self.org, page_rows)
        self.calls, self.job_looks = calls, job_looks
        self.public_key = public_key
        self.control = control
        self.used = 0
        self.tokens: set[str] = set()


class _Handler(LocalHandler):
    sandbox: ClassVar[SalesforceSandbox]

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.body()
        if self.path.startswith("/_sandbox/") and self.sandbox.control:
            return self.control(body, {})
        asked = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(asked.query).items()}
        parts = asked.path.strip("/").split("/")[3:]
        keys = self._keys(asked.path, parts, params, body)
        faults = {fault.kind: fault for fault in self.sandbox.faults.next(keys)}
        if self._is_troubled(faults):
            return None
        try:
            status, answer, headers = self._answered(asked.path, parts, params, body, faults)
        except Refused as refused:
            status, answer, headers = refused.status, refused.body, {}
        if "drop_after" in faults:
            return self.drop("drop_after")
        usage = f"api-usage={self.sandbox.used}/{self.sandbox.calls}"
        return self.answer(status, answer, {"Sforce-Limit-Info": usage, **headers})

    def _is_troubled(self, faults: dict[str, Fault]) -> bool:
        """Do what a fault wants instead of an answer."""
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "expire" in faults:
            self.sandbox.tokens.clear()
        if "drop_before" in faults:
            self.drop("drop_before")
        elif "rate_limit" in faults:
            headers = {"Retry-After": str(faults["rate_limit"].seconds)}
            self.answer(429, [{"errorCode": "TOO_MANY_REQUESTS", "message": ""}], headers)
        elif "status" in faults:
            status = faults["status"].status
            self.answer(status, [{"errorCode": "", "message": HTTPStatus(status).phrase}])
        elif "request_lock" in faults:
            message = "UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record"
            self.answer(400, [{"errorCode": CANNOT_WRITE, "message": message}])
        elif "limit" in faults:
            error = {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests exceeded."}
            self.answer(403, [error])
        else:
            return False
        return True

    def _keys(self, path: str, parts: list[str], params: dict[str, str], body: bytes) -> set[str]:
        """What a request is about, for faults: its kind, and its object where it names one."""
        if path == TOKEN:
            return {"token"}
        match parts:
            case ["sobjects", name, "describe"]:
                return {"describe", name}
            case ["composite", "sobjects", name, _]:
                return {"upsert", name}
            case ["composite", "sobjects"]:
                kinds = {"POST": "insert", "PATCH": "update", "DELETE": "delete"}
                return {kinds.get(self.command, "")}
            case ["sobjects", name]:
                return {"make", name}
            case ["query" | "queryAll"]:
                return {"query", *params.get("q", "").split()}
            case ["query" | "queryAll", _]:
                return {"more"}
            case ["jobs", "ingest", *what]:
                kinds = {"POST": "ingest", "PUT": "upload", "PATCH": "close", "GET": "look"}
                return {kinds.get(self.command, ""), *what[1:]}
            case ["jobs", "query", job, "results"]:
                return {"results", *_object(self.sandbox.queries.jobs.get(job))}
            case ["jobs", "query", *job]:
                words = re.findall(r"\w+", body.decode()) if not job else ()
                return {
                    "job",
                    *words,
                    *_object(self.sandbox.queries.jobs.get(job[0]) if job else None),
                }
        return set()

    def _answered(
        self,
        path: str,
        parts: list[str],
        params: dict[str, str],
        body: bytes,
        faults: dict[str, Fault],
    ) -> tuple[int, Any, dict[str, str]]:
        if path == TOKEN and self.command == "POST":
            return self._token({k: v[0] for k, v in parse_qs(body.decode()).items()})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.sandbox.tokens:
            raise Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        self.sandbox.used += 1
        version = path.split("/")[3]
        queries, is_short = self.sandbox.queries, "short" in faults
        match self.command, parts:
            case "GET", []:
                return 200, {"query": f"{path}/query", "sobjects": f"{path}/sobjects"}, {}
            case "GET", ["sobjects", name, "describe"]:
                return 200, self.sandbox.org.describe(name), {}
            case "GET", [("query" | "queryAll") as kind]:
                deleted, text = kind == "queryAll", params.get("q", "")
                page = queries.first_page(text, version, deleted=deleted, is_short=is_short)
                return 200, page, {}
            case "GET", ["query" | "queryAll", cursor]:
                return 200, queries.page(cursor, version), {}
            case "POST", ["jobs", "query"]:
                job = queries.make(
                    json.loads(body), self.sandbox.job_looks, is_failing="job_failed" in faults
                )
                return 200, job.told(), {}
            case "GET", ["jobs", "query", job]:
                return 200, queries.look(queries.known(job)).told(), {}
            case "GET", ["jobs", "query", job, "results"]:
                return 200, *queries.results(queries.known(job), params, is_short=is_short)
            case "PATCH", ["composite", "sobjects", name, field]:
                told = self.sandbox.org.upsert(name, field, json.loads(body), _locked(faults))
                return 200, told, {}
            case ("POST" | "PATCH") as method, ["composite", "sobjects"]:
                found = salesforce_records.write(
                    self.sandbox.org, method, json.loads(body), _locked(faults)
                )
                return 200, found, {}
            case "DELETE", ["composite", "sobjects"]:
                ids = params.get("ids", "")
                return 200, salesforce_records.delete(self.sandbox.org, ids, _locked(faults)), {}
            case "POST", ["sobjects", name]:
                one = {"attributes": {"type": name}, **json.loads(body)}
                return 201, salesforce_records.insert(self.sandbox.org, one, _locked(faults)), {}
            case "POST", ["jobs", "ingest"]:
                looks = 1_000_000 if "never_ends" in faults else self.sandbox.job_looks
                return 200, self.sandbox.ingest.make(json.loads(body), looks).told(version), {}
            case "PUT", ["jobs", "ingest", job, "batches"]:
                kind = self.headers.get("Content-Type", "")
                self.sandbox.ingest.upload(self.sandbox.ingest.known(job), body, kind)
                return 201, "", {}
            case "PATCH", ["jobs", "ingest", job]:
                found, wanted = self.sandbox.ingest.known(job), json.loads(body).get("state")
                is_failing = "job_failed" in faults
                self.sandbox.ingest.change(found, wanted, is_failing, _locked(faults))
                return 200, found.told(version), {}
            case "GET", ["jobs", "ingest", job]:
                found = self.sandbox.ingest.known(job)
                return 200, self.sandbox.ingest.look(found).told(version), {}
            case "GET", ["jobs", "ingest", job, what] if what in LISTS:
                found = self.sandbox.ingest.known(job)
                return 200, self.sandbox.ingest.results(found, what), {}
            case "DELETE", ["jobs", "query", job]:
                del queries.jobs[queries.known(job).job_id]
                return 204, "", {}
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _token(self, form: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        sandbox = self.sandbox
        if form.get("grant_type") == "client_credentials":
            given = (form.get("client_id"), form.get("client_secret"))
            good = given == (sandbox.client_id, sandbox.client_secret)
        else:
            good = form.get("grant_type") == JWT_GRANT and self._is_signed(form.get("assertion"))
        if not good:
            return 400, {"error": "invalid_client", "error_description": "invalid credentials"}, {}
        token = secrets.token_urlsafe(24)
        sandbox.tokens.add(token)
        told = {"access_token": token, "instance_url": sandbox.url, "token_type": "Bearer"}
        return 200, told, {}

    def _is_signed(self, assertion: str | None) -> bool:
        import jwt

        try:
            claims = jwt.decode(
                assertion or "",
                self.sandbox.public_key or b"",
                algorithms=["RS256"],
                audience=["https://login.salesforce.com", "https://test.salesforce.com"],
                issuer=self.sandbox.client_id,
                options={"require": ["exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError):
            return False
        return claims["exp"] <= time.time() + LONGEST_JWT


def _locked(faults: dict[str, Fault]) -> set[str]:
    return set(faults["row_lock"].rows) if "row_lock" in faults else set()


def _object(job: QueryJob | None) -> list[str]:
    return [job.object] if job else []


@contextmanager
def served(settings: Any, folder: Path, customers: Sequence[str]) -> Iterator[Any]:
    """Not of the demo: its Salesforce comes as files, and `salesforce:` says which org it is."""
    yield settings


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted. The secret is in an environment variable, never in the command."""
    parser = argparse.ArgumentParser(
        prog="python -m madang.sandbox.salesforce", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=8742, help="0 takes a free one")
    parser.add_argument("--client-id-env", default="MADANG_SALESFORCE_CLIENT_ID", metavar="NAME")
    parser.add_argument("--secret-env", default="MADANG_SALESFORCE_CLIENT_SECRET", metavar="NAME")
    parser.add_argument("--records", type=Path, metavar="FILE", help="JSON: records by object")
    parser.add_argument("--control", action="store_true", help="serve /_sandbox/ too")
    options = parser.parse_args(arguments)
    given = [os.environ.get(name) for name in (options.client_id_env, options.secret_env)]
    if not all(given):
        parser.error(f"set {options.client_id_env} and {options.secret_env}")
    try:
        sandbox = SalesforceSandbox(options.port, *given, control=options.control)
    except OSError as error:
        parser.error(f"cannot serve on port {options.port}: {error.strerror}")
    if options.records:
        print(f"{sandbox.org.read(options.records):,} records", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=sandbox.stop).start())
    print(f"The local Salesforce listens on {sandbox.url}", flush=True)
    try:
        sandbox.serve()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
