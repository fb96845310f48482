"""The part of madang.yml about the GA4 export: which properties there are, and where each lies."""

from datetime import date
from os.path import normpath
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from madang.errors import did_you_mean
from madang.specs.strict import Strict, matching


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        if known:
            hint = did_you_mean(name, known)
            raise ValueError(
                f"'{name}' is not a time zone name such as Asia/Seoul.{hint}"
            ) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_timezone)]
Currency = Annotated[str, matching(r"[A-Z]{3}", "a currency code such as KRW")]
ProjectId = Annotated[
    str, matching(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", "a Google Cloud project id")
]
Edition = Annotated[
    Literal["standard", "360"],
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
]
Dataset = Annotated[str, matching(r"[A-Za-z0-9_]+", "a dataset name such as analytics_123456789")]


class Ga4Property(Strict):
    """One property. `path` is its folder on DuckDB, `dataset` its dataset on BigQuery.

    `format` is ga360 for the export of Universal Analytics (tables ga_sessions_). `edition` is 360
    where the property is of Analytics 360, whose daily export is not cut at a million events.
    """

    id: Annotated[
        str,
        BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
        matching(r"[0-9A-Za-z_-]+", "a property id such as 123456789"),
    ]
    timezone: TimeZone
    currency: Currency | None = None
    path: Path | None = None
    dataset: Dataset | None = None
    project: ProjectId | None = None
    format: Literal["ga4", "ga360"] = "ga4"
    edition: Edition | None = None

    @property
    def shard_prefix(self) -> str:
        """What the names of its shards begin with."""
        return "ga_sessions_" if self.format == "ga360" else "events_"

    @model_validator(mode="before")
    @classmethod
    def _has_a_timezone(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("id") and not given.get("timezone"):
            raise ValueError(
                f"The GA4 property {given['id']} has no time zone. Add 'timezone', the one that "
                "GA4 shows under Admin > Property details."
            )
        return given


class Ga4Settings(Strict):
    """What is read of the GA4 export: days from `start_date` on; null reads all of them.

    `edition` is that of the properties that say none: standard, if it is not there either.
    Without `properties` there is one, in `paths.ga4` or `warehouse.bigquery.ga4_dataset`.
    """

    start_date: date | None = None
    edition: Edition | None = None
    properties: list[Ga4Property] = Field(default_factory=list)

    @field_validator("properties")
    @classmethod
    def _each_once(cls, properties: list[Ga4Property]) -> list[Ga4Property]:
        for name in ("id", "path"):
            seen = [value for one in properties if (value := getattr(one, name)) is not None]
            if twice := [value for value in seen if seen.count(value) > 1]:
                raise ValueError(f"Two properties have the {name} {twice[0]}.")
        return properties

    def placed(self, root: Path, folder: Path) -> "Ga4Settings":
        """Return them with absolute folders: `path` below `root`, else `<folder>/<id>`."""
        placed = [
            one.model_copy(
                update={
                    "path": Path(
                        normpath(root / one.path.expanduser() if one.path else folder / one.id)
                    )
                }
            )
            for one in self.properties
        ]
        return self.model_copy(update={"properties": placed})
