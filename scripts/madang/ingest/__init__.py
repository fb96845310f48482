"""Brings files in: reading, mapping by the source YAML, checking every cell, landing raw rows."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from madang.ingest.errors import FileRefused, LoadError
    from madang.ingest.landing.holds import Acceptance, accepted
    from madang.ingest.loader import load, load_received
    from madang.ingest.report import FileReport, LoadReport, ProblemGroup

__all__ = [
    "Acceptance",
    "FileRefused",
    "FileReport",
    "LoadError",
    "LoadReport",
    "ProblemGroup",
    "accepted",
    "load",
    "load_received",
]
# Imported when asked for: the process that reads binary files begins with a part of this room.
_MODULES = {
    "Acceptance": "landing.holds",
    "FileRefused": "errors",
    "FileReport": "report",
    "LoadError": "errors",
    "LoadReport": "report",
    "ProblemGroup": "report",
    "accepted": "landing.holds",
    "load": "loader",
    "load_received": "loader",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
