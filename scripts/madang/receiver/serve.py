"""Starts the receiver and stops it gracefully: what was begun is answered."""

import asyncio
import gc
import importlib.util
import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from madang import private
from madang.health import rights
from madang.receiver import ReceiverError
from madang.receiver.keys import KeyRing
from madang.receiver.kinds import Kind, read_kinds
from madang.receiver.log import say
from madang.settings.workspace import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

PACKAGES = ("starlette", "uvicorn", "httptools")
STOP_SECONDS = 20


def serve(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises ReceiverError for what stops it from starting."""
    require_packages()
    import uvicorn

    from madang.receiver.gate import Gate, Guarded

    private.only_owner()
    rights.tighten(settings)

    kinds = kinds_of(settings)
    listening = _listen(host or settings.receiver.host, _or(port, settings.receiver.port))
    try:
        app = app_of(settings, kinds)
        config = uvicorn.Config(
            app,
            http=partial(Guarded, gate=Gate(settings.receiver)),
            loop="asyncio",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="critical",  # its tracebacks could hold values; ours do not
            server_header=False,
            backlog=256,  # taken in at once, beside the connections there are: open files
            timeout_keep_alive=75,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        address = "http://{}:{}".format(*listening.getsockname()[:2])
        say(f"listening at {address}, taking {', '.join(kinds)}")
        _outlive_signals()
        gc.collect()
        gc.freeze()  # what was made until now stays: collections need not look at it
        sys.setswitchinterval(0.001)  # the writer waits for the interpreter after each statement
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
        say("stopped")
    finally:
        listening.close()


def app_of(settings: Settings, kinds: Mapping[str, Kind]) -> "Starlette":
    """Return the application of a workspace. Raises LoadError when the inbox cannot be opened."""
    from madang.receiver.app import Receiver, build_app
    from madang.receiver.writer import Writer

    keys = KeyRing(settings.paths.receiver_keys)
    if not len(keys):
        say("warning: there is no key yet; make one with 'madang keys add'")
    return build_app(Receiver(kinds, settings.receiver, keys, Writer(settings.paths.received)))


def kinds_of(settings: Settings) -> dict[str, Kind]:
    """Return the kinds of the project. Raises ReceiverError when there are none."""
    kinds = read_kinds(settings.project_dir)
    if not kinds:
        raise ReceiverError(
            "No source says that it is received.",
            where=str(settings.project_dir / "models" / "staging"),
            fix="Add 'receive: <kind>' to config.meta.load of its table in _<source>__sources.yml.",
        )
    return kinds


def require_packages() -> None:
    """Raise ReceiverError when the extra is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ReceiverError(
            f"The receiver needs packages that are not installed: {', '.join(missing)}.",
            fix="pip install 'madang[receiver]'",
        )


def _outlive_signals() -> None:
    """The server stops gracefully at these and raises them again; that must not end us."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def _listen(host: str, port: int) -> socket.socket:
    """Bind. The protocol is named, because asyncio sets TCP_NODELAY only where it is (40 ms)."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        return listening
    except OSError as error:
        raise ReceiverError(
            f"Cannot listen at {host}:{port}: {error.strerror}.",
            fix="Choose another --port, or end the program that has it.",
        ) from error


def _or(given: int | None, default: int) -> int:
    return default if given is None else given
