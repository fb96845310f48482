"""Brings files in: reading, mapping by the source YAML, checking every cell, landing raw rows."""

from madang.ingest.errors import FileRefused, LoadError
from madang.ingest.loader import load
from madang.ingest.report import FileReport, LoadReport, ProblemGroup

__all__ = ["FileRefused", "FileReport", "LoadError", "LoadReport", "ProblemGroup", "load"]
