"""Who may read what of a workspace: what holds personal data is its owner's alone.

What is published (marts, pages) is for others where `publish.readable_by` says so.
"""

import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from madang import private, scratch, ui
from madang.settings.workspace import Settings

FOLDERS = ("rejects", "plans", "logs", "decisions", "scratch")
PUBLISHED = ("marts", "site")
FILES = ("journal", "received", "receiver_keys")
BESIDE = ("", "-wal", "-shm", ".lock", ".wal")
#: What `publish.readable_by` adds to the owner's rights, of files and of folders.
ADDED = {"owner": (0, 0), "group": (0o040, 0o050), "everyone": (0o044, 0o055)}


@dataclass(frozen=True)
class Loose:
    """A file or folder with more rights than `mode`; `place` is the setting or file it is under."""

    path: Path
    place: str
    mode: int
    is_ours: bool


def loose(settings: Settings) -> Iterator[Loose]:
    """Find what others may read and should not. A folder outside of the workspace may be shared
    with other programs: it stays as it is, and so does all in it but the files named by a setting.
    """
    paths = settings.paths
    for path in (settings.warehouse.path, *(getattr(paths, name) for name in FILES)):
        for end in BESIDE:
            yield from _loose(Path(f"{path}{end}"), path.name, private.FILE)
    folders = [(getattr(paths, name), "owner") for name in FOLDERS]
    folders += [(settings.root / "erasures", "owner")]
    folders += [(getattr(paths, name), settings.publish.readable_by) for name in PUBLISHED]
    for folder, readable_by in folders:
        if folder == settings.root or not folder.is_relative_to(settings.root):
            continue
        file_mode, folder_mode = modes(readable_by)
        yield from _loose(folder, folder.name, folder_mode)
        for place, names, files in os.walk(folder):
            for name in names:
                yield from _loose(Path(place, name), folder.name, folder_mode)
            for name in files:
                yield from _loose(Path(place, name), folder.name, file_mode)


def modes(readable_by: str) -> tuple[int, int]:
    """Return the modes of files and folders for those who may read them."""
    file, folder = ADDED[readable_by]
    return private.FILE | file, private.FOLDER | folder


def tighten(settings: Settings) -> None:
    """Take the rights of others away where they are too wide, and say so in one line."""
    changed: Counter[str] = Counter()
    for one in loose(settings):
        if one.is_ours:
            with suppress(OSError):
                one.path.chmod(one.mode)
                changed[one.place] += 1
    if changed:
        told = ", ".join(f"{place} ({count})" for place, count in changed.items())
        ui.line(f"Others could read what may hold personal data; no longer: {told}.")


def share(settings: Settings, folder: Path) -> None:
    """Give a published folder and its files the rights that `publish.readable_by` names.

    The folders above it in the workspace can be passed through then, and not listed.
    """
    file_mode, folder_mode = modes(settings.publish.readable_by)
    folder.chmod(folder_mode)
    for above in folder.parents:
        if above == settings.root or not above.is_relative_to(settings.root):
            break
        above.chmod(stat.S_IMODE(above.stat().st_mode) | folder_mode & 0o011)
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            path.chmod(file_mode)


def sweep(settings: Settings) -> None:
    """Remove what killed commands left. Only under the lock of the workspace: whoever else writes
    these files holds it.
    """
    parts = scratch.sweep(settings.paths.scratch)
    left = [
        path
        for folder in (settings.paths.rejects, settings.paths.marts, settings.root / "erasures")
        for path in folder.glob(".*.partial")
    ]
    left += settings.paths.plans.glob("*/.*.partial")
    for path in left:
        path.unlink(missing_ok=True)
    if parts or left:
        ui.line(f"Removed what killed commands left: {parts + len(left)} files and folders.")


def older_scratch() -> list[Path]:
    """Return what killed loads of earlier versions left in the system's temporary folder."""
    folder = Path(tempfile.gettempdir())
    names = ("madang-load-*", "madang-pull-*", "madang-propose-*")
    found = [path for name in names for path in folder.glob(name)]
    return sorted(path for path in found if path.lstat().st_uid == os.geteuid())


def _loose(path: Path, place: str, mode: int) -> Iterator[Loose]:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        return
    if stat.S_IMODE(found.st_mode) & 0o077 & ~mode:
        kept = stat.S_IMODE(found.st_mode) & (mode | 0o700)
        yield Loose(path, place, kept, found.st_uid == os.geteuid())
