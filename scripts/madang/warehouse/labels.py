"""What every BigQuery job carries, so that costs and logs can be told apart by command and sync."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

_labels: ContextVar[Mapping[str, str]] = ContextVar("madang_labels", default=MappingProxyType({}))

_marked: dict[str, str] = {}


@contextmanager
def labelled(**labels: str) -> Iterator[None]:
    """Add labels to the jobs that are started inside: `command`, `sync`."""
    token = _labels.set({**_labels.get(), **labels})
    try:
        yield
    finally:
        _labels.reset(token)


def mark(**labels: str) -> None:
    """Add labels to all jobs of the rest of this process, its threads' too."""
    _marked.update(labels)


def current(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the labels of a job: the workspace's own, then Madang's, spelled as Google allows."""
    try:
        running = version("madang")
    except PackageNotFoundError:
        running = "unknown"
    wanted = {**(own or {}), "madang_version": running, **_marked, **_labels.get()}
    return {name: allowed(value) for name, value in wanted.items()}


def allowed(value: str) -> str:
    """Return a label's value with what Google allows: a-z, 0-9, _ and -, at most 63 characters."""
    return re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63]
