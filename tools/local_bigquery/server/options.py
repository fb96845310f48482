"""OPTIONS (…) of tables and views as properties of their REST resource."""

from collections.abc import Callable
from typing import Any

from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery.engine import inherited, unwrap
from local_bigquery.properties import OPTIONS, PAIRS
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Session
from local_bigquery.values import to_python


def _milliseconds(moment: Any) -> str | None:
    return str(int(moment.timestamp() * 1000)) if moment is not None else None


def _pairs(value: ValueProto) -> dict[str, str]:
    """An array of pairs whose parts have no names: [('team', 'web'), …]."""
    pairs = (pair.struct_value.field for pair in value.array_value.element)
    return {name.string_value: told.string_value for name, told in pairs}


# How a value of a type is written in the REST resource.
WRITERS: dict[str, Callable[[Any], Any]] = {
    "STRING": str,
    "BOOL": bool,
    "FLOAT64": float,
    "TIMESTAMP": _milliseconds,
    PAIRS: dict,
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
        if name not in OPTIONS:
            raise BigQueryError(f"Unknown option: {name}")
        known, kind = OPTIONS[name]
        type_, value = session.scalar(session.text(entry.value))
        plain = _pairs(value) if kind == PAIRS else to_python(value, type_)
        properties[known] = WRITERS[kind](plain) if plain is not None else None
    return properties


def settled(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties with the partitions' options where the REST resource has them."""
    cut = properties.get("timePartitioning")
    if cut is None or "partitionExpirationDays" not in properties:
        return properties
    days = properties["partitionExpirationDays"]
    cut = {key: value for key, value in cut.items() if key != "expirationMs"}
    if days is not None:
        cut["expirationMs"] = str(int(days * 86_400_000))
    return properties | {"timePartitioning": cut}
