"""A server that answers with the bytes that it is told to, however wrong they are."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Act = Callable[[socket.socket, bytes], None]


def answering(*parts: bytes, every: float = 0) -> Act:
    """An answer of these bytes, with a pause before each part after the first."""

    def act(connection: socket.socket, _: bytes) -> None:
        for number, part in enumerate(parts):
            time.sleep(every if number else 0)
            connection.sendall(part)

    return act


def whole(body: bytes, status: str = "201 Created", *headers: str) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def hostile(act: Act) -> Iterator[tuple[str, list[bytes]]]:
    """Serve on this machine; give the address and the requests that came, heads and bodies."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    while request := _request(connection):
                        asked.append(request)
                        act(connection, request)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
