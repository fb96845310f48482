"""The HTTP side: BigQuery's REST paths, uploads, paging, and faults that a test plans."""

import json
import re
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from local_bigquery.catalog import Catalog
from local_bigquery.engine import GoogleSqlError, shared_engine
from local_bigquery.server import api
from local_bigquery.server.errors import BigQueryError, from_engine
from local_bigquery.server.faults import Faults
from local_bigquery.server.jobs import Jobs

PREFIX = re.compile(r"^/(?:resumable/)?(?:upload/)?bigquery/v2|^/upload")


class Answer(NamedTuple):
    body: Any
    status: int = 200
    headers: dict[str, str] | None = None


@dataclass
class Upload:
    """A resumable upload under way."""

    config: dict[str, Any]
    data: bytearray = field(default_factory=bytearray)


class Server(ThreadingHTTPServer):
    """A local BigQuery on a free port of this machine.

    `url` is what clients take as API endpoint.
    """

    daemon_threads = True

    def __init__(self, project: str = "test-project", location: str = "US", port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.catalog = Catalog(shared_engine(), project, location)
        self.jobs = Jobs(self.catalog)
        self.faults = Faults()
        self.uploads: dict[str, Upload] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail(self, path: str, error: BigQueryError | None, times: int = 1) -> None:
        """Let the next `times` requests whose method and path match fail.

        Without `error` the connection is cut.
        """
        self.faults.plan(path, error, times)

    def fail_job(self, job: str, error: BigQueryError, times: int = 1) -> None:
        """Let the next `times` jobs that match be accepted, do nothing and end with `error`.

        `job` is searched in the job's kind with what it is about: "query select …", "load p.d.t",
        "copy p.d.t". Dry runs are no jobs.
        """
        self.jobs.faults.plan(job, error, times)


@contextmanager
def serve(project: str = "test-project", location: str = "US", port: int = 0) -> Iterator[Server]:
    """A running server, stopped at the end."""
    server = Server(project, location, port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request: find its route, answer with JSON, errors in BigQuery's shape."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: apart, each answer waits 40 ms for the client
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a build makes thousands of requests."""

    def answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        query = dict(parse_qsl(parts.query))
        try:
            self.server.faults.strike(f"{self.command} {path}")
            with self.server.catalog.engine.lock:
                self._send(self._route(path, query, data))
        except ConnectionAbortedError:
            self.close_connection = True
        except BigQueryError as error:
            self._send(Answer(error.body(), error.status))
        except GoogleSqlError as error:
            refused = from_engine(str(error), self.server.catalog)
            self._send(Answer(refused.body(), refused.status))
        except Exception as error:  # a fault of this server must not look like one of BigQuery's
            traceback.print_exc()
            refused = BigQueryError(
                f"local server: {type(error).__name__}: {error}", "notImplemented"
            )
            self._send(Answer(refused.body(), refused.status))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def _route(self, path: str, query: dict[str, str], data: bytes) -> Answer:
        if "/upload/" in path or path.startswith("/upload"):
            return self._upload(path, query, data)
        path = PREFIX.sub("", path)
        body = json.loads(data) if data else {}
        for method, pattern, action in api.ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                call = api.Call(self.server.catalog, self.server.jobs, match.groups(), query, body)
                return Answer(action(call))
        raise BigQueryError(
            f"The local server does not know {self.command} {path}", "notImplemented"
        )

    def _upload(self, path: str, query: dict[str, str], data: bytes) -> Answer:
        """A load job with its file: multipart in one request, or resumable in several."""
        if self.command == "PUT":
            return self._upload_chunk(query["upload_id"], data)
        if query.get("uploadType") == "resumable":
            number = uuid.uuid4().hex
            self.server.uploads[number] = Upload(json.loads(data))
            target = f"{self.server.url}/upload{PREFIX.sub('', path)}?upload_id={number}"
            return Answer({}, headers={"Location": target})
        config, media = _multipart(self.headers["Content-Type"], data)
        return Answer(self._load(json.loads(config), media))

    def _upload_chunk(self, number: str, data: bytes) -> Answer:
        upload = self.server.uploads[number]
        upload.data += data
        sent = re.fullmatch(
            r"bytes (?:\d+-(\d+)|\*)/(\d+|\*)", self.headers.get("Content-Range") or ""
        )
        if sent and sent[2] != str(len(upload.data)):
            received = {"Range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
            return Answer({}, 308, received)
        return Answer(self._load(self.server.uploads.pop(number).config, bytes(upload.data)))

    def _load(self, config: dict[str, Any], media: bytes) -> dict[str, Any]:
        project = config["configuration"]["load"]["destinationTable"]["projectId"]
        return self.server.jobs.insert(project, config, media).resource

    def _send(self, answer: Answer) -> None:
        content = b"" if answer.status == 204 else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def _multipart(content_type: str, data: bytes) -> tuple[bytes, bytes]:
    """The two parts of a multipart/related body: the job, and the file byte for byte."""
    boundary = re.search(r"boundary=[\"']?([^\"';]+)", content_type)[1].encode()
    parts = data.split(b"--" + boundary)[1:-1]
    contents = [re.split(rb"\r?\n\r?\n", part, maxsplit=1)[1] for part in parts]
    first, second = (re.sub(rb"\r?\n\Z", b"", content, count=1) for content in contents)
    return first, second
