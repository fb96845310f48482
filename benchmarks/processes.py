"""Runs a step of a benchmark as a process of its own, and says what it cost."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds of a process and its children, and its peak memory in MB."""

    wall: float
    cpu: float
    memory: float
    output: str = ""


def run(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    good: Sequence[int] = (0,),
) -> Cost:
    """Run one command; end the benchmark with its output if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode not in good:
        sys.exit(f"{' '.join(command[:4])} … ended with {process.returncode}:\n{output[-3000:]}")
    # Linux tells kilobytes, macOS bytes
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, output)


def machine(*packages: str) -> str:
    """The machine, the versions and the company that a table was measured in."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load, _, _ = os.getloadavg()
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"{memory:.0f} GiB, Python {platform.python_version()}, {versions}; at the end the load "
        f"average was {load:.0f}, its own work included"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; `wall s`, `CPU s` and `peak MB` are columns of numbers."""
    numbers = {"wall s", "CPU s", "peak MB"}
    lines = [head, ["---:" if name in numbers else "---" for name in head], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def met(is_met: bool) -> str:
    return "yes" if is_met else "no"


def write(section: str, text: str, page: Path = PAGE) -> None:
    """Put a section's text between its marks on the page, at the end if it is new."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    told = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    if begin not in told:
        told += f"\n{begin}\n{end}\n"
    before, rest = told.split(begin, 1)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")
