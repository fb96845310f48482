"""Values between the engine, JSON as BigQuery's REST API writes it, and Python."""

import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery.engine import Column, Row
from local_bigquery.schema import is_array, is_struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
SCALES = {type_pb2.TYPE_NUMERIC: 9, type_pb2.TYPE_BIGNUMERIC: 38}
EXACT = Context(prec=80)  # BIGNUMERIC has 76 digits


def to_python(value: ValueProto, type_: TypeProto) -> Any:
    """A value as Python's own.

    Datetimes are aware where BigQuery's are instants, structs are dicts.
    """
    if is_array(type_):
        element = type_.array_type.element_type
        return [to_python(part, element) for part in value.array_value.element]
    which = value.WhichOneof("value")
    if which is None:
        return None
    kind = type_.type_kind
    if is_struct(type_):
        parts = zip(type_.struct_type.field, value.struct_value.field, strict=True)
        return {field.field_name: to_python(part, field.field_type) for field, part in parts}
    if kind == type_pb2.TYPE_DATE:
        return EPOCH_DAY + timedelta(days=value.date_value)
    if kind == type_pb2.TYPE_TIMESTAMP:
        stamp = value.timestamp_value
        return EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
    if kind == type_pb2.TYPE_DATETIME:
        bits = value.datetime_value.bit_field_datetime_seconds
        micros = value.datetime_value.nanos // 1000
        return datetime(bits >> 26, bits >> 22 & 15, bits >> 17 & 31, *_clock(bits), micros)
    if kind == type_pb2.TYPE_TIME:
        return time(*_clock(value.time_value >> 30), (value.time_value & (1 << 30) - 1) // 1000)
    if kind in SCALES:
        number = Decimal(int.from_bytes(getattr(value, which), "little", signed=True))
        return number.scaleb(-SCALES[kind], EXACT)
    return getattr(value, which)


def _clock(bits: int) -> tuple[int, int, int]:
    return bits >> 12 & 31, bits >> 6 & 63, bits & 63


def to_cell(value: ValueProto, type_: TypeProto) -> Any:
    """A value as the `v` of a row in the REST API: text, lists of cells, records of cells."""
    if is_array(type_):
        element = type_.array_type.element_type
        return [{"v": to_cell(part, element)} for part in value.array_value.element]
    if value.WhichOneof("value") is None:
        return None
    if is_struct(type_):
        parts = zip(type_.struct_type.field, value.struct_value.field, strict=True)
        return {"f": [{"v": to_cell(part, field.field_type)} for field, part in parts]}
    kind = type_.type_kind
    if kind == type_pb2.TYPE_TIMESTAMP:
        stamp = value.timestamp_value
        return str(stamp.seconds * 10**6 + stamp.nanos // 1000)
    if kind == type_pb2.TYPE_BOOL:
        return "true" if value.bool_value else "false"
    if kind == type_pb2.TYPE_BYTES:
        return base64.b64encode(value.bytes_value).decode()
    if kind == type_pb2.TYPE_DOUBLE:
        return repr(value.double_value).replace("inf", "Infinity").replace("nan", "NaN")
    if kind in SCALES:
        return format(to_python(value, type_).normalize(EXACT), "f")
    if kind in (type_pb2.TYPE_DATE, type_pb2.TYPE_DATETIME, type_pb2.TYPE_TIME):
        return to_python(value, type_).isoformat()
    return str(getattr(value, value.WhichOneof("value")))


def write_row(row: Row, record: dict[str, Any], columns: list[Column]) -> None:
    """Put a JSON record into a row, by column name in any case.

    Raises ValueError naming the column that does not fit.
    """
    given = {name.lower(): value for name, value in record.items()}
    for column in columns:
        value = given.get(column.name.lower())
        try:
            write(row.cell.add(), value, column.type)
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"Error while reading field {column.name}: {error}") from None


def write(target: ValueProto, value: Any, type_: TypeProto) -> None:
    """Put a JSON, CSV or Python value of the given type into a value message."""
    if is_array(type_):
        target.array_value.SetInParent()
        for part in value or []:
            write(target.array_value.element.add(), part, type_.array_type.element_type)
        return
    if value is None:
        return
    if is_struct(type_):
        target.struct_value.SetInParent()
        given = {name.lower(): part for name, part in value.items()}
        for field in type_.struct_type.field:
            part = given.get(field.field_name.lower())
            write(target.struct_value.field.add(), part, field.field_type)
        return
    kind = type_.type_kind
    if kind == type_pb2.TYPE_STRING:
        target.string_value = value if isinstance(value, str) else json.dumps(value)
    elif kind == type_pb2.TYPE_INT64:
        target.int64_value = int(value)
    elif kind == type_pb2.TYPE_DOUBLE:
        target.double_value = float(value)
    elif kind == type_pb2.TYPE_BOOL:
        target.bool_value = _boolean(value)
    elif kind == type_pb2.TYPE_BYTES:
        target.bytes_value = value if isinstance(value, bytes) else base64.b64decode(value)
    elif kind == type_pb2.TYPE_DATE:
        day = value if isinstance(value, date) else date.fromisoformat(value)
        target.date_value = (day - EPOCH_DAY).days
    elif kind == type_pb2.TYPE_TIMESTAMP:
        micros = (_instant(value) - EPOCH) // timedelta(microseconds=1)
        target.timestamp_value.seconds, rest = divmod(micros, 10**6)
        target.timestamp_value.nanos = rest * 1000
    elif kind == type_pb2.TYPE_DATETIME:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        target.datetime_value.bit_field_datetime_seconds = (
            moment.year << 26 | moment.month << 22 | moment.day << 17
        ) | (moment.hour << 12 | moment.minute << 6 | moment.second)
        target.datetime_value.nanos = moment.microsecond * 1000
    elif kind in SCALES:
        number = int(Decimal(str(value)).scaleb(SCALES[kind], EXACT))
        size = number.bit_length() // 8 + 1
        setattr(target, _FIELDS[kind], number.to_bytes(size, "little", signed=True))
    elif kind == type_pb2.TYPE_JSON:
        target.json_value = value if isinstance(value, str) else json.dumps(value)
    else:
        raise ValueError("the local server cannot load this type")


_FIELDS = {type_pb2.TYPE_NUMERIC: "numeric_value", type_pb2.TYPE_BIGNUMERIC: "bignumeric_value"}


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("true", "t", "yes", "y", "1"):
        return True
    if text in ("false", "f", "no", "n", "0"):
        return False
    raise ValueError(f"Could not parse '{value}' as BOOL")


def _instant(value: Any) -> datetime:
    """ISO text with or without zone (none is UTC), seconds since 1970, or a datetime."""
    if isinstance(value, int | float):
        return EPOCH + timedelta(microseconds=round(value * 10**6))
    moment = value
    if isinstance(value, str):
        moment = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
