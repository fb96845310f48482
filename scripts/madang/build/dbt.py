"""dbt's own runner, wrapped: how far it is, what failed in plain words."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madang.build.dbt_environment import options, surroundings
from madang.build.failing_rows import failing_rows
from madang.build.lighter_dbt import collected_seldom, lighten
from madang.errors import MadangError
from madang.settings.workspace import Settings
from madang.specs import package
from madang.storage import CLOSED, StorageError, in_words, storage_error
from madang.warehouse import open_warehouse
from madang.warehouse.bigquery_errors import diagnose

FAILED = {"error", "fail", "runtime error", "partial success"}
KINDS = {"model": "model", "test": "test", "unit_test": "unit test", "seed": "seed"}
ON_A_WAREHOUSE = {"build", "run", "test", "seed", "snapshot", "run-operation"}


class BuildError(MadangError):
    """dbt could not do what it was asked, or nodes failed: `failed` names them."""

    failed: frozenset[str] = frozenset()


class NothingSelectedError(BuildError):
    """The selection matches no model, test or seed."""

    exit_code = 2


@dataclass(frozen=True)
class Node:
    """What became of one model, test, seed or snapshot.

    `compiled` is its SQL, without ref(); `relation` how others name it there; `reads` their ids.
    """

    name: str
    kind: str
    status: str
    seconds: float
    message: str
    path: str
    unique_id: str = ""
    compiled: str = ""
    compiled_path: str = ""
    failures: int = 0
    relation: str = ""
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DbtResult:
    """The nodes of one dbt run, in the order in which they ended."""

    nodes: list[Node] = field(default_factory=list)

    def by_status(self) -> dict[str, int]:
        """Count nodes by status: success, pass, warn, error, fail, skipped."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.status] = counts.get(node.status, 0) + 1
        return counts

    @property
    def failed(self) -> list[Node]:
        return [node for node in self.nodes if node.status in FAILED]

    @property
    def warned(self) -> list[Node]:
        return [node for node in self.nodes if node.status == "warn"]


OnNode = Callable[[str, int, int | None], None]


def run_dbt(
    settings: Settings,
    args: Sequence[str],
    *,
    on_node: OnNode | None = None,
    target: Path | None = None,
    variables: Mapping[str, Any] | None = None,
    damaged: Mapping[Path, str] | None = None,
    manifest: Any = None,
) -> DbtResult:
    """Run one dbt command in this process, for the warehouse of the settings.

    `args` begins with the command: ["build", "--select", "marts"]. `on_node(name, done, total)` is
    called as each node ends. dbt's files go to the workspace (target/, logs/), so that workspaces
    do not disturb each other; `target` is another folder for what dbt compiles and tells, and
    `variables` are handed over beside the settings' own. `damaged` are files of the GA4 export to
    leave out, with what is wrong with each. `manifest` is what `parse` returned just before, to be
    handed over once: dbt changes it.

    Raises BuildError when dbt cannot run or a node fails (the error lists them),
    NothingSelectedError when no node is selected, WarehouseError when the warehouse cannot be used.
    """
    project = settings.project_dir
    if not (project / "dbt_project.yml").is_file():
        raise BuildError(
            "There is no dbt project here.",
            where=str(project),
            fix="Set 'project:' in madang.yml to the folder that has dbt_project.yml.",
        )
    command = args[0]
    require_package(settings.project_dir)
    if command in ON_A_WAREHOUSE:  # in plain words what dbt would say in its own
        with open_warehouse(settings) as warehouse:
            warehouse.check()
    invocation = [*args, *options(settings, project, target, variables)]
    with surroundings(settings, damaged or {}):
        outcome = _invoke(invocation, on_node, manifest)
    results = getattr(outcome.result, "results", None) or []
    nodes = [node for result in results if _counts(node := _node(result))]
    log = str(settings.paths.logs / "dbt.log")
    if told := _storage_trouble(settings, outcome.exception, nodes):
        raise told
    if outcome.exception is not None and not nodes:
        said = _plain(str(outcome.exception))
        raise BuildError(f"dbt stopped: {said}", where=f"log: {log}", fix=_fix(settings, said))
    if not nodes and command in ON_A_WAREHOUSE - {"run-operation"}:
        raise NothingSelectedError(
            "dbt selected nothing, so nothing was built.",
            where=" ".join(args),
            fix="Correct --select: a name, a folder (marts), a tag (tag:x), with + for neighbours.",
        )
    result = DbtResult(nodes)
    if result.failed:
        fixes = [fix for node in result.failed if (fix := _fix(settings, node.message))]
        raise _failure(settings, result, log, fixes[0] if fixes else None)
    return result


def require_package(project: Path) -> None:
    """Let dbt read the Madang that came with this command, where the project has it as a package.

    What 'dbt deps' does for a local package, at once and whole. Raises BuildError where it cannot.
    """
    if package.package_of(project) is None:
        return
    link = project / package.INSTALLED
    if (link / "dbt_project.yml").is_file() and not package.disagreement(project):
        return
    partial = project / f".{package.NAME}.{os.getpid()}"
    try:
        link.parent.mkdir(exist_ok=True)
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)
        partial.symlink_to(package.shipped(), target_is_directory=True)
        partial.replace(link)
    except OSError as error:
        raise BuildError(
            f"dbt cannot be given its package: {error.strerror}.",
            where=str(link),
            fix="Give the user that runs madang the right to write there, or run 'dbt deps'.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    if problem := package.disagreement(project):
        raise BuildError(problem.message, where=problem.where, fix=problem.fix)


def parse(settings: Settings) -> Any:
    """Return dbt's manifest of the project as it is now; None where dbt cannot read the project.

    Why it cannot, the command that follows says.
    """
    project = settings.project_dir
    if not (project / "dbt_project.yml").is_file():
        return None
    require_package(settings.project_dir)
    args = ["parse", "--no-write-json", *options(settings, project)]
    with surroundings(settings, {}):
        outcome = _invoke(args, None)
    return outcome.result if outcome.success else None


def _storage_trouble(
    settings: Settings, exception: BaseException | None, nodes: Sequence[Node]
) -> BuildError | None:
    """One error for a full or closed disk, on which every further node fails in its own words."""
    told: StorageError | None = None
    if exception is not None:
        told = storage_error(exception, settings.root)
    failed = [node for node in nodes if node.status in FAILED]
    if settings.warehouse.type == "duckdb":
        for node in failed:
            told = told or in_words(node.message, settings.warehouse.path)
    if told is None or (told.kind == CLOSED and exception is None):  # a file of the export may be
        return None
    message = told.message
    if failed:
        message += f" {len(failed)} of {len(nodes)} dbt nodes failed on it."
    return BuildError(message, where=told.where, fix=told.fix)


def _invoke(invocation: list[str], on_node: OnNode | None, manifest: Any = None) -> Any:
    """Call dbt's runner; import it here because that alone takes most of a second."""
    from dbt.cli.main import dbtRunner

    lighten()
    done, total = 0, None

    def watch(event: Any) -> None:
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = event.data.node_count
        elif event.info.name == "NodeFinished" and on_node:
            done += 1
            on_node(event.data.node_info.node_name, done, total)

    typed, tells = sys.argv, logging.raiseExceptions
    sys.argv = ["dbt", *invocation]  # dbt writes it down, and what was typed may name a person
    logging.raiseExceptions = False  # a log that cannot be written is no traceback a line
    try:
        with collected_seldom():
            outcome = dbtRunner(manifest=manifest, callbacks=[watch]).invoke(invocation)
    finally:
        sys.argv, logging.raiseExceptions = typed, tells
        _release_warehouse()
    if isinstance(outcome.exception, KeyboardInterrupt | SystemExit):
        raise outcome.exception
    return outcome


def _release_warehouse() -> None:
    """Close the DuckDB file that dbt keeps open, so that this process can open it its own way."""
    from dbt.adapters.factory import reset_adapters

    try:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    except ImportError:
        reset_adapters()
        return
    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _node(result: Any) -> Node:
    node = result.node
    kind = str(getattr(node.resource_type, "value", node.resource_type))
    return Node(
        name=node.name,
        kind=KINDS.get(kind, kind),
        status=str(getattr(result.status, "value", result.status)),
        seconds=float(result.execution_time or 0),
        message=_plain(result.message or ""),
        path=getattr(node, "original_file_path", ""),
        unique_id=getattr(node, "unique_id", ""),
        compiled=getattr(node, "compiled_code", None) or "",
        compiled_path=getattr(node, "compiled_path", None) or "",
        failures=getattr(result, "failures", None) or 0,
        relation=getattr(node, "relation_name", None) or "",
        reads=frozenset(getattr(getattr(node, "depends_on", None), "nodes", ())),
    )


def _counts(node: Node) -> bool:
    """Exposures do nothing, and hooks are no nodes unless they fail."""
    return node.status != "no-op" and (node.kind != "operation" or node.status in FAILED)


def _fix(settings: Settings, message: str) -> str | None:
    """What to do about a message of the warehouse that came through dbt; None if it is unknown."""
    if settings.warehouse.type != "bigquery":
        return None
    return diagnose(message, project=settings.bigquery.project).fix


def _failure(settings: Settings, result: DbtResult, log: str, fix: str | None) -> BuildError:
    lines = []
    for node in result.failed:
        lines.append(f"{node.kind} {node.name} ({node.path})")
        told = [*node.message.splitlines()[:6], *failing_rows(settings, node)]
        lines += [f"    {text}" for text in told]
    skipped = result.by_status().get("skipped", 0)
    head = f"{len(result.failed)} of {len(result.nodes)} dbt nodes failed"
    head += f", {skipped} after them were skipped:" if skipped else ":"
    body = "\n".join(f"  {text}" for text in lines)
    error = BuildError(f"{head}\n{body}", where=f"log: {log}", fix=fix)
    error.failed = frozenset(node.name for node in result.failed)
    return error


def _plain(message: str) -> str:
    """A dbt message without colour codes, blank lines and the trail of macros."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    lines = [part.strip() for part in text.splitlines()]
    return "\n".join(part for part in lines if part and not part.startswith(("> in ", "> called ")))
