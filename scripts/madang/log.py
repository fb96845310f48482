"""Keeps the traceback of an error nobody foresaw, in a file instead of on the screen."""

import contextlib
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from madang import private
from madang.errors import MadangError
from madang.settings.workspace import load_settings
from madang.times import in_name


def write_traceback(error: BaseException, config: Path | None) -> Path | None:
    """Write a traceback to the workspace's logs, else to the system's temporary folder.

    Return where it is, or None where neither takes it.
    """
    now, zone, folders = datetime.now(UTC), "UTC", [Path(tempfile.gettempdir())]
    with contextlib.suppress(MadangError, OSError):
        settings = load_settings(config)
        zone, folders = settings.timezone, [settings.paths.logs, *folders]
    python = sys.version.split()[0]
    lines = [f"madang {version('madang')}, Python {python}: {Path(sys.argv[0]).name}\n\n"]
    lines += traceback.format_exception(error)
    for folder in folders:
        path = folder / f"error-{in_name(now, zone)}-{now:%f}.log"
        with contextlib.suppress(OSError):
            private.folder(folder)
            private.file(path).write_text("".join(lines), encoding="utf-8")
            return path
    return None
