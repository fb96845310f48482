"""Credits are the published ones to the last digit, and fits are those of a linear solve."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
import yaml

from demo_workspace import AS_OF, REPOSITORY, copied_project
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

RULES = "models/marts/attribution/_attribution__models.yml"
#: 10,000 paths of the example of ChannelAttribution (MIT): path, conversions, value, nulls.
PATHS = REPOSITORY / "tests/vectors/attribution_paths.csv.gz"
RUN = [
    *("run", "--select", "attribution_path_touches", "attribution_paths", "attribution_entries"),
    *("attribution_transitions", "attribution_removal_effects", "attribution_credits"),
    "attribution_channel_credits",
]
MODELS = [
    {"name": "first", "kind": "first"},
    {"name": "last", "kind": "last"},
    {"name": "last_non_direct", "kind": "last", "drop_direct": True},
    {"name": "linear", "kind": "linear"},
    {"name": "u", "kind": "position", "weights": [0.4, 0.2, 0.4]},
    {"name": "markov", "kind": "markov"},
    {"name": "shapley", "kind": "shapley"},
]
MORE = [
    {"name": "j", "kind": "position", "weights": [0.2, 0.2, 0.6]},
    {"name": "inverse_j", "kind": "position", "weights": [0.6, 0.2, 0.2]},
    {"name": "decay", "kind": "time_decay", "half_life": "7 days"},
    {"name": "decay_2", "kind": "time_decay", "half_life": "7 days", "drop_direct": True},
    {"name": "participation", "kind": "participation"},
    {"name": "exposure", "kind": "linear", "transform": "exposure"},
    {"name": "of_first", "kind": "linear", "transform": "first"},
    {"name": "markov_2", "kind": "markov", "order": 2},
    {"name": "markov_3", "kind": "markov", "order": 3},
]
NOON = datetime(2026, 10, 20, 12)


def month_of(number: int) -> datetime:
    """The noon at which all paths of a list end."""
    return datetime(2024 + number // 12, number % 12 + 1, 20, 12)


@dataclass
class Path_:
    """Paths of one kind: their channels, how many converted and how many did not."""

    channels: Sequence[str]
    converted: int = 0
    not_converted: int = 0
    value: float | None = None
    days_before: Sequence[float] = ()


class Company:
    """A workspace of which only the tables before the paths are laid."""

    def __init__(self, folder: Path, models: list[dict]) -> None:
        self.root = folder
        project = copied_project(folder / "project")
        file = project / RULES
        rules = yaml.safe_load(file.read_text(encoding="utf-8"))
        for model in rules["models"]:
            if model["name"] == "conversions":
                sale = {"name": "sale", "label": "x", "action": "ordered", "value": "action"}
                model["config"]["meta"]["conversions"] = [{**sale, "lookback": "30 days"}]
            if model["name"] == "attribution_credits":
                model["config"]["meta"]["attribution_models"] = [
                    {**one, "label": "x"} for one in models
                ]
        file.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
        (folder / "madang.yml").write_text(
            f"version: 1\nproject: project\nas_of: {AS_OF}\n"
            "warehouse: {type: duckdb, path: warehouse.duckdb}\n"
        )
        with self.db(read_only=False) as db:
            db.execute("create schema madang_marts")
            db.execute("create schema madang_private")
            db.execute("""
                create table madang_marts.touches (touch_key varchar, subject_id varchar,
                    touched_at timestamp, touch_date date,
                    channel_group varchar, is_direct bool)""")
            db.execute("""
                create table madang_marts.conversions (conversion_key varchar,
                    conversion_type varchar, person_id varchar, device_id varchar,
                    converted_at timestamp, conversion_date date, online_value double)""")
            db.execute("""
                create table madang_marts.conversion_changes (conversion_key varchar,
                    conversion_type varchar, change_number bigint, change_date date,
                    verified_change bigint, verified_value_change double)""")
            db.execute("""
                create table madang_private.consent_signals (person_id varchar, signal varchar)""")

    def db(self, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=read_only)

    def lay(self, paths: dict[str, list[Path_]]) -> None:
        """Give every path a person of its own, and every list of paths a month of its own."""
        touches, conversions, changes = [], [], []
        for kind, listed in paths.items():
            end = month_of(list(paths).index(kind))
            for number, path in enumerate(listed):
                for copy in range(path.converted + path.not_converted):
                    subject = f"{kind}.{number}.{copy}"
                    if copy < path.converted:
                        day = end.date()
                        conversions.append((subject, "sale", subject, None, end, day, path.value))
                        changes.append((subject, "sale", 1, day, 1, path.value))
                    count = len(path.channels)
                    days = path.days_before or [(count - place) / 100 for place in range(count)]
                    for place, (channel, before) in enumerate(
                        zip(path.channels, days, strict=True)
                    ):
                        at = end - timedelta(days=before)
                        direct = channel == "Direct"
                        key = f"{subject}.{place}"
                        touches.append((key, subject, at, at.date(), channel, direct))
        with self.db(read_only=False) as db:
            for table, rows in {
                "touches": touches,
                "conversions": conversions,
                "conversion_changes": changes,
            }.items():
                db.execute(f"delete from madang_marts.{table}")
                marks = ", ".join("?" * len(rows[0]))
                db.executemany(f"insert into madang_marts.{table} values ({marks})", rows)

    def run(self, *more: str) -> None:
        run_dbt(load_settings(self.root / "madang.yml"), [*RUN, *more])

    def rows(self, sql: str) -> list[tuple]:
        with self.db() as db:
            return db.execute(sql).fetchall()

    def channels(
        self, table: str, model: str, measure: str = "credit", month: datetime | None = None
    ) -> dict[str, float]:
        where = f" and conversion_month = '{month:%Y-%m-01}'" if month else ""
        return dict(
            self.rows(f"""
                select channel_group, sum({measure}) from madang_marts.{table}
                where model = '{model}'{where} group by 1""")
        )


def lay_published(company: Company) -> None:
    """The 10,000 paths, each conversion and each path without one a person of its own."""
    with company.db(read_only=False) as db:
        db.execute(f"""
            create temp table subjects as
            with paths as (
                select row_number() over () as id, string_split(path, ' > ') as channels,
                    total_conversions as converted, total_null as failed,
                    total_conversion_value / total_conversions as value
                from read_csv('{PATHS}')
            )
            select id || '.' || copy as subject, channels, copy < converted as is_converted, value
            from (select *, unnest(range(converted + failed)) as copy from paths)""")
        db.execute(f"""
            insert into madang_marts.touches
            select subject || '.' || place, subject, touched_at, touched_at::date, channel, false
            from (
                select subject, place, channels[place] as channel,
                    timestamp '{NOON}' - to_minutes((len(channels) - place)::bigint) as touched_at
                from (select *, unnest(range(1, len(channels) + 1)) as place from subjects))""")
        db.execute(f"""
            insert into madang_marts.conversions
            select subject, 'sale', subject, null, timestamp '{NOON}', date '{NOON:%Y-%m-%d}', value
            from subjects where is_converted""")
        db.execute("""
            insert into madang_marts.conversion_changes
            select conversion_key, 'sale', 1, conversion_date, 1, online_value
            from madang_marts.conversions""")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Company:
    company = Company(tmp_path_factory.mktemp("published"), MODELS)
    lay_published(company)
    company.run()
    return company


#: As golden_vectors and ChannelAttribution's own heuristics print them.
FIRST = "alpha 6308 iota 4606 eta 3164 beta 2831 theta 1606 lambda 902 gamma 165 epsilon 99 "
FIRST += "kappa 74 zeta 27 mi 2 delta 1"
LAST = "alpha 8447 eta 4167 iota 3355 lambda 1207 beta 989 theta 653 epsilon 531 kappa 230 "
LAST += "zeta 107 gamma 92 delta 5 mi 2"
LINEAR = "alpha 7574.7186 iota 3857.0962 eta 3539.9512 beta 2083.5001 lambda 1035.2576 "
LINEAR += "theta 1022.8014 epsilon 272.1704 kappa 137.9641 zeta 136.5515 gamma 121.0416 "
LINEAR += "mi 2.2222 delta 1.7250"
POSITION = "alpha 7444.8238 iota 3944.9482 eta 3618.7961 beta 1969.7662 theta 1092.7445 "
POSITION += "lambda 1046.9039 epsilon 301.0502 kappa 147.4596 gamma 125.2409 zeta 88.6229 "
POSITION += "delta 2.5867 mi 2.0571"
MARKOV = "alpha 5344.95 iota 3884.61 eta 3340.85 beta 2527.35 theta 1971.91 lambda 1282.85 "
MARKOV += "epsilon 599.57 zeta 381.06 kappa 274.36 gamma 171.15 delta 4.61 mi 1.72"


def numbers(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


def printed(found: dict[str, float], text: str) -> str:
    """What was found, with as many digits as the text has, in its order."""
    parts = []
    for name, number in numbers(text):
        digits = len(number.partition(".")[2])
        parts.append(f"{name} {found.get(name, 0):.{digits}f}")
    return " ".join(parts)


@pytest.mark.parametrize(
    ("table", "model", "expected"),
    [
        ("attribution_credits", "first", FIRST),
        ("attribution_credits", "last", LAST),
        ("attribution_credits", "linear", LINEAR),
        ("attribution_credits", "u", POSITION),
        ("attribution_channel_credits", "linear", LINEAR),
        ("attribution_channel_credits", "markov", MARKOV),
    ],
)
def test_ten_thousand_published_paths(
    published: Company, table: str, model: str, expected: str
) -> None:
    found = published.channels(table, model)
    assert printed(found, expected) == expected
    assert sum(found.values()) == pytest.approx(19_785, abs=1e-6)
    value = published.channels(table, model, "credited_value")
    assert round(sum(value.values()), 2) == 74_802.97


def test_the_published_removal_effects(published: Company) -> None:
    effects = dict(
        published.rows("""
            select channel_group, removal_effect from madang_marts.attribution_removal_effects""")
    )
    expected = "alpha 0.5584 iota 0.4058 eta 0.3490 beta 0.2640 theta 0.2060 lambda 0.1340"
    assert printed(effects, expected) == expected
    ((base,),) = published.rows("""
        select distinct conversion_probability
        from madang_marts.attribution_removal_effects""")
    assert f"{base:.6f}" == "0.223845"


SET_1 = [
    Path_(["C1", "C2", "C3"], 1),
    Path_(["C1"], 0, 1),
    Path_(["C2", "C3"], 0, 1),
]
SET_2 = [
    Path_(["search", "display"], 3, 7),
    Path_(["display"], 1, 19),
    Path_(["search"], 6, 14),
    Path_(["email", "search"], 5, 5),
    Path_(["display", "display", "email"], 2, 8),
]
#: The arithmetic of Snowplow's six conversions.
SIX = [
    Path_(["Direct"], 1, value=50),
    Path_(["Direct"], 1, value=20.42),
    Path_(["Video"], 1, value=200),
    Path_(["Organic", "Display"], 1, value=66.50),
    Path_(["Direct", "Organic", "Direct"], 1, value=140),
    Path_(["Direct"], 1, value=24),
]
DECAY = [Path_(["A", "B", "Direct"], 1, value=100, days_before=(10, 3, 0))]
TWO = [Path_(["A", "B"], 1, value=100)]
SEVEN = [Path_(["A", "B", "C", "D", "E", "F"], 1, value=100)]
REPEATS = [Path_(["A", "A", "B", "A"], 1, value=1)]
NONE = [Path_([], 1, value=7), Path_(["Direct", "Direct"], 1, value=3)]


def random_paths(seed: int) -> list[Path_]:
    dice = random.Random(seed)
    return [
        Path_(dice.choices("ABCD", k=dice.randint(1, 6)), dice.randint(0, 2), dice.randint(0, 3))
        for _ in range(25)
    ] + [Path_(["A", "E"], 0, 1), Path_(["B"], 1, 0)]


RANDOM = {f"random_{seed}": random_paths(seed) for seed in range(4)}
SMALL = {
    **{"set_1": SET_1, "set_2": SET_2, "six": SIX, "decaying": DECAY, "two": TWO, "seven": SEVEN},
    **{"repeats": REPEATS, "without": NONE, **RANDOM},
}


def month_of_list(kind: str) -> datetime:
    return month_of(list(SMALL).index(kind))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Company:
    company = Company(tmp_path_factory.mktemp("small"), [*MODELS, *MORE])
    company.lay(SMALL)
    company.run()
    return company


@pytest.mark.parametrize(
    ("kind", "model", "measure", "expected"),
    [
        ("set_1", "markov", "credit", "C1 0.2000 C2 0.4000 C3 0.4000"),
        ("set_2", "markov", "credit", "display 4.587302 email 3.597884 search 8.814815"),
        ("set_2", "shapley", "credit", "display 3.5 email 3.5 search 10.0"),
        (
            "six",
            "linear",
            "credited_value",
            "Direct 187.7533 Organic 79.9167 Video 200.0000 Display 33.2500",
        ),
        ("decaying", "decay", "credited_value", "A 17.5691 B 35.1383 Direct 47.2926"),
        ("decaying", "decay_2", "credited_value", "A 33.3333 B 66.6667 Direct 0.0000"),
        ("two", "u", "credited_value", "A 50.0 B 50.0"),
        ("two", "j", "credited_value", "A 25.0 B 75.0"),
        ("two", "inverse_j", "credited_value", "A 75.0 B 25.0"),
        ("seven", "u", "credited_value", "A 40.0 B 5.0 C 5.0 D 5.0 E 5.0 F 40.0"),
        ("repeats", "participation", "credit", "A 1.00 B 1.00"),
        ("repeats", "linear", "credit", "A 0.75 B 0.25"),
        ("repeats", "exposure", "credit", "A 0.6667 B 0.3333"),
        ("repeats", "of_first", "credit", "A 0.50 B 0.50"),
        ("without", "last", "credit", "(unattributed) 1 Direct 1"),
        ("without", "last_non_direct", "credited_value", "(unattributed) 7 Direct 3"),
    ],
)
def test_small_published_cases(
    small: Company, kind: str, model: str, measure: str, expected: str
) -> None:
    found = small.channels("attribution_channel_credits", model, measure, month_of_list(kind))
    assert printed(found, expected) == expected
    assert set(found) <= {name for name, _ in numbers(expected)}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", "140.0000 0.0000 0.0000"),
        ("last", "0.0000 0.0000 140.0000"),
        ("linear", "46.6667 46.6667 46.6667"),
        ("u", "56.0000 28.0000 56.0000"),
    ],
)
def test_a_path_by_its_touches(small: Company, model: str, expected: str) -> None:
    """Direct, Organic, Direct, worth 140."""
    found = dict(
        small.rows(f"""
            select right(touch_key, 1)::int, credited_value from madang_marts.attribution_credits
            where conversion_key = 'six.4.0' and model = '{model}'""")
    )
    assert " ".join(f"{found.get(place, 0):.4f}" for place in range(3)) == expected


def test_credits_are_weights_and_no_share_of_the_value(small: Company) -> None:
    """Of the two conversions 140 and 24 Direct has 2/3 and 1, worth 117.3333."""
    ((credit, value),) = small.rows("""
        select sum(credit), sum(credited_value) from madang_marts.attribution_credits
        where model = 'linear' and channel_group = 'Direct'
            and conversion_key in ('six.4.0', 'six.5.0')""")
    assert (f"{credit:.4f}", f"{value:.4f}") == ("1.6667", "117.3333")


def test_credits_add_up_to_the_value_of_every_conversion(small: Company) -> None:
    assert (
        small.rows("""
        select conversion_key, model, sum(credit), sum(credited_value), any_value(online_value)
        from madang_marts.attribution_credits join madang_marts.conversions using (conversion_key)
        where model <> 'participation'
        group by 1, 2
        having round(sum(credit), 9) <> 1
            or round(sum(credited_value), 6) is distinct from any_value(online_value)""")
        == []
    )


def solved(rows: dict[tuple, dict[tuple, Fraction]], start: tuple) -> Fraction:
    """The probability of a conversion from a state: a linear system by exact elimination."""
    names = list(rows)
    place = {name: number for number, name in enumerate(names)}
    matrix = [
        [Fraction(int(i == j)) for j in range(len(names))] + [Fraction(0)]
        for i in range(len(names))
    ]
    for name, steps in rows.items():
        for to, probability in steps.items():
            if to in place:
                matrix[place[name]][place[to]] -= probability
            elif to == ("(conversion)",):
                matrix[place[name]][-1] += probability
    for column in range(len(names)):
        pivot = next(row for row in range(column, len(names)) if matrix[row][column])
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        top = matrix[column][column]
        matrix[column] = [one / top for one in matrix[column]]
        for row in range(len(names)):
            if row != column and (factor := matrix[row][column]):
                matrix[row] = [
                    a - factor * b for a, b in zip(matrix[row], matrix[column], strict=True)
                ]
    return matrix[place[start]][-1]


def removal_effects(paths: list[Path_], order: int) -> dict[str, Fraction]:
    """From the paths alone: which share of conversions is lost without each channel."""
    steps: dict[tuple, Counter] = {}
    start = ("(start)",) * order
    for path in paths:
        for end, count in (("conversion", path.converted), ("null", path.not_converted)):
            state = start
            for channel in path.channels:
                following = (*state, channel)[-order:]
                steps.setdefault(state, Counter())[following] += count
                state = following
            steps.setdefault(state, Counter())[(f"({end})",)] += count
    chain = {
        state: {to: Fraction(n, counts.total()) for to, n in counts.items() if n}
        for state, counts in steps.items()
        if counts.total()
    }
    base = solved(chain, start)
    without = {}
    for channel in {channel for path in paths for channel in path.channels}:
        left = {
            state: {to: p for to, p in moves.items() if to[-1] != channel}
            for state, moves in chain.items()
            if channel not in state
        }
        without[channel] = 1 - solved(left, start) / base
    return without


@pytest.mark.parametrize("kind", [*RANDOM, "set_1", "set_2"])
@pytest.mark.parametrize(("model", "order"), [("markov", 1), ("markov_2", 2), ("markov_3", 3)])
def test_a_fit_is_that_of_a_linear_solve(small: Company, kind: str, model: str, order: int) -> None:
    expected = removal_effects(SMALL[kind], order)
    found = dict(
        small.rows(f"""
            select channel_group, removal_effect from madang_marts.attribution_removal_effects
            where path_month = '{month_of_list(kind):%Y-%m-01}' and model = '{model}'""")
    )
    assert found.keys() == expected.keys()
    for channel, effect in expected.items():
        assert found[channel] == pytest.approx(float(effect), abs=2e-12), channel


FITS = "select * from madang_marts.attribution_removal_effects order by all"
CREDITS = "select * from madang_marts.attribution_credits order by all"


def test_a_month_is_fitted_again_only_when_its_paths_change(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    company = Company(tmp_path_factory.mktemp("months"), MODELS)
    closed = [Path_(["A", "B"], 1, 1, 5), Path_(["B"], 1, 2, 5)]
    running = [Path_(["A", "C"], 1, 1, 5)]
    company.lay({"closed": closed, "running": running})
    company.run()
    with company.db(read_only=False) as db:
        db.execute("""
            update madang_marts.attribution_removal_effects set removal_effect = 0.25
            where path_month = '2024-01-01' and channel_group = 'A'""")
    running = [*running, Path_(["C"], 1, 4, 5)]
    company.lay({"closed": closed, "running": running})
    company.run()
    marked = "select path_month::varchar from madang_marts.attribution_removal_effects "
    marked += "where removal_effect = 0.25"
    assert company.rows(marked) == [("2024-01-01",)]
    company.lay({"closed": [*closed, Path_(["A"], 0, 1)], "running": running})
    company.run()
    assert company.rows(marked) == []
    incremental = company.rows(FITS), company.rows(CREDITS)
    company.run("--full-refresh")
    assert (company.rows(FITS), company.rows(CREDITS)) == incremental
