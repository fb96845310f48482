"""What the local servers share: threads, a log of requests, answers, connections that break.

Only this machine can reach them. `log` holds no keys, no bodies and no personal data.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

from madang.sandbox.faults import Faults
from madang.sandbox.repeats import Repeats
from madang.settings.workspace import load_settings
from madang.sync.clock import utc_now


def clock_of(folder: Path) -> Callable[[], datetime]:
    """Return the clock of the workspace in a folder, which may be pinned; else this machine's."""
    path = folder / "madang.yml"
    return load_settings(path).now if path.is_file() else utc_now


class LocalServer:
    """A server that runs as a context manager, or alone with `serve` until `stop`.

    `repeats` counts what came again, where a list of what came does not show it already.
    """

    def __init__(self, handler: type["LocalHandler"], port: int) -> None:
        self.faults = Faults()
        self.repeats = Repeats()
        self._log: list[dict[str, Any]] = []
        self._log_lock = threading.Lock()
        bound = type("Handler", (handler,), {"sandbox": self})
        self._server = _Server(("127.0.0.1", port), bound)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._thread = threading.Thread(target=self.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve until `stop` is called from another thread."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()
        self.close()

    def close(self) -> None:
        """Give back what is held besides the socket."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def log(self) -> list[dict[str, Any]]:
        """Return what was asked and answered: no keys, no attributes, no bodies."""
        with self._log_lock:
            return list(self._log)

    def note(self, **entry: Any) -> None:
        with self._log_lock:
            self._log.append({"at": round(time.time(), 3), **entry})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away (or is killed) is no error of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class LocalHandler(BaseHTTPRequestHandler):
    """Answers with JSON, or not at all."""

    sandbox: ClassVar[Any]
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def control(self, body: bytes, views: dict[str, Any]) -> None:
        """Faults: POST sets, GET lists, POST /_sandbox/clear clears. GET shows each view."""
        faults, what = self.sandbox.faults, self.path.removeprefix("/_sandbox/")
        try:
            if what == "faults" and self.command == "POST":
                options = json.loads(body)
                faults.add(options.pop("kind"), **options)
            elif what == "clear" and self.command == "POST":
                faults.clear()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.answer(400, {"message": str(error)})
        views = {"faults": faults.listed, "clear": faults.listed, "log": self.sandbox.log, **views}
        if what not in views:
            return self.answer(404, {"message": f"Known: {', '.join(views)}"})
        return self.answer(200, {what: views[what]()}, noted=False)

    def answer(
        self,
        status: int,
        body: Any,
        headers: dict[str, str] | None = None,
        *,
        objects: int = 0,
        noted: bool = True,
    ) -> None:
        """Answer with JSON, or with text as CSV or XML."""
        if noted:
            path = self.path.split("?")[0]
            self.sandbox.note(path=path, status=status, objects=objects, fault=None)
        is_text = isinstance(body, str)
        content = (body if is_text else json.dumps(body, ensure_ascii=False)).encode()
        kind = "application/json"
        if is_text:
            kind = "text/xml" if body.startswith("<") else "text/csv"
        self.send_response_only(status)
        self.send_header("Date", formatdate(usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def drop(self, fault: str) -> None:
        """Close the connection instead of an answer."""
        path = self.path.split("?")[0]
        self.sandbox.note(path=path, status=None, objects=0, fault=fault)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are noted without personal data, not printed."""
