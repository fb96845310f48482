"""madang.yml and the environment, read once and checked: the settings of one workspace."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    model_validator,
)

from madang.errors import ConfigError, Problem, SpecError
from madang.settings.ga4 import (
    Currency,
    Dataset,
    Ga4Property,
    Ga4Settings,
    ProjectId,
    TimeZone,
)
from madang.settings.receiver import ReceiverSettings
from madang.settings.salesforce import SalesforceSettings
from madang.specs import package
from madang.specs.located_yaml import load_located
from madang.specs.strict import EnvironmentName, HttpAddress, Strict, matching, validated
from madang.sync.destinations.base import DestinationSettings
from madang.sync.destinations.registry import Destinations

CONFIG_NAME = "madang.yml"
JINJA_FIX = "Write the value itself; a secret's place is the environment (key_env)."
LAYERS = (
    "raw",
    "private",
    "staging",
    "identity",
    "activity",
    "marts",
    "activation",
    "reference",
    "ledger",
)

Share = Annotated[float, Field(ge=0, le=1)]
Identifier = Annotated[
    str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "a plain name (letters, digits, _)")
]

SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _bytes(value: Any) -> Any:
    """Read a size such as 20GiB; BigQuery bills by powers of 1,024, so GB and GiB are one."""
    if not isinstance(value, str):
        return value
    read = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
    if not read:
        raise ValueError(f"'{value}' is not a size such as 20GiB.")
    return int(float(read[1]) * SIZES[read[2].upper()])


Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=1)]
Label = r"[a-z0-9_-]{0,63}"


class PathSettings(Strict):
    """Folders and files of the workspace; absolute once loaded."""

    ga4: Path = Path("ga4")
    inbox: Path = Path("inbox")
    rejects: Path = Path("rejects")
    decisions: Path = Path("decisions")
    plans: Path = Path("plans")
    journal: Path = Path("journal.sqlite")
    received: Path = Path("received.sqlite")
    receiver_keys: Path = Path("receiver-keys.json")
    logs: Path = Path("logs")
    scratch: Path = Path("scratch")
    marts: Path = Path("marts")
    site: Path = Path("site")


class BigQuerySettings(Strict):
    """How BigQuery is reached. Without `keyfile_env`, Google's default credentials are used.

    `retry_seconds` is how long one request is repeated while Google asks to come back later;
    `timeout_seconds` is how long one job may run. `api_endpoint` is for a local server in tests:
    no credentials are sent to it.
    """

    project: ProjectId
    location: Annotated[str, matching(r"[A-Za-z0-9-]+", "a location such as US or EU")] = (
        "asia-northeast3"
    )
    ga4_project: ProjectId | None = None
    ga4_dataset: Dataset | None = None
    keyfile_env: EnvironmentName | None = None
    maximum_bytes_billed: Bytes | None = None
    labels: dict[
        Annotated[str, matching(rf"[a-z]{Label}", "a label's name (a-z, 0-9, _, -)")],
        Annotated[str, matching(Label, "a label's value (a-z, 0-9, _, -; at most 63)")],
    ] = Field(default_factory=dict)
    timeout_seconds: Annotated[float, Field(gt=0)] = 1800
    retry_seconds: Annotated[float, Field(ge=0)] = 300
    api_endpoint: HttpAddress | None = None


class WarehouseSettings(Strict):
    """Where the tables live. `path` and `memory_limit` belong to DuckDB."""

    type: Literal["duckdb", "bigquery"] = "duckdb"
    path: Path = Path("warehouse.duckdb")
    schema_: Identifier = Field(default="madang", alias="schema")
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    memory_limit: (
        Annotated[str, matching(r"\d+(\.\d+)?\s*[KMGT]i?B", "a size such as 2GB")] | None
    ) = None
    bigquery: BigQuerySettings | None = None

    @model_validator(mode="after")
    def _bigquery_is_described(self) -> "WarehouseSettings":
        if self.type == "bigquery" and self.bigquery is None:
            raise ValueError("type: bigquery needs 'bigquery:' with at least the key 'project'.")
        return self


class CostSettings(Strict):
    """What a daily run may read on BigQuery, and what a TiB costs (on demand, in USD)."""

    daily_budget: Bytes | None = None
    price_per_tib: Annotated[float, Field(ge=0)] = 6.25


class LoadSettings(Strict):
    """What holds a file: the share of its rows that cannot be read, and, of a snapshot, the share
    of the last one's rows that are missing. A mapping may have its own.
    """

    max_reject_share: Share = 0.2
    max_shrink_share: Share = 0.3


class SyncSettings(Strict):
    """The guards of a sync."""

    max_change_share: Share = 0.5
    max_plan_age_hours: Annotated[float, Field(gt=0)] = 24


class PublishSettings(Strict):
    """Who may read what is published: the marts' Parquet files and the pages."""

    readable_by: Literal["owner", "group", "everyone"] = "owner"


class SettingsFile(Strict):
    """What may stand in madang.yml."""

    version: Literal[1]
    timezone: TimeZone = "Asia/Seoul"
    currency: Currency = "KRW"
    language: Literal["ko", "en"] = "ko"  # of the pages
    as_of: AwareDatetime | None = None
    project: Path | None = None
    paths: PathSettings = PathSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    ga4: Ga4Settings = Ga4Settings()
    cost: CostSettings = CostSettings()
    load: LoadSettings = LoadSettings()
    publish: PublishSettings = PublishSettings()
    receiver: ReceiverSettings = ReceiverSettings()
    salesforce: SalesforceSettings | None = None
    destinations: Destinations = Destinations()
    sync: SyncSettings = SyncSettings()


class Settings(SettingsFile):
    """Everything a command needs to know about its workspace. Every path is absolute."""

    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)  # type: ignore[assignment]
    root: Path
    config_path: Path
    project_dir: Path

    def now(self) -> datetime:
        """Return the run's moment in UTC: the pinned `as_of`, or the clock."""
        return (self.as_of or datetime.now(UTC)).astimezone(UTC)

    def schema_of(self, layer: str) -> str:
        """Return the schema (BigQuery: dataset) of a layer: `madang_raw`, `madang_marts`."""
        return f"{self.warehouse.schema_}_{layer}"

    def ga4_properties(self) -> list[Ga4Property]:
        """Return the GA4 properties that are read, with all that madang.yml left out.

        Without `ga4.properties` it is one, whose dataset is None where nobody named it.
        """
        reach = self.warehouse.bigquery
        project = (reach.ga4_project or reach.project) if reach else None
        if not self.ga4.properties:
            dataset = reach.ga4_dataset if reach else None
            number = re.sub(r"\D", "", dataset or "") or "000000000"
            alone = Ga4Property(id=number, timezone=self.timezone, dataset=dataset)
            read = [alone.model_copy(update={"path": self.paths.ga4})]
        else:
            read = [
                one.model_copy(update={"dataset": one.dataset or f"analytics_{one.id}"})
                for one in self.ga4.properties
            ]
        return [one.model_copy(update={"project": one.project or project}) for one in read]

    @property
    def bigquery(self) -> BigQuerySettings:
        """Return how BigQuery is reached. Only where `warehouse.type` is bigquery."""
        assert self.warehouse.bigquery is not None
        return self.warehouse.bigquery


def find_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the madang.yml to use: the argument, else MADANG_CONFIG, else the working folder's.

    A folder stands for the madang.yml inside it. Raises ConfigError when there is none.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ["MADANG_CONFIG"]) if environ.get("MADANG_CONFIG") else None)
    found = (named or Path(CONFIG_NAME)).expanduser()
    if found.is_dir():
        found = found / CONFIG_NAME
    if found.is_file():
        return found.resolve()
    if named:
        origin = "--config" if path else "the environment variable MADANG_CONFIG"
        raise ConfigError(
            "The configuration file does not exist.",
            where=str(found),
            fix=f"Correct {origin}, or write one there with 'madang init'.",
        )
    raise ConfigError(
        f"There is no {CONFIG_NAME} in this folder.",
        where=str(Path.cwd()),
        fix="Go to a workspace, name one with --config PATH, or write one with 'madang init'.",
    )


def load_settings(path: Path | None = None) -> Settings:
    """Read and check madang.yml. Raises ConfigError that tells every problem with its line."""
    config_path = find_config(path)
    try:
        data, lines = load_located(config_path)
    except SpecError as error:
        raise ConfigError(
            error.message, where=error.where, fix=error.fix, problems=error.problems
        ) from error
    file = str(config_path)
    if not isinstance(data, dict):
        message = "madang.yml must be a mapping of keys, beginning with 'version: 1'."
        raise ConfigError.of([Problem(file, 1, message)])
    read, problems = validated(SettingsFile, data, file, lines)
    problems += [
        Problem(file, line, "madang.yml is data: nothing like {{ }} is replaced.", JINJA_FIX)
        for line, _ in lines.jinja.values()
    ]
    if read is None or problems:
        raise ConfigError.of(problems)
    root = config_path.parent
    absolute: dict[str, Any] = dict(read)
    absolute["paths"] = PathSettings(**{name: _under(root, p) for name, p in read.paths})
    absolute["ga4"] = read.ga4.placed(root, absolute["paths"].ga4)
    absolute["warehouse"] = read.warehouse.model_copy(
        update={"path": _under(root, read.warehouse.path)}
    )
    absolute["destinations"] = read.destinations.given()
    if read.warehouse.type == "duckdb":
        _check_warehouse_path(absolute["warehouse"].path, file, lines)
    project_dir = _project_dir(root, read.project)
    if read.project is not None and not (project_dir / "dbt_project.yml").is_file():
        line = lines.get(("project",), 0)
        message = f"project: there is no dbt_project.yml in {project_dir}."
        raise ConfigError.of([Problem(file, line, message, "Name the folder of the dbt project.")])
    return Settings(**absolute, root=root, config_path=config_path, project_dir=project_dir)


def project_near(config_path: Path) -> Path | None:
    """Return the dbt project of a madang.yml that cannot be used, as far as that can be seen."""
    try:
        data, _ = load_located(config_path)
    except SpecError:
        data = None
    named = data.get("project") if isinstance(data, dict) else None
    found = _project_dir(config_path.parent, Path(named) if isinstance(named, str) else None)
    return found if (found / "dbt_project.yml").is_file() else None


def _check_warehouse_path(path: Path, file: str, lines: Mapping[tuple, int]) -> None:
    """Raise ConfigError for a path that dbt's adapter, which reads it as an address, would cut off.

    DuckDB itself cannot write beside a file below a folder with a question mark.
    """
    signs = [sign for sign in "#?" if sign in str(path)] + [";"] * (";" in path.name)
    if signs:
        told = " and ".join(f"'{sign}'" for sign in signs)
        raise ConfigError.of(
            [
                Problem(
                    file,
                    lines.get(("warehouse", "path"), 0),
                    f"The path of the warehouse must not have {told} in it: {path}.",
                    "Rename the folder, or name another place in warehouse.path.",
                )
            ]
        )


def _under(root: Path, path: Path) -> Path:
    """Join without following links, so that a linked data folder keeps its name."""
    return Path(os.path.normpath(root / path.expanduser()))


def _project_dir(root: Path, project: Path | None) -> Path:
    """The named dbt project, else the nearest one above, else the one this package lies in."""
    if project is not None:
        return _under(root, project)
    for folder in (root, *root.parents, package.shipped()):
        if (folder / "dbt_project.yml").is_file():
            return folder
    return root
