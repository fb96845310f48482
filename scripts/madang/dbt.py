"""dbt's own runner, wrapped: where it finds things, how far it is, what failed in plain words."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from madang import decisions
from madang.config import Settings
from madang.errors import MadangError
from madang.warehouse import labels, open_warehouse
from madang.warehouse.bigquery_errors import diagnose

PROFILE_EXAMPLE = "profiles.yml.example"
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
    """What became of one model, test, seed or snapshot; `compiled` is its SQL, without ref()."""

    name: str
    kind: str
    status: str
    seconds: float
    message: str
    path: str
    unique_id: str = ""
    compiled: str = ""


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
    variables: Mapping[str, str] | None = None,
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
    if command in ON_A_WAREHOUSE:  # in plain words what dbt would say in its own
        with open_warehouse(settings) as warehouse:
            warehouse.check()
    invocation = [*args, *_common_args(settings, project, target, variables)]
    with _surroundings(settings, damaged or {}):
        outcome = _invoke(invocation, on_node, manifest)
    results = getattr(outcome.result, "results", None) or []
    nodes = [_node(result) for result in results if result.status != "no-op"]  # exposures
    log = str(settings.paths.logs / "dbt.log")
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
        raise _failure(result, log, fixes[0] if fixes else None)
    return result


def parse(settings: Settings) -> Any:
    """Return dbt's manifest of the project as it is now; None where dbt cannot read the project.

    Why it cannot, the command that follows says.
    """
    project = settings.project_dir
    if not (project / "dbt_project.yml").is_file():
        return None
    args = ["parse", "--no-write-json", *_common_args(settings, project)]
    with _surroundings(settings, {}):
        outcome = _invoke(args, None)
    return outcome.result if outcome.success else None


def project_vars(project: Path) -> dict[str, Any]:
    """Return the vars of dbt_project.yml."""
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    return (yaml.safe_load(text) or {}).get("vars") or {}


def run_vars(settings: Settings, project: Path) -> dict[str, Any]:
    """Return the vars to hand to dbt: only those that differ from dbt_project.yml.

    So a workspace with the project's own settings shares dbt's partial parse with plain dbt, and
    any workspace gives the same vars run after run. The run's own moment is never handed over:
    without a pinned `as_of`, dbt's start time is the clock.
    """
    wanted: dict[str, Any] = {"timezone": settings.timezone, "currency": settings.currency}
    if settings.ga4.properties:
        wanted["ga4_properties"] = [
            one.model_dump(mode="json", exclude_none=True) for one in settings.ga4.properties
        ]
    if settings.ga4.start_date:
        wanted["ga4_start_date"] = settings.ga4.start_date.isoformat()
    if settings.as_of:
        wanted["as_of"] = settings.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    declared = project_vars(project)
    return {name: value for name, value in wanted.items() if declared.get(name) != value}


def profiles_dir(settings: Settings, project: Path) -> Path:
    """Return the folder of the dbt profile: the project's own, else a copy of the example."""
    if (project / "profiles.yml").is_file():
        return project
    example = project / PROFILE_EXAMPLE
    if not example.is_file():
        raise BuildError(
            f"The dbt project has neither profiles.yml nor {PROFILE_EXAMPLE}.", where=str(project)
        )
    folder = settings.root / "target" / "profiles"
    copy = folder / "profiles.yml"
    folder.mkdir(parents=True, exist_ok=True)
    if not copy.is_file() or copy.read_bytes() != example.read_bytes():
        shutil.copyfile(example, copy)
    return folder


def _common_args(
    settings: Settings,
    project: Path,
    target: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> list[str]:
    """Options that go with every command."""
    common = [
        *("--project-dir", str(project), "--profiles-dir", str(profiles_dir(settings, project))),
        *("--target", settings.warehouse.type),
        *("--target-path", str(target or settings.root / "target")),
        *("--log-path", str(settings.paths.logs), "--log-level", "none"),
        *("--log-level-file", "debug", "--no-use-colors", "--no-version-check"),
        "--no-send-anonymous-usage-stats",
    ]
    wanted = {**run_vars(settings, project), **(variables or {})}
    return [*common, "--vars", json.dumps(wanted)] if wanted else common


@contextmanager
def _surroundings(settings: Settings, damaged: Mapping[Path, str]) -> Iterator[None]:
    """Set what dbt reads from the environment, and put everything back afterwards.

    dbt also changes the working folder of the process to its project.
    """
    wanted = environment(settings, damaged)
    before = {name: os.environ.get(name) for name in wanted}
    folder = Path.cwd()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.chdir(folder)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def environment(settings: Settings, damaged: Mapping[Path, str]) -> dict[str, str]:
    """Return what the project and the profile read from the environment in a run of dbt."""
    warehouse = settings.warehouse
    return {
        "MADANG_TARGET": warehouse.type,
        "MADANG_DUCKDB_PATH": str(warehouse.path),
        "MADANG_SCHEMA": warehouse.schema_,
        "MADANG_GA4_PATH": str(settings.paths.ga4),
        "MADANG_DECISIONS_PATH": _decisions_path(settings),
        "MADANG_GA4_DAMAGED": json.dumps({str(path): why for path, why in damaged.items()}),
        "MADANG_THREADS": str(warehouse.threads),
        "MADANG_MEMORY_LIMIT": warehouse.memory_limit or "",
        "MADANG_JOB_LABELS": json.dumps(labels.current()),
        **(bigquery_environment(settings) if warehouse.type == "bigquery" else {}),
    }


def _decisions_path(settings: Settings) -> str:
    """Return the folder of the decisions, as dbt's seed-paths names it from the project.

    Of a folder elsewhere dbt gets a copy: where a seed lies outside of its project, dbt writes the
    statement that it ran over the seed's own file.
    """
    folder = decisions.ensure(settings)
    if folder.is_relative_to(settings.project_dir):
        return str(folder.relative_to(settings.project_dir))
    copy = settings.root / "target" / "decisions"
    copy.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(decisions.path_of(settings), copy / decisions.NAME)
    return str(copy)


def bigquery_environment(settings: Settings) -> dict[str, str]:
    """Return what the profile's bigquery target and the GA4 source read from the environment."""
    reach = settings.bigquery
    method = "oauth"
    if reach.api_endpoint:  # a local server: nobody's credentials go there
        method = "oauth-secrets"
    elif reach.keyfile_env:
        method = "service-account"
    wanted = {
        "MADANG_BIGQUERY_METHOD": method,
        "MADANG_BIGQUERY_TOKEN": "none",
        "MADANG_BIGQUERY_PROJECT": reach.project,
        "MADANG_BIGQUERY_DATASET": settings.warehouse.schema_,
        "MADANG_BIGQUERY_LOCATION": reach.location,
        "MADANG_BIGQUERY_KEYFILE": os.environ.get(reach.keyfile_env or "", ""),
        "MADANG_BIGQUERY_ENDPOINT": reach.api_endpoint or "None",
        "MADANG_BIGQUERY_MAXIMUM_BYTES": str(reach.maximum_bytes_billed or 0),
        "MADANG_BIGQUERY_RETRY_SECONDS": f"{max(1, reach.retry_seconds):.0f}",
        "MADANG_BIGQUERY_TIMEOUT_SECONDS": f"{max(1, reach.timeout_seconds):.0f}",
        "MADANG_GA4_PROJECT": reach.ga4_project or reach.project,
    }
    if reach.ga4_dataset:
        wanted["MADANG_GA4_DATASET"] = reach.ga4_dataset
    return wanted


def _invoke(invocation: list[str], on_node: OnNode | None, manifest: Any = None) -> Any:
    """Call dbt's runner; import it here because that alone takes most of a second."""
    from dbt.cli.main import dbtRunner

    done, total = 0, None

    def watch(event: Any) -> None:
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = event.data.node_count
        elif event.info.name == "NodeFinished" and on_node:
            done += 1
            on_node(event.data.node_info.node_name, done, total)

    typed = sys.argv
    sys.argv = ["dbt", *invocation]  # dbt writes it down, and what was typed may name a person
    try:
        outcome = dbtRunner(manifest=manifest, callbacks=[watch]).invoke(invocation)
    finally:
        sys.argv = typed
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
    )


def _fix(settings: Settings, message: str) -> str | None:
    """What to do about a message of the warehouse that came through dbt; None if it is unknown."""
    if settings.warehouse.type != "bigquery":
        return None
    return diagnose(message, project=settings.bigquery.project).fix


def _failure(result: DbtResult, log: str, fix: str | None) -> BuildError:
    lines = []
    for node in result.failed:
        lines.append(f"{node.kind} {node.name} ({node.path})")
        lines += [f"    {text}" for text in node.message.splitlines()[:6]]
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
