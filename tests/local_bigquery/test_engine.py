"""The engine answers as BigQuery's documentation says, and refuses what BigQuery refuses."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from local_bigquery import schema
from local_bigquery.engine import Engine, GoogleSqlError, Scope, shared_engine
from local_bigquery.joins import without_equality
from local_bigquery.values import to_python


@pytest.fixture(scope="module")
def engine() -> Engine:
    return shared_engine()


@pytest.fixture
def answer(engine: Engine) -> Callable[[str], Any]:
    """The single value that an expression gives."""

    def evaluate(expression: str) -> Any:
        result = engine.query(f"select {expression} as answer", Scope())
        return to_python(result.rows[0].cell[0], result.columns[0].type)

    return evaluate


# Examples of Google's function reference, and rules of its lexical and conversion pages.
DOCUMENTED = [
    ("cast(2.5 as int64)", 3),
    ("cast(45000.0 as string)", "45000"),
    ("cast(true as string)", "true"),
    ("7 / 2", 3.5),
    ("div(7, 2)", 3),
    ("mod(-25, 10)", -5),
    ("ieee_divide(1.0, 0)", float("inf")),
    ("safe_divide(1, 0)", None),
    ("safe_cast('apple' as int64)", None),
    ("concat('a', null)", None),
    ("'a' || 'b'", "ab"),
    ("length('바다')", 2),
    ("byte_length('바다')", 6),
    ("substr('apple', -2)", "le"),
    ("split('a,b', ',')[safe_offset(5)]", None),
    ("regexp_extract('foo@example.com', r'^([a-z]+)@')", "foo"),
    ("regexp_replace('# Heading', r'^# ([a-zA-Z ]+$)', r'<h1>\\1</h1>')", "<h1>Heading</h1>"),
    ("regexp_contains('010-1234', r'[\\x{2010}-]')", True),
    ("normalize('Ａ１㈜', nfkc)", "A1(주)"),
    ("normalize('각', nfc)", "각"),
    ("to_hex(md5('a'))", "0cc175b9c0f1b6a831c399e269772661"),
    ("to_hex(sha256(''))", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("least(1, null)", None),
    ("greatest(3, 5, 1)", 5),
    ("date(timestamp '2026-10-31 16:00:00+00', 'Asia/Seoul')", date(2026, 11, 1)),
    ("date_diff(date '2017-12-31', date '2017-12-30', day)", 1),
    ("timestamp_diff(timestamp '2026-01-02', timestamp '2026-01-01 00:00:01', day)", 0),
    ("timestamp_micros(1230219000000000)", datetime(2008, 12, 25, 15, 30, tzinfo=UTC)),
    ("timestamp '2026-01-01 00:00:00'", datetime(2026, 1, 1, tzinfo=UTC)),
    ("parse_date('%Y%m%d', '20081225')", date(2008, 12, 25)),
    ("timestamp_trunc(timestamp '2008-12-25 15:30:00', day)", datetime(2008, 12, 25, tzinfo=UTC)),
    ("array_to_string(['a', null, 'c'], '-')", "a-c"),
    ("json_value('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
    ("(select string_agg(x, '&' order by x) from unnest(['b', 'a']) as x)", "a&b"),
    ("(select count(*) from unnest([1, null]) as x)", 2),
    ("(select array_agg(x ignore nulls order by x limit 1)[offset(0)] "
     "from unnest([2, null, 1]) as x)", 1),
    ("(select p.v.i from unnest([struct('k' as key, struct(5 as i) as v)]) as p "
     "where p.key = 'k')", 5),
    ("(select sum(x) over (order by x rows between unbounded preceding and 1 preceding) "
     "from unnest([1, 2, 3]) as x order by x desc limit 1)", 3),
    ("(select last_value(x ignore nulls) over (order by o) from unnest(['a', null]) as x "
     "with offset as o order by o desc limit 1)", "a"),
    ("(select percentile_cont(x, 0.5) over () from unnest([0, 3]) as x limit 1)", 1.5),
    ("(select x from unnest([1, 2]) as x where true "
     "qualify row_number() over (order by x desc) = 1)", 2),
]  # fmt: skip

# What other dialects allow and BigQuery does not.
REFUSED = [
    ("select 1 as at", "Unexpected keyword AT"),
    ("select 1 as a union all select 'x'", "incompatible types"),
    ("select coalesce(1, 'a')", "COALESCE"),
    ("select '1'::int64", "Syntax error"),
    ("select 'a' ilike 'A'", "Syntax error"),
    ("select date '2026-01-01' = timestamp '2026-01-01'", "No matching signature"),
    (
        "select 1 = '1' from (select 1 as x) join (select 'a' as y) on x = y",
        "No matching signature",
    ),
    ("select sum(true)", "SUM"),
    ("select date_add(date '2026-01-01', interval 1 hour)", "HOUR"),
    ("select timestamp_add(timestamp '2026-01-01', interval 1 month)", "MONTH"),
    ("select distinct x from (select [1] as x)", "ARRAY"),
    ("select x, count(*) from unnest([1]) as x", "neither grouped nor aggregated"),
    ("select lag(x) over () from unnest([1]) as x", "ORDER BY"),
    ("select strptime('20260101', '%Y%m%d')", "Function not found"),
    ("select list_transform([1], x -> x)", "Function not found"),
    ("select nope from (select 1 as x)", "Unrecognized name"),
    ("select x.y from (select 1 as x)", "Cannot access field"),
    ("select 1 from `p.d.nope`", "Table not found"),
    ("select not 'true'", "No matching signature"),
    ("select if(1, 2, 3)", "No matching signature"),
    ("select 1 limit (select 1)", "expects an integer literal"),
    ("select a from (select 1 as a), (select 2 as a)", "ambiguous"),
    ("with q as (select 1 as a) select * from q qualify a = 1", "requires analytic function"),
]


@pytest.mark.parametrize(("expression", "expected"), DOCUMENTED, ids=lambda value: str(value)[:60])
def test_documented_results(
    answer: Callable[[str], Any], expression: str, expected: object
) -> None:
    assert answer(expression) == expected


@pytest.mark.parametrize(("sql", "words"), REFUSED, ids=lambda value: value[:60])
def test_what_bigquery_refuses_is_refused(engine: Engine, sql: str, words: str) -> None:
    with pytest.raises(GoogleSqlError, match=words):
        engine.analyze(sql, Scope())


def test_results_have_bigquerys_types(engine: Engine) -> None:
    columns = engine.output_columns(
        "select 1 as i, 1 / 2 as f, [struct('k' as key, 1.5 as v)] as p, current_date() as d",
        Scope(),
    )
    types = {column.name: schema.sql_name(column.type) for column in columns}
    assert types == {
        "i": "INT64",
        "f": "FLOAT64",
        "p": "ARRAY<STRUCT<key STRING, v FLOAT64>>",
        "d": "DATE",
    }


def test_an_evaluation_that_traps_does_not_take_the_engine_with_it(
    engine: Engine, answer: Callable[[str], Any]
) -> None:
    with pytest.raises(GoogleSqlError, match="cannot evaluate"):
        answer("net.reg_domain('http://www.maru.example/')")
    assert answer("normalize('㈜', nfkc)") == "(주)"


@pytest.mark.parametrize(
    ("condition", "is_refused"),
    [
        ("a.n = b.n", False),
        ("b.n + 1 = a.n and a.n > 2", False),
        ("a.n = b.n and a.w = b.w", False),
        ("a.n >= b.n", True),
        ("a.n = b.n or a.w = b.w", True),
        ("a.n = 1 and b.n > a.n", True),
        ("a.n + b.n = a.n", True),
        ("true", True),
    ],
)
@pytest.mark.parametrize("kind", ["left", "full", "inner"])
def test_an_outer_join_needs_an_equality_of_both_sides(
    engine: Engine, kind: str, condition: str, is_refused: bool
) -> None:
    side = "(select n, 'x' as w from unnest([1, 2]) as n)"
    joined = f"{side} as a {kind} join {side} as b on {condition}"
    sql = f"select a.n, a.w, b.n as m, b.w as v from {joined}"
    tree = engine.analyze(sql, Scope(), prune=True)
    assert bool(without_equality(tree)) == (is_refused and kind != "inner")
