"""Which files there are, and which source each one belongs to."""

import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from madang.errors import did_you_mean
from madang.ingest.errors import FileRefused, LoadError, NothingToLoad
from madang.ingest.tables import SourceTable
from madang.names import shown

# What Excel, browsers and systems leave behind; never data.
DEBRIS = (".*", "~$*", "*.tmp", "*.part", "*.crdownload", "thumbs.db", "desktop.ini")


def find_files(inbox: Path, paths: Sequence[Path] | None = None) -> list[Path]:
    """Return the files to load, sorted by path: the whole inbox, or the given files and folders.

    Raises LoadError (exit code 2) when the inbox or a path is missing, NothingToLoad when there is
    no file at all.
    """
    if paths is None:
        if not inbox.is_dir():
            raise _wrong_use(
                "There is no inbox folder.",
                where=str(inbox),
                fix="Create it with one folder a source (crm, consent, offline, shop), "
                "or correct paths.inbox in madang.yml.",
            )
        paths = [inbox]
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise _wrong_use("There is no such file or folder.", where=str(path))
        inside = [path] if path.is_file() else [p for p in path.rglob("*") if _is_file(p)]
        found += [p for p in inside if not _is_debris(p, path)]
    if not found:
        raise NothingToLoad(
            "There is no file to load.",
            where=", ".join(map(str, paths)),
            fix=f"Put a file into a source's folder, such as {inbox / 'crm'}.",
        )
    return sorted(dict.fromkeys(found), key=lambda path: _folded(path.as_posix()))


def _wrong_use(message: str, *, where: str, fix: str | None = None) -> LoadError:
    error = LoadError(message, where=where, fix=fix)
    error.exit_code = 2
    return error


def name_in(inbox: Path, path: Path) -> str:
    """Return a file's name for reports: its path below the inbox, else its own name.

    What cannot be seen of it is written out, so that it is one line of any text.
    """
    inside = _below(inbox, path)
    return shown(unicodedata.normalize("NFC", inside.as_posix() if inside else path.name))


def source_of(path: Path, inbox: Path, tables: Sequence[SourceTable]) -> SourceTable:
    """Return the table that a file belongs to.

    Inside the inbox the whole relative path must match a glob. Elsewhere the folder's name is the
    source, or the name matches the last part of a glob, best one with a prefix such as `orders*`.
    Raises FileRefused when none or several do.
    """
    inside = _below(inbox, path)
    if inside:
        name = _folded(inside.as_posix()).removesuffix(".gz")
        matching = [t for t in tables if any(_matches(name, glob) for glob in t.files)]
    else:
        name = _folded(path.name).removesuffix(".gz")
        globs = {t.label: [g for g in t.files if _matches_name(name, g)] for t in tables}
        by_name = [t for t in tables if globs[t.label]]
        by_prefix = [t for t in by_name if any(_has_prefix(g) for g in globs[t.label])]
        own = [t for t in tables if t.source == _folded(path.absolute().parent.name)]
        matching = [t for t in own if t in by_name] or own or by_prefix or by_name
    if len(matching) == 1:
        return matching[0]
    if matching:
        several = ", ".join(t.label for t in matching)
        raise FileRefused(
            f"The file could belong to several sources: {several}.",
            fix="Put it into the folder of its source.",
        )
    raise FileRefused("The file belongs to no source.", fix=_nearest(path, inside, tables))


def _nearest(path: Path, inside: PurePath | None, tables: Sequence[SourceTable]) -> str:
    """Say which names would match, those of the file's own folder first."""
    folder = inside.parts[0] if inside and len(inside.parts) > 1 else path.parent.name
    own = [glob for table in tables if table.source == folder for glob in table.files]
    if own:
        return f"In this folder files are named: {', '.join(own)}."
    sources = sorted({table.source for table in tables})
    hint = did_you_mean(folder, sources)
    return f"Move it into a source's folder ({', '.join(sources)}).{hint}"


def _matches(name: str, glob: str) -> bool:
    """Match part by part, so that '*' does not reach into sub-folders; '**' does."""
    return _parts_match(name.split("/"), _folded(glob).split("/"))


def _parts_match(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_parts_match(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return (
        bool(parts) and fnmatchcase(parts[0], pattern[0]) and _parts_match(parts[1:], pattern[1:])
    )


def _matches_name(name: str, glob: str) -> bool:
    return fnmatchcase(name, _folded(glob).rsplit("/", 1)[-1])


def _has_prefix(glob: str) -> bool:
    """Whether a glob says more of the name than its ending: `orders*.csv`, not `*.csv`."""
    return not glob.rsplit("/", 1)[-1].startswith("*")


def _below(inbox: Path, path: Path) -> PurePath | None:
    """The path relative to the inbox, or None outside it; a linked file counts where it stands."""
    for file, folder in ((path.absolute(), inbox.absolute()), (path.resolve(), inbox.resolve())):
        if file.is_relative_to(folder):
            return file.relative_to(folder)
    return None


def _is_file(path: Path) -> bool:
    """Whether it is a file; one in a folder that may not be looked into is told when it is read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _is_debris(path: Path, start: Path) -> bool:
    """Files and folders below the start that are nobody's data; a file named outright is meant."""
    below = path.relative_to(start).parts if path != start else ()
    return any(fnmatchcase(part.lower(), pattern) for part in below for pattern in DEBRIS)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
