"""The project's commands without make: `scripts/dev.py setup`, `demo` and `test`.

Needs nothing but Python 3.11 to 3.13: makes `.venv`, installs what the lock pins (with uv when it
can be had, else with pip), and runs. `setup` ends there. It and the demo take requirements.lock;
the tests take requirements-dev.lock, which is that and the tools, BigQuery's packages and the
GoogleSQL engine. Every package has a hash: also uv, and what builds this package.
The second run finds the environment as it is and does no set-up.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCKS = {
    "setup": "requirements.lock",
    "demo": "requirements.lock",
    "test": "requirements-dev.lock",
}
BUILD, UV = "requirements-build.lock", "requirements-uv.lock"
LINT = ROOT / "target" / "lint"
PYTHONS = ("scripts", "tests", "tools", "benchmarks")


def fingerprint(lock: str) -> str:
    """Changes when the lock, the package's metadata or the interpreter does."""
    names = (lock, BUILD, UV, "pyproject.toml")
    texts = [sys.version, *((ROOT / name).read_text() for name in names)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def set_up(command: str) -> None:
    """Make the virtual environment and install the lock and the package, unless that was done."""
    lock = LOCKS[command]
    stamp = VENV / f".{lock}.installed"
    if stamp.exists() and stamp.read_text() == fingerprint(lock):
        return
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"Madang needs Python 3.11 to 3.13; this is {sys.version.split()[0]}.")
    print(f"Setting up .venv from {lock} (once)", flush=True)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    install = installer()
    run([*install, "--require-hashes", "-r", BUILD])
    run([*install, "--require-hashes", "-r", lock])
    # not in an environment of its own, for which a builder without a hash would be fetched
    run([*install, "--no-deps", "--no-build-isolation", "--editable", "."])
    run([str(PYTHON), "-m", "compileall", "-q", str(Path(__file__).parent)])
    stamp.write_text(fingerprint(lock))


def installer() -> list[str]:
    """uv on the path, else the one that its lock pins beside the project's Python, else pip."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input"]
    pip.append("--disable-pip-version-check")
    own = BIN / ("uv.exe" if os.name == "nt" else "uv")
    found = shutil.which("uv")
    if not found and not own.exists():
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [*pip, "--require-hashes", "-r", UV]
        subprocess.run(command, cwd=ROOT, check=False, **quiet)
    if found or own.exists():
        uv = [found or str(own), "pip", "install", "--python", str(PYTHON), "--quiet"]
        return [*uv, "--compile-bytecode"]  # as pip does; else each process may compile all anew
    return pip


def run(command: list[str], **environment: str) -> None:
    """Run one step; the first that fails ends the whole with its exit code."""
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if ended.returncode:
        sys.exit(ended.returncode)


def step(title: str, command: list[str], **environment: str) -> None:
    print(f"\n== {title}", flush=True)
    run([str(BIN / command[0]), *command[1:]], **environment)


def setup(arguments: list[str]) -> None:
    """Nothing more: the environment is there."""
    if arguments:
        sys.exit("setup takes no arguments; usage: python3 scripts/dev.py setup")
    print(f"Ready: . {(BIN / 'activate').relative_to(ROOT)}")


def demo(arguments: list[str]) -> None:
    """Generate the invented company and take it through everything."""
    run([str(BIN / "madang"), "demo", *arguments])


def test(arguments: list[str]) -> None:
    """Lint, check the rules and run every test; with arguments, only pytest with them."""
    if arguments:
        step("pytest", ["pytest", *arguments])
        return
    offline = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    warehouse = {"MADANG_DUCKDB_PATH": str(LINT / "lint.duckdb"), "DBT_PROFILES_DIR": str(LINT)}
    LINT.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "profiles.yml.example", LINT / "profiles.yml")
    step("ruff", ["ruff", "check", *PYTHONS])
    step("ruff format", ["ruff", "format", "--check", "--quiet", *PYTHONS])
    step("madang check", ["madang", "check"])
    parse = ["dbt", "--quiet", "parse", "--no-version-check", "--target-path", str(LINT)]
    step("dbt parse", parse, **offline, **warehouse)
    step("dbt-bouncer", ["dbt-bouncer", "run"], **offline)
    lint = [
        "sqlfluff",
        "lint",
        "models",
        "snapshots",
        "tests/data",
        "--processes",
        "2",
        "--disable-progress-bar",
    ]
    step("sqlfluff", lint, **offline, **warehouse)
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    step("pytest", ["pytest", *workers], **offline)


def main() -> None:
    commands = {"setup": setup, "demo": demo, "test": test}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(f"{__doc__}\nusage: python3 scripts/dev.py setup|demo|test [arguments]")
    set_up(sys.argv[1])
    commands[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
