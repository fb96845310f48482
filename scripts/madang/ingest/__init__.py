"""Brings files in: reading, mapping by the source YAML, checking every cell, landing raw rows."""

from madang.ingest.errors import FileRefused, LoadError
from madang.ingest.holds import Acceptance, accepted
from madang.ingest.loader import load
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
]
