"""What the commands print: progress, tables, a summary at the end, and errors as one block."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from json import dumps
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from madang import times
from madang.errors import MadangError
from madang.names import seen_lines, shown

# Elsewhere than on a terminal nothing is cut or wrapped to a guessed width.
PLAIN_WIDTH = 200
PLAIN_LINES = 10

_zone = "UTC"  # of the moments that are shown; see use_zone

console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
error_console = Console(stderr=True, highlight=False)


def use_zone(zone: str) -> None:
    """Show moments in this time zone from now on: the workspace's."""
    global _zone
    _zone = zone


def moment(value: datetime) -> str:
    """Return a moment in words, in the zone of `use_zone`."""
    return times.told(value, _zone)


class Steps:
    """Call it with the name of each step as it is done. `total` may be set once it is known."""

    def __init__(self, title: str, total: int | None, bar: Progress | None) -> None:
        self.title = title
        self.done = 0
        self._told = 0
        self._name = ""
        self._total = total
        self._bar = bar
        self._task = bar.add_task(title, total=total, step="") if bar else None

    @property
    def total(self) -> int | None:
        """How many steps there will be; None while nobody knows."""
        return self._total

    @total.setter
    def total(self, total: int | None) -> None:
        self._total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def __call__(self, name: str = "") -> Self:
        self.done += 1
        name = shown(name)
        self._name = name
        if self._total is not None and self.done > self._total:
            self.total = self.done
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self.done, step=_short(name))
        elif self._is_due():
            self._tell()
        return self

    def finish(self) -> None:
        """Tell the last step, where lines were left out."""
        if self._bar is None and self.done != self._told:
            self._tell()

    def _tell(self) -> None:
        count = f"{self.done}/{self._total}" if self._total else f"{self.done}"
        line(f"{self.title}: {count} {self._name}".rstrip())
        self._told = self.done

    def _is_due(self) -> bool:
        """Whether this step gets a line: all of a few, every tenth of many."""
        if not self._total or self._total <= 2 * PLAIN_LINES:
            return True
        return self.done % -(-self._total // PLAIN_LINES) == 0


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Steps]:
    """Show progress: a bar that goes away on a terminal, plain lines elsewhere."""
    if not console.is_terminal:
        steps = Steps(title, total, None)
        yield steps
        steps.finish()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Steps(title, total, bar)


def line(text: str, style: str | None = None) -> None:
    """Print one line as it is, without wrapping."""
    console.print(Text(seen_lines(text), style=style or ""), soft_wrap=True)


def json(data: object) -> None:
    """Print data as JSON and nothing else."""
    console.print(Text(dumps(data, ensure_ascii=False, indent=2)), soft_wrap=True)


def summary(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print a title and its facts, one a line, the names aligned."""
    width = max((_width(name) for name, _ in rows), default=0)
    console.print()
    line(title, "bold")
    for name, value in rows:
        line(f"  {name}{' ' * (width - _width(name))}  {value}")


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "none"
) -> None:
    """Print rows as a table; numbers stand to the right. Without rows, say `empty`.

    Moments are shown in the zone of `use_zone`, which their column's heading names.
    """
    if not rows:
        line(f"{title}: {empty}")
        return
    console.print()
    line(title, "bold")
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for number, name in enumerate(columns):
        values = [row[number] for row in rows if row[number] is not None]
        numeric = bool(values) and all(isinstance(value, int | float) for value in values)
        justify = "right" if numeric else "left"
        if any(isinstance(value, datetime) for value in values):
            name = f"{name} ({_zone})"
        shown.add_column(name, justify=justify, header_style="dim", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(seen_lines(_cell(value))) for value in row))
    console.print(shown)


def show_error(error: MadangError) -> None:
    """Print an error as one block on the error stream: what, where, fix."""
    message = seen_lines(error.message)
    block = Text("error: ", style="bold red").append(message, style="not bold default")
    if error.where:
        block.append("\nwhere: ", style="bold").append(seen_lines(error.where), style="not bold")
    if error.fix:
        block.append("\nfix:   ", style="bold").append(seen_lines(error.fix), style="not bold")
    with contextlib.suppress(OSError):  # a log on a full disk: the exit code still tells
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        error_console.print(block, soft_wrap=True)


def close() -> None:
    """Write what is left; where nobody takes it, let Python end without a word about that."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{times.local(value, _zone):%Y-%m-%d %H:%M}"
    return str(value)


def _width(text: str) -> int:
    return Text(text).cell_len


def _short(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
