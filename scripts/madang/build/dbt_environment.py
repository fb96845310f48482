"""What a run of dbt is given: its options, the vars of the settings, the environment."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from madang import private
from madang.errors import ConfigError
from madang.people import decisions
from madang.settings import secrets as config_secrets
from madang.settings.workspace import Settings
from madang.specs import package
from madang.specs.located_yaml import load_located
from madang.warehouse import labels
from madang.warehouse.duckdb import spill_folder

PROFILE_EXAMPLE = "profiles.yml.example"


def options(
    settings: Settings,
    project: Path,
    target: Path | None = None,
    variables: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the options that go with every command; `target` is a folder other than target/."""
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
def surroundings(settings: Settings, damaged: Mapping[Path, str]) -> Iterator[None]:
    """Set what dbt reads from the environment, without secrets; put everything back afterwards.

    dbt also changes the working folder of the process to its project.
    """
    private.only_owner()
    wanted = environment(settings, damaged)
    secret = config_secrets.secret_names(settings)
    before = {name: os.environ.get(name) for name in {*wanted, *secret}}
    folder = Path.cwd()
    for name in secret:
        os.environ.pop(name, None)
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


def project_vars(project: Path) -> dict[str, Any]:
    """Return the vars of dbt_project.yml; Madang's own where a company's project has no other."""
    found: dict[str, Any] = {}
    for folder in package.folders(project):
        found |= _declared(folder)
    return found


def _declared(folder: Path) -> dict[str, Any]:
    """The vars that one dbt_project.yml gives all that it reads."""
    data, _ = load_located(folder / "dbt_project.yml", shown_as="dbt_project.yml")
    given = dict((data or {}).get("vars") or {})
    return given | (given.pop(package.NAME, None) or {})


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
    if settings.ga4.edition:
        wanted["ga4_edition"] = settings.ga4.edition
    if settings.ga4.start_date:
        wanted["ga4_start_date"] = settings.ga4.start_date.isoformat()
    if settings.as_of:
        wanted["as_of"] = settings.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    declared = _declared(project)
    return {name: value for name, value in wanted.items() if declared.get(name) != value}


def profiles_dir(settings: Settings, project: Path) -> Path:
    """Return the folder of the dbt profile: the project's own, else a copy of the example."""
    if (project / "profiles.yml").is_file():
        return project
    example = package.home(project) / PROFILE_EXAMPLE
    if not example.is_file():
        raise ConfigError(
            f"The dbt project has neither profiles.yml nor {PROFILE_EXAMPLE}.",
            where=str(project),
            fix="Put the project's own back, or a profiles.yml with your targets beside it.",
        )
    folder = settings.root / "target" / "profiles"
    copy = folder / "profiles.yml"
    folder.mkdir(parents=True, exist_ok=True)
    if not copy.is_file() or copy.read_bytes() != example.read_bytes():
        private.copy(example, copy)
    return folder


def environment(settings: Settings, damaged: Mapping[Path, str]) -> dict[str, str]:
    """Return what the project and the profile read from the environment in a run of dbt."""
    warehouse = settings.warehouse
    return {
        "MADANG_TARGET": warehouse.type,
        package.VARIABLE: str(package.shipped()),
        "MADANG_DUCKDB_PATH": str(warehouse.path),
        # one path for all runs: where its profile changes, dbt parses the whole project anew
        "MADANG_SPILL_PATH": spill_folder(settings, "dbt"),
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
    private.copy(decisions.path_of(settings), private.folder(copy) / decisions.NAME)
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
        "MADANG_BIGQUERY_KEYFILE": config_secrets.given().get(reach.keyfile_env or "", ""),
        "MADANG_BIGQUERY_ENDPOINT": reach.api_endpoint or "None",
        "MADANG_BIGQUERY_MAXIMUM_BYTES": str(reach.maximum_bytes_billed or 0),
        "MADANG_BIGQUERY_RETRY_SECONDS": f"{max(1, reach.retry_seconds):.0f}",
        "MADANG_BIGQUERY_TIMEOUT_SECONDS": f"{max(1, reach.timeout_seconds):.0f}",
        "MADANG_GA4_PROJECT": reach.ga4_project or reach.project,
    }
    if reach.ga4_dataset:
        wanted["MADANG_GA4_DATASET"] = reach.ga4_dataset
    return wanted
