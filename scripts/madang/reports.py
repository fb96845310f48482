"""Renders the boards in charts/ to static pages that load nothing from outside."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import yaml

from madang import private, scratch, times
from madang.errors import MadangError, did_you_mean
from madang.health import rights
from madang.settings.secrets import looks_secret
from madang.settings.workspace import Settings
from madang.specs import package
from madang.specs.located_yaml import load_located
from madang.storage import storage_error
from madang.warehouse.duckdb import quoted

BOARDS = "charts"
MAIN_BOARD = "index.yml"
SHARED_SETTINGS = "meta.yml"
WORDS = "words"  # the folder of the boards' words in other languages
# The boards call their source by the name of dbt's profile; here it is a file with copies of marts.
SOURCE = "madang"
SERVING = "marts.duckdb"
SHOWN_PROBLEMS = 5
RENDER_SECONDS = 600

_LITERAL = re.compile(r"'([^'\n]*)'")
_REF = re.compile(r"\{\{-?\s*ref\(\s*['\"]([^'\"]+)['\"]\s*\)\s*-?\}\}")

# What the page may do, enforced by the browser: use what it carries, ask nobody for anything.
_HEAD = """<html lang="{language}">
<head>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:">
    <style>.dbt-charts-wrapper {{ max-width: 1480px; }}</style>"""


class ReportError(MadangError):
    """The page cannot be rendered."""


def render(settings: Settings, on_step: Callable[[str], object] | None = None) -> Path:
    """Render every board of the project's charts/ into the site folder and return its index.html.

    The rows come from the marts published as Parquet, so that neither the warehouse file nor a
    network is needed. `on_step` is told the name of each step as it is done. Pages are put in
    place one by one and whole; when anything fails the pages of the last time stay.

    Raises ReportError when the extra is missing, a board needs a mart that is not published, or a
    board cannot be drawn.
    """
    told = on_step or (lambda _: None)
    if find_spec("dbt_charts") is None:
        raise ReportError(
            "The page needs dbt Charts, which is not installed.",
            fix="pip install 'madang[reports]'",
        )
    boards = _boards(package.found(settings.project_dir, BOARDS))
    marts = _published(settings.paths.marts, boards)
    site = settings.paths.site
    private.folder(site)
    with scratch.folder(settings.paths.scratch) as stage:
        _prepare(stage, settings.project_dir, marts)
        _translate(stage / BOARDS, settings.language)
        told(f"{len(marts)} marts")
        variables = _variables(settings)
        made_of = {
            board.name: _made_of(stage, board.name, marts, variables, settings.language)
            for board in boards
        }
        changed = [name for name, digest in made_of.items() if not _is_drawn(site, name, digest)]
        pages = _draw_beside(stage, changed, variables)
        told(f"{len(pages)} of {len(boards)} {'board' if len(boards) == 1 else 'boards'}")
        for board, page in zip(changed, pages, strict=True):
            with private.whole(site / page.name) as file:
                file.write(_sealed(page.read_text(encoding="utf-8"), settings.language))
                file.write(_stamp(made_of[board]))
        rights.share(settings, site)
    return site / Path(MAIN_BOARD).with_suffix(".html").name


def _boards(folder: Path) -> list[Path]:
    """The boards, one page each. A file that starts with _ is a part of others."""
    boards = [
        path
        for path in sorted(folder.glob("*.yml"))
        if path.name != SHARED_SETTINGS and not path.name.startswith("_")
    ]
    if folder / MAIN_BOARD not in boards:
        raise ReportError(
            "The page's board is missing.",
            where=str(folder / MAIN_BOARD),
            fix=f"Put the board back, or set 'project' in madang.yml to the folder with {BOARDS}/.",
        )
    for path in boards:  # dbt Charts follows a file as deep and as far as it goes
        load_located(path)
    return boards


def _published(folder: Path, boards: Sequence[Path]) -> dict[str, Path]:
    """The Parquet file of every mart that the boards read."""
    readers: dict[str, str] = {}
    for board in boards:
        for mart in _REF.findall(board.read_text(encoding="utf-8")):
            readers.setdefault(mart, board.name)
    files = {mart: folder / f"{mart}.parquet" for mart in sorted(readers)}
    missing = [mart for mart, path in files.items() if not path.is_file()]
    if not missing:
        return files
    published = [path.stem for path in folder.glob("*.parquet")]
    named = [
        f"{mart} ({BOARDS}/{readers[mart]}).{did_you_mean(mart, published)}" for mart in missing
    ]
    count = "a mart that is" if len(missing) == 1 else f"{len(missing)} marts that are"
    raise ReportError(
        f"The page needs {count} not published: {' '.join(named)}",
        where=str(folder),
        fix="Run 'madang build', which builds the marts and publishes them as Parquet.",
    )


def _prepare(stage: Path, project_dir: Path, marts: dict[str, Path]) -> None:
    """Make a project for dbt Charts: the boards, and a database with a copy of each mart.

    A copy, because dbt Charts lets a query read nothing but its own database file. The boards say
    ref(), so that they are checked against the dbt project and work on the warehouse too; a
    manifest of the marts alone makes the same names mean the copies.
    """
    shutil.copytree(package.found(project_dir, BOARDS), stage / BOARDS)
    if (templates := package.found(project_dir, "templates")).is_dir():
        shutil.copytree(templates, stage / "templates")
    with duckdb.connect(str(stage / SERVING)) as database:
        for mart, path in marts.items():
            file = str(path).replace("'", "''")
            try:
                database.execute(
                    f"create table {quoted(mart)} as select * from read_parquet('{file}')"
                )
            except duckdb.Error as error:
                if found := storage_error(error, stage):
                    raise found from error
                raise ReportError(
                    f"The published mart cannot be read: {_first_line(error)}",
                    where=str(path),
                    fix="Run 'madang build' to publish it again.",
                ) from error
    nodes = {
        f"model.{SOURCE}.{mart}": {
            "resource_type": "model",
            "name": mart,
            "schema": "main",
            "relation_name": f'"main".{quoted(mart)}',
        }
        for mart in marts
    }
    manifest = {"metadata": {}, "nodes": nodes, "sources": {}}
    (stage / "target").mkdir()
    (stage / "target" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (stage / "dbt_project.yml").write_text(f"name: {SOURCE}\n", encoding="utf-8")
    # A relative path: dbt Charts takes an absolute one as relative to the project.
    (stage / "dbt_charts.yml").write_text(
        f"sources:\n  {SOURCE}: {{type: duckdb, path: {SERVING}}}\n", encoding="utf-8"
    )


def _translate(boards: Path, language: str) -> None:
    """Put the words of words/<language>.yml in place of those of the boards, where there are any.

    A board is written in Korean. What the file does not have stays as it is.
    """
    file = boards / WORDS / f"{language}.yml"
    if not file.is_file():
        return
    words = load_located(file)[0]
    for path in boards.glob("*.yml"):
        board = yaml.safe_dump(_in_words(load_located(path)[0], words), allow_unicode=True)
        path.write_text(board, encoding="utf-8")


def _in_words(value: Any, words: dict[str, str]) -> Any:
    """Return a board, or a part of it, with `words` in place; in SQL in place of its literals."""
    if isinstance(value, dict):
        return {_in_words(key, words): _in_words(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [_in_words(part, words) for part in value]
    if not isinstance(value, str):
        return value
    if value in words:
        return words[value]
    return _LITERAL.sub(lambda found: f"'{words.get(found[1], found[1])}'", value)


def _variables(settings: Settings) -> dict[str, str]:
    """What the boards are told about the run: its moment, time zone and currency."""
    now = settings.now()
    return {
        "as_of": times.told(now, settings.timezone),
        "as_of_date": times.day(now, settings.timezone),
        "timezone": settings.timezone,
        "currency": settings.currency,
    }


def _made_of(
    stage: Path, board: str, marts: dict[str, Path], variables: dict[str, str], language: str
) -> str:
    """One text for all that a page is made of: the boards and templates, its marts, the variables.

    Of other boards only that they are there. A file of a mart is written anew where the mart is.
    """
    parts = [_HEAD, language, package_version("dbt-charts"), package_version("madang")]
    parts += sorted(f"{name}={value}" for name, value in variables.items())
    for path in sorted((*(stage / BOARDS).rglob("*"), *(stage / "templates").rglob("*"))):
        if path.is_file():
            parts.append(str(path.relative_to(stage)))
            is_other = path.parent.name == BOARDS and path.name != board
            if not is_other or path.name.startswith("_") or path.name == SHARED_SETTINGS:
                parts.append(hashlib.sha256(path.read_bytes()).hexdigest())
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (stage / BOARDS).glob("*.yml")
        if path.name in (board, SHARED_SETTINGS) or path.name.startswith("_")
    )
    for mart in sorted({*_REF.findall(text)} & marts.keys()):
        found = marts[mart].stat()
        parts.append(f"{mart} {found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stamp(digest: str) -> str:
    return f"\n<!-- made of {digest} -->\n"


def _is_drawn(site: Path, board: str, digest: str) -> bool:
    """Whether the page is there, whole, and made of just this."""
    page = site / Path(board).with_suffix(".html").name
    return page.is_file() and page.read_bytes().endswith(_stamp(digest).encode())


def _draw_beside(stage: Path, boards: Sequence[str], variables: dict[str, str]) -> list[Path]:
    """Draw the boards in as many processes as there are processors, the longest board first."""
    (stage / "pages").mkdir()
    many = min(len(boards), os.cpu_count() or 1)
    longest = sorted(boards, key=lambda name: -(stage / BOARDS / name).stat().st_size)
    parts = [longest[place::many] for place in range(many)]
    with ThreadPoolExecutor(max_workers=max(1, many)) as pool:
        list(pool.map(lambda part: _draw(stage, part, variables, boards), parts))
    return [stage / "pages" / Path(board).with_suffix(".html").name for board in boards]


def _draw(stage: Path, boards: Sequence[str], variables: dict[str, str], of: Sequence[str]) -> None:
    """Draw some boards of all those `of` which an error may be: dbt Charts in its own process."""
    command = [sys.executable, "-m", "dbt_charts.cli.main", "render"]
    command += [f"{BOARDS}/{board}" for board in boards]
    command += ["--project-dir", str(stage), "--output", str(stage / "pages" / "{stem}.html")]
    command += ["--format", "html", "--no-cache", "--diagnostics-json"]
    for name, value in variables.items():
        command += ["--var", f"{name}={value}"]
    try:
        done = subprocess.run(
            command,
            cwd=stage,
            env=_environment(stage),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=RENDER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReportError(
            f"Drawing the page took longer than {RENDER_SECONDS} seconds and was stopped.",
            fix="Look for a query in the boards that reads far more rows than it shows.",
        ) from error
    pages = [stage / "pages" / Path(board).with_suffix(".html").name for board in boards]
    if done.returncode or not all(page.is_file() for page in pages):
        raise _drawing_error(done.stderr, of)


def _environment(stage: Path) -> dict[str, str]:
    """The environment of dbt Charts: nothing is reported to anyone, nothing kept elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith(("DCT_", "DBT_", "MADANG_")) or looks_secret(name))
    }
    return kept | {
        "DO_NOT_TRACK": "1",
        "DCT_NO_WORKSPACE_GUARD": "1",
        "PYTHONUTF8": "1",
        "HOME": str(stage),
        "XDG_CACHE_HOME": str(stage / "cache"),
    }


def _drawing_error(output: str, boards: Sequence[str]) -> ReportError:
    """Turn dbt Charts' diagnostics into one error: what, in which board and line, what to do."""
    problems: list[dict] = []
    rest: list[str] = []
    for text in output.splitlines():
        try:
            found = json.loads(text)
        except ValueError:
            rest.append(text)
            continue
        if isinstance(found, dict) and found.get("level") == "error":
            problems.append(found)
    if not problems:
        words = " ".join(" ".join(rest).split())
        return ReportError(f"dbt Charts could not draw the page: {words[-600:] or 'no reason'}")
    lines = list(dict.fromkeys(_problem_line(found) for found in problems))
    more = len(lines) - SHOWN_PROBLEMS
    return ReportError(
        "\n".join(
            [
                "The page cannot be drawn:",
                *lines[:SHOWN_PROBLEMS],
                *([f"  and {more} more"] if more > 0 else []),
            ]
        ),
        where=_place(problems[0]) or ", ".join(f"{BOARDS}/{board}" for board in boards),
        fix=problems[0].get("fix")
        or "Run 'madang build' when a column is missing; else mend the board named above.",
    )


def _problem_line(found: dict) -> str:
    named = found.get("query") or found.get("chart") or found.get("path") or ""
    message = " ".join(str(found.get("message", "")).split())
    return f"  {named}: {message}" if named else f"  {message}"


def _place(found: dict) -> str:
    place = found.get("range") or {}
    file, line = place.get("file"), place.get("start_line")
    return f"{file}:{line}" if file and line else str(file or "")


def _sealed(page: str, language: str) -> str:
    """Give the page its language and a policy under which a browser loads nothing from outside."""
    head = _HEAD.format(language=language)
    sealed, count = re.subn(r"<html[^>]*>\s*<head>", lambda _: head, page, count=1)
    if not count:
        raise ReportError(
            "dbt Charts wrote a page without a head, which this version of Madang does not know.",
            fix="pip install 'madang[reports]' for the version of dbt Charts that it was made for.",
        )
    return sealed


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
