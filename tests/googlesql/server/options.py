"""OPTIONS (…) of tables and views as properties of their REST resource."""

from collections.abc import Callable
from typing import Any

from googlesql.engine import inherited, unwrap
from googlesql.server.errors import BigQueryError
from googlesql.server.session import Session
from googlesql.values import to_python


def _milliseconds(moment: Any) -> str | None:
    return str(int(moment.timestamp() * 1000)) if moment is not None else None


def _labels(pairs: Any) -> dict[str, str]:
    return dict(tuple(pair.values()) for pair in pairs or [])


# Option → property and how its value is written there; the documented options of tables and views.
KNOWN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", str),
    "friendly_name": ("friendlyName", str),
    "labels": ("labels", _labels),
    "expiration_timestamp": ("expirationTime", _milliseconds),
    "require_partition_filter": ("requirePartitionFilter", bool),
    "partition_expiration_days": ("partitionExpirationDays", float),
    "kms_key_name": ("kmsKeyName", str),
    "default_rounding_mode": ("defaultRoundingMode", str),
    "enable_change_history": ("enableChangeHistory", bool),
    "max_staleness": ("maxStaleness", str),
    "enable_refresh": ("enableRefresh", bool),
    "refresh_interval_minutes": ("refreshIntervalMinutes", float),
    "privacy_policy": ("privacyPolicy", str),
    "tags": ("tags", _labels),
    "storage_uri": ("storageUri", str),
    "file_format": ("fileFormat", str),
    "table_format": ("tableFormat", str),
}


def of_table(session: Session, base: Any) -> dict[str, Any]:
    """The properties that a CREATE statement's options set, those of columns included."""
    properties = from_list(session, base.options_list) if base.HasField("options_list") else {}
    elements = base.table_element_list.elements if hasattr(base, "table_element_list") else []
    described = {}
    for element in map(unwrap, elements):
        schema = unwrap(element.schema) if "schema" in element.DESCRIPTOR.fields_by_name else None
        listed = schema is not None and inherited(schema, "options_list")
        if listed and listed.options_entries:
            described[element.name.id_string.lower()] = from_list(session, listed).get(
                "description"
            )
    return properties | ({"columnDescriptions": described} if described else {})


def from_list(session: Session, listed: Any) -> dict[str, Any]:
    """The properties that an OPTIONS list sets.

    Raises BigQueryError for an option that BigQuery does not have.
    """
    properties = {}
    for entry in listed.options_entries:
        name = entry.name.id_string.lower()
        if name not in KNOWN:
            raise BigQueryError(f"Unknown option: {name}")
        known, write = KNOWN[name]
        type_, value = session.scalar(session.text(entry.value))
        plain = to_python(value, type_)
        properties[known] = write(plain) if plain is not None else None
    return properties
