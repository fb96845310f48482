"""Who is let in: bounds on connections, on headers and on time, below what uvicorn calls a request.

uvicorn bounds headers with its other parser only (h11_max_incomplete_event_size), no connection of
its own has a time for its headers, and its limit of connections counts those that only hold one.
"""

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from madang.receiver.answers import Refused
from madang.receiver.log import say
from madang.settings.receiver import ReceiverSettings

PIECE = MOST_HEAD = 16 * 1024  # bytes of the request line and the headers
MOST_HEADERS = 100
HEAD_SECONDS = 10  # from the connection, or the first byte of a further request, to its last header
REQUEST_SECONDS = 60  # from then on until it is answered and read
LINGER_SECONDS = 5  # in which a refused sender may finish and read why
LOOK_SECONDS = 1
TELL_SECONDS = 60


class Gate:
    """The open connections, and whom to close when there are too many or one takes too long.

    A connection without a request under way (its headers are not complete, or it is idle) makes
    room for a new one, so that holding connections shuts nobody out.
    """

    def __init__(self, settings: ReceiverSettings) -> None:
        self.most = settings.connections
        self.most_of_address = settings.connections_per_address
        # a body in chunks is longer than what it carries
        self.most_bytes = MOST_HEAD + 2 * settings.max_request_kib * 1024
        self._open: dict[Guarded, str] = {}
        self._of_address: Counter[str] = Counter()
        self._closed: Counter[str] = Counter()
        self._told = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def admit(self, one: "Guarded", address: str) -> bool:
        """Let a connection in; False when there is no room and none can be made."""
        if len(self._open) >= self.most:
            fits = self._make_room(None)
        else:
            fits = self._of_address[address] < self.most_of_address or self._make_room(address)
        if not fits:
            self._closed["refused, all others had requests"] += 1
            return False
        self._open[one] = address
        self._of_address[address] += 1
        if self._watch is None:
            self._watch = one.loop.call_later(LOOK_SECONDS, self._look, one.loop)
        return True

    def leave(self, one: "Guarded") -> None:
        """Forget a connection that is closed."""
        address = self._open.pop(one, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def _make_room(self, address: str | None) -> bool:
        """Close one that waits: of the address that has most, half open before idle, the oldest."""
        waiting = [
            (-self._of_address[place], one.head_began is None, number, one)
            for number, (one, place) in enumerate(self._open.items())
            if not one.is_busy and address in (None, place)
        ]
        if not waiting:
            return False
        one = min(waiting)[3]
        self._closed["closed for others, no request under way"] += 1
        self.leave(one)
        one.transport.abort()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for one in list(self._open):
            if late := one.late(now):
                self._closed[late] += 1
        if self._closed and now - self._told >= TELL_SECONDS:
            told = ", ".join(f"{count:,} {why}" for why, count in sorted(self._closed.items()))
            say(f"connections: {told}")
            self._closed.clear()
            self._told = now
        again = self._open or self._closed
        self._watch = loop.call_later(LOOK_SECONDS, self._look, loop) if again else None


class Guarded(HttpToolsProtocol):
    """uvicorn's connection, with bounds. `head_began` is None while no headers are awaited."""

    def __init__(self, *args: Any, gate: Gate, **named: Any) -> None:
        super().__init__(*args, **named)
        self._gate = gate
        self.head_began: float | None = None
        self._request_began: float | None = None
        self._ends_at: float | None = None  # of one that is refused
        self._is_read = True  # the request's last byte has come
        self._bytes = self._head_bytes = self._head_count = 0

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def late(self, now: float) -> str | None:
        """Close the connection when its time is over, and say why."""
        if self._ends_at is not None:
            if now >= self._ends_at:
                self.transport.abort()
        elif self.head_began is not None and now - self.head_began > HEAD_SECONDS:
            if not self._bytes:  # opened ahead, perhaps, by a proxy: nothing to answer
                self.transport.close()
                return None
            self._refuse(408, "too_slow", "Request timeout", "The headers did not arrive in time.")
            return "too slow with their headers"
        elif self._request_began is not None and now - self._request_began > REQUEST_SECONDS:
            self.transport.abort()
            return "too slow with their requests or answers"
        return None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_began = self.loop.time()
        if not self._gate.admit(self, self.client[0] if self.client else ""):
            self._refuse(503, "full", "Service unavailable", "There are too many connections.")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if self._ends_at is not None or self.transport.is_closing():
                return  # what a refused sender still sends is not looked at
            self._take(data[start : start + PIECE] if len(data) > PIECE else data)

    def _take(self, data: bytes) -> None:
        if self._is_read and self.head_began is None:
            self.head_began = self.loop.time()
        super().data_received(data)
        self._bytes += len(data)
        in_head = self.head_began is not None
        if in_head and (self._bytes > MOST_HEAD + PIECE or self._head_bytes > MOST_HEAD):
            self._refuse_head()
        elif self._bytes > self._gate.most_bytes + PIECE:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_read = False
        self._bytes = self._head_bytes = self._head_count = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        self._head_count += 1
        if self._head_bytes <= MOST_HEAD and self._head_count <= MOST_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._head_bytes + len(self.url) > MOST_HEAD or self._head_count > MOST_HEADERS:
            self._refuse_head()
            return
        self.head_began = None
        if self._request_began is None:
            self._request_began = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._ends_at is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_read = True
        if self._ends_at is None:
            super().on_message_complete()
            self._rest()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._rest()

    def _rest(self) -> None:
        if self._is_read and not self.is_busy and not self.pipeline:
            self._request_began = None

    def _refuse_head(self) -> None:
        detail = f"The headers are larger than {MOST_HEAD // 1024} KiB, or more than "
        detail += f"{MOST_HEADERS}."
        self._refuse(431, "headers", "Request header fields too large", detail)

    def _refuse(self, status: int, code: str, title: str, detail: str) -> None:
        """Say why, as a problem, and close soon: at once, what is on its way would be lost."""
        refused = Refused(status, code, title, detail, "Send it again, within the limits.")
        body = refused.body.model_dump_json().encode()
        head = f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\n"
        head += f"Content-Length: {len(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        if not self.is_busy:  # else the answer would stand in the middle of another
            self.transport.write(head.encode() + body)
        self.head_began = None
        self._ends_at = self.loop.time() + LINGER_SECONDS
