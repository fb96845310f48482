"""Every primitive of macros/dialect gives the same value on DuckDB and on GoogleSQL.

The macros are rendered with dbt's own dispatch rule (`<adapter>__name`, else `default__name`) and
the expected values are written by hand, so that the two engines cannot be wrong together.
"""

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local_bigquery.server import serve

DIALECT = Path(__file__).resolve().parents[2] / "macros" / "dialect"
PRIVATE = re.compile(r"{%-?\s*macro\s+(?!duckdb__|default__)(\w+)\(")
DECLARED = re.compile(r"{%-?\s*macro\s+(\w+)\(")
MACRO = re.compile(r"{%-?\s*macro\s+")
VARS = {"timezone": "Asia/Seoul", "currency": "KRW", "as_of": "2026-11-01T12:00:00+09:00"}


class Returned(Exception):
    """What a macro gives by return(), as in dbt."""


class Package:
    """Madang as macros name it: `madang.regex_literal`."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names[name]


class Macros:
    """The macros of macros/dialect for one adapter."""

    def __init__(self, adapter: str) -> None:
        environment = Environment(extensions=["jinja2.ext.do"])
        self.known: dict[str, Any] = {}

        def returned(value: Any) -> Any:
            raise Returned(value)

        def dispatch(name: str, _package: str) -> Any:
            found = self.known.get(f"{adapter}__{name}") or self.known[f"default__{name}"]
            return self._calling(found)

        names: dict[str, Any] = {
            "adapter": type("Adapter", (), {"dispatch": staticmethod(dispatch)}),
            "return": returned,
            "var": lambda name, default=None: VARS.get(name, default),
            "pinned_clock": lambda: VARS["as_of"],
        }
        names["madang"] = Package(names)
        texts = [path.read_text(encoding="utf-8") for path in sorted(DIALECT.glob("*.sql"))]
        for name in [name for text in texts for name in DECLARED.findall(text)]:
            names[name] = self._named(name)
        for text in texts:
            # Under another name, so that a macro calls its neighbours through `names`, as in dbt.
            own = environment.from_string(MACRO.sub(r"\g<0>own__", text), names).make_module()
            for name, macro in vars(own).items():
                if name.startswith("own__"):
                    self.known[name.removeprefix("own__")] = macro

    def _named(self, name: str) -> Any:
        return lambda *args, **named: self._calling(self.known[name])(*args, **named)

    @staticmethod
    def _calling(macro: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            try:
                return str(macro(*args, **named)).strip()
            except Returned as result:
                return result.args[0]

        return call

    def __getattr__(self, name: str) -> Any:
        return self._calling(self.known[name])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# name, arguments, expected: SQL arguments are the same text on both warehouses.
TEXT = "'{}'".format
CASES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("regex_matches", (TEXT("/models/maru9"), "^/models/"), True),
    ("regex_matches", ("concat('it is ', chr(39), 'q', chr(39))", "'q'$"), True),
    ("regex_matches", (TEXT("a.b"), r"^a\.b$"), True),
    ("regex_matches", (TEXT("axb"), r"^a\.b$"), False),
    ("regex_matches_column", (TEXT("KakaoTalk"), TEXT("(?i)kakao")), True),
    ("regex_extract", (TEXT("https://x.example/a/b?c"), "^https?://[^/?#]+(/[^?#]*)"), "/a/b"),
    ("regex_extract", (TEXT("no address"), "^https?://([^/]+)"), None),
    ("regex_replace", (TEXT("010-1234-5678"), "[^0-9]", ""), "01012345678"),
    ("regex_replace", (TEXT("aXbX"), "X", "-"), "a-b-"),
    ("text_literal", ('it\'s \\ "ü"',), 'it\'s \\ "ü"'),
    (
        "sha256_hex",
        (TEXT("abc"),),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    ("sha256_hex", ("cast(null as string)",), None),
    ("md5_hex", (TEXT("가"),), "c0c6e70680bf5a0abf36c4a5b1f3a1b2"),
    ("sixty_bits", (TEXT("abc"),), 794037764470669337),
    ("sixty_bits", ("cast(null as string)",), None),
    ("json_text", (TEXT('{"order_id": "A-1", "a.b": 5}'), "order_id"), "A-1"),
    ("json_text", (TEXT('{"order_id": "A-1", "a.b": 5}'), "a.b"), "5"),
    ("json_text", (TEXT('{"order_id": null}'), "order_id"), None),
    ("json_text", (TEXT('{"order_id": {"n": 1}}'), "order_id"), None),
    ("json_text", (TEXT('{"order_id": '), "order_id"), None),
    ("json_text", ("cast(null as string)", "order_id"), None),
    ("nfc", (TEXT("\u1100\u1161"),), "가"),
    ("nfkc", (TEXT("ＡＢｃ１２＠\u3000～"),), "ABc12@ ~"),
    ("timestamp_from_micros", ("1793458799123456",), at("2026-10-31 14:59:59.123456")),
    ("timestamp_from_text", (TEXT("2026-11-01T12:00:00+09:00"),), at("2026-11-01 03:00:00")),
    ("timestamp_from_text", (TEXT("soon"),), None),
    ("timestamp_from_local_text", (TEXT("2026-11-01 00:30:00"),), at("2026-10-31 15:30:00")),
    ("timestamp_from_local_text", (TEXT("2026-13-01 00:30:00"),), None),
    ("local_date", ("timestamp '2026-10-31 14:59:59'",), date(2026, 10, 31)),
    ("local_date", ("timestamp '2026-10-31 15:00:00'",), date(2026, 11, 1)),
    ("local_time_text", ("timestamp '2026-10-31 15:00:05'",), "2026-11-01 00:00:05"),
    ("month_before", ("date '2026-03-31'", "1"), date(2026, 2, 1)),
    ("month_before", ("date '2026-01-15'", "0"), date(2026, 1, 1)),
    ("days_between", ("date '2026-02-27'", "date '2026-03-01'"), 2),
    ("json_object", ({"a": TEXT("x"), "b": "cast(null as string)"},), '{"a":"x","b":null}'),
    ("json_of", (TEXT('{"a":[1,null]}'),), {"a": [1, None]}),
    # a key may be a word of SQL
    ("json_object", ({"Order": TEXT("x")},), '{"Order":"x"}'),
    ("week_of", ("date '2026-11-01'",), date(2026, 10, 26)),
    ("date_from_suffix", (TEXT("20261101"),), date(2026, 11, 1)),
    (
        "timestamp_plus",
        ("timestamp '2026-10-31 23:00:00'", 90, "minute"),
        at("2026-11-01 00:30:00"),
    ),
    ("date_plus", ("date '2026-02-01'", 31), date(2026, 3, 4)),
    ("date_plus", ("date '2026-03-01'", -1), date(2026, 2, 28)),
    ("timestamp_plus", ("timestamp '2026-03-01 00:00:00'", -1, "day"), at("2026-02-28 00:00:00")),
    (
        "seconds_between",
        ("timestamp '2026-10-31 23:59:59.25'", "timestamp '2026-11-01 00:00:01'"),
        1.75,
    ),
    ("as_of", (), at("2026-11-01 03:00:00")),
    ("far_future", (), at("9999-01-01 00:00:00")),
    ("micros_of", ("timestamp '1970-01-01 00:00:01.000002'",), 1000002),
    ("safe_cast_as", (TEXT("12"), "int64"), 12),
    ("safe_cast_as", (TEXT("x"), "int64"), None),
    ("number_within", ("cast('NaN' as {float64})",), None),
    ("number_within", ("cast('-Infinity' as {float64})",), None),
    ("number_within", ("cast(1e16 as {float64})",), None),
    ("number_within", ("cast(-12.5 as {float64})",), -12.5),
    ("number_within", ("9223372036854775807",), None),
    ("number_within", ("50000",), 50000),
    ("number_within", ("50000", "1e3"), None),
    ("number_from_text", (TEXT(" -12.50 "),), -12.5),
    ("number_from_text", (TEXT("1e-7"),), 1e-7),
    ("number_from_text", (TEXT("0000000000000000000012"),), 12.0),
    ("number_from_text", (TEXT("+.5"),), 0.5),
    ("number_from_text", (TEXT("NaN"),), None),
    ("number_from_text", (TEXT("Infinity"),), None),
    ("number_from_text", (TEXT("-inf"),), None),
    ("number_from_text", (TEXT("1e400"),), None),
    ("number_from_text", (TEXT("1_000"),), None),
    ("number_from_text", (TEXT("0x1F"),), None),
    ("number_from_text", (TEXT("9" * 400),), None),
    ("number_from_text", (TEXT(""),), None),
    ("number_from_text", ("cast(null as string)",), None),
    ("is_listed", (TEXT("b"), "(select 'a' as word union all select 'b')", "word"), True),
    ("is_listed", (TEXT("c"), "(select 'a' as word union all select 'b')", "word"), False),
    ("float_text", ("cast(45000 as {float64})",), "45000"),
    ("float_text", ("cast(0.5 as {float64})",), "0.5"),
    ("edit_distance", (TEXT("kim minji"), TEXT("kim minsi")), 1),
    ("edit_distance", (TEXT("hong"), TEXT("hng")), 1),
    ("edit_distance", (TEXT("ab"), TEXT("ba")), 2),
    ("edit_distance", (TEXT("김민지"), TEXT("")), 3),
    ("edit_distance", (TEXT("김민지"), TEXT("박민지")), 1),
    ("edit_distance", (TEXT("\u1100\u1175\u11b7"), TEXT("\u1107\u1161\u11a8")), 3),
    ("edit_distance", (TEXT("\u110c\u1175"), TEXT("\u110c\u1175\u11ab")), 1),
    ("edit_distance", (TEXT("山田 太郎"), TEXT("山本 太郎")), 1),
    ("edit_distance", (TEXT("a"), "cast(null as string)"), None),
    ("single_letters", (TEXT("김 민지"),), "\u1100\u1175\u11b7 \u1106\u1175\u11ab\u110c\u1175"),
    ("single_letters", (TEXT("가힣"),), "\u1100\u1161\u1112\u1175\u11c2"),
    ("single_letters", (TEXT("José Nuñez"),), "Jose Nunez"),
    ("single_letters", (TEXT(""),), ""),
    ("single_letters", ("cast(null as string)",), None),
]
ROWS = """
(
    select 'a' as g, 1 as n, 30 as moment, true as yes
    union all select 'b', 2, 20, false
    union all select cast(null as string), 3, 10, cast(null as bool)
    union all select 'd', 4, 40, false
) as t"""
AGGREGATES: list[tuple[str, str, tuple[Any, ...], Any]] = [
    ("first_by", "", ("g", "moment"), "b"),
    ("last_by", "", ("g", "moment"), "d"),
    ("last_by", "where n < 4", ("g", "moment"), "a"),
    ("any_true", "", ("yes",), True),
    ("any_true", "where n > 1", ("yes",), False),
]
# Not values but names, lists, parts of a query, settings; what they do is tested where a model is
# built with them.
ELSEWHERE = {
    "float64",
    "regex_literal",
    "overwrite_days_strategy",
    "get_incremental_overwrite_days_sql",
    "partitioned_by_day",
    "overwrites_days",
    "requires_day_filter",
    "clustered_by",
    "when_written",
    "replace_table",
    "overwrite_days",
    "scratch_relation",
    "create_scratch_table_as",
    "fleeting_hash",
    "union_all_by_name",
    "rows_of_array",
    "text_literals",
    "column_types",
    "type_as_told",
    "wide_int",
    "columns_of_schema",
    "parts_of_table",
    "in_part",
    "write_table",
}


@pytest.fixture(scope="module")
def client() -> Iterator[bigquery.Client]:
    with serve("test-project") as server:
        yield bigquery.Client(
            "test-project", AnonymousCredentials(), client_options={"api_endpoint": server.url}
        )


@pytest.fixture(scope="module")
def macros() -> dict[str, Macros]:
    return {adapter: Macros(adapter) for adapter in ("duckdb", "bigquery")}


def on_duckdb(sql: str) -> Any:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchone()[0]


def on_bigquery(client: bigquery.Client, sql: str) -> Any:
    (row,) = client.query(sql).result()
    value = row[0]
    is_instant = isinstance(value, datetime) and value.tzinfo
    return value.astimezone(UTC).replace(tzinfo=None) if is_instant else value


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    if isinstance(expected, dict) and isinstance(found, str):  # DuckDB gives JSON as text
        found = json.loads(found)
    return type(found) is type(expected) and found == expected


def both(client: bigquery.Client, macros: dict[str, Macros], name: str, args: tuple, around: str):
    """The value of a primitive on each engine; `{}` in `around` is its place in the statement."""
    values = {}
    for adapter, rendered in macros.items():
        told = [
            arg.replace("{float64}", rendered.float64()) if isinstance(arg, str) else arg
            for arg in args
        ]
        sql = around.format(getattr(rendered, name)(*told))
        run = on_duckdb if adapter == "duckdb" else lambda text: on_bigquery(client, text)
        values[adapter] = run(sql)
    return values


@pytest.mark.parametrize(("name", "args", "expected"), CASES, ids=lambda one: str(one)[:40])
def test_a_primitive_gives_the_same_on_both(client, macros, name, args, expected) -> None:
    for adapter, found in both(client, macros, name, args, "select {} as v").items():
        assert same(found, expected), (adapter, found)


@pytest.mark.parametrize(("name", "where", "args", "expected"), AGGREGATES)
def test_an_aggregate_gives_the_same_on_both(client, macros, name, where, args, expected) -> None:
    around = "select {} as v from " + ROWS + " " + where
    for adapter, found in both(client, macros, name, args, around).items():
        assert same(found, expected), (adapter, found)


def test_a_quantile_is_exact_and_interpolated_on_both(client, macros) -> None:
    around = "select max(q) as v from (select {} as q from " + ROWS + ")"
    found = both(client, macros, "quantile_over", ("n", 0.5, "1"), around)
    assert {adapter: float(value) for adapter, value in found.items()} == {
        "duckdb": 2.5,
        "bigquery": 2.5,
    }


def test_words_become_rows_on_both(client, macros) -> None:
    around = "select min(w) as v from (select word as w from (select 1 as n) cross join {})"
    for text, place in (("b a c", "a"), ("one", "one"), ("", "")):
        found = both(client, macros, "rows_of_words", (TEXT(text), "word"), around)
        assert found == {"duckdb": place, "bigquery": place}
    counted = around.replace("min(w)", "count(w)")
    found = both(client, macros, "rows_of_words", (TEXT("b a a"), "word"), counted)
    assert found == {"duckdb": 3, "bigquery": 3}


def test_rows_are_written_and_days_listed_on_both(client, macros) -> None:
    typed = {"word": "string", "n": "int64"}
    around = "select concat(min(word), cast(sum(n) as string)) from ({}) as written"
    found = both(client, macros, "rows_of", (typed, [[TEXT("b"), "1"], [TEXT("a"), "2"]]), around)
    assert found == {"duckdb": "a3", "bigquery": "a3"}
    counted = "select count(word) from ({}) as written"
    found = both(client, macros, "rows_of", ({"word": "string"}, [[TEXT("a")]]), counted)
    assert found == {"duckdb": 1, "bigquery": 1}
    found = both(client, macros, "rows_of", (typed, []), counted)
    assert found == {"duckdb": 0, "bigquery": 0}
    days = "select concat(cast(min(day) as string), cast(count(*) as string)) from {}"
    arguments = ("date '2026-02-27'", "date '2026-03-01'", "day")
    found = both(client, macros, "dates_between", arguments, days)
    assert found == {"duckdb": "2026-02-273", "bigquery": "2026-02-273"}


def test_no_primitive_is_untested() -> None:
    declared = {
        name
        for path in DIALECT.glob("*.sql")
        for name in PRIVATE.findall(path.read_text(encoding="utf-8"))
    }
    tested = {case[0] for case in CASES} | {case[0] for case in AGGREGATES}
    tested |= {"dates_between", "quantile_over", "rows_of", "rows_of_words"}
    assert declared - tested - ELSEWHERE == set()


def test_each_broken_rule_of_a_table_is_named_on_both(client, macros) -> None:
    """The generic test one_row_per: a row a key that breaks a rule, and no rule that holds."""
    path = DIALECT.with_name("tests") / "one_row_per.sql"
    found = re.search(r"{% test one_row_per\(.*?%}(.*?){% endtest %}", path.read_text(), re.DOTALL)
    assert found is not None
    template = Environment(extensions=["jinja2.ext.do"]).from_string(found.group(1))
    rows = (
        ("a", "1", "x"),
        ("a", "null", "it's"),
        ("b", "2", "z"),
        ("c", "3", "x"),
        ("d", "1", ""),
    )
    for adapter, run in (("duckdb", rows_on_duckdb), ("bigquery", client.query_and_wait)):
        said = macros[adapter]
        table = " union all ".join(
            f"select '{key}' as k, {number} as n, nullif({said.text_literal(word)}, '') as w"
            for key, number, word in rows
        )
        rules = {
            "not_null": ["k", "n"],
            "one_of": {"w": ["x", "it's"], "n": [1, 2, 3]},
            "holds": ["n < 3", "k <> 'q'"],
        }
        sql = template.render(madang=said, model=f"({table}) as t", columns=["k"], **rules)
        told = sorted((row[0], row[1], row[3]) for row in run(sql))
        assert told == [
            ("a", 2, "n is null; does not hold: n < 3"),
            ("b", 1, "w is none of: x, it's"),
            ("c", 1, "does not hold: n < 3"),
        ], adapter
        sql = template.render(
            madang=said, model=f"({table}) as t", columns=["k"], not_null=[], one_of={}, holds=[]
        )
        assert [tuple(row) for row in run(sql)] == [("a", 2)], adapter


def rows_on_duckdb(sql: str) -> list[tuple]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()
