"""Keeps the traceback of an error nobody foresaw, in a file instead of on the screen."""

import sys
import tempfile
import traceback
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from madang import private
from madang.config import load_settings
from madang.errors import MadangError


def write_traceback(error: BaseException, config: Path | None) -> Path:
    """Write a traceback to the workspace's logs (else the system's temporary folder)."""
    try:
        folder = load_settings(config).paths.logs
        private.folder(folder)
    except (MadangError, OSError):
        folder = Path(tempfile.gettempdir())
    path = folder / f"error-{datetime.now():%Y%m%dT%H%M%S%f}.log"
    python = sys.version.split()[0]
    lines = [f"madang {version('madang')}, Python {python}: {Path(sys.argv[0]).name}\n\n"]
    lines += traceback.format_exception(error)
    with private.file(path).open("w", encoding="utf-8") as file:
        file.writelines(lines)
    return path
