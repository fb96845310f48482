"""The channels of vectors written from the published rules, by the models, on both warehouses.

`tests/vectors/channels.csv` holds Google's rules, `channels_plus.csv` our own words beside them;
each line names its rule. The lines become sessions, and the very models that a build runs say
their channels: on DuckDB, and through dbt-bigquery on the GoogleSQL engine.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    AS_OF,
    REPOSITORY,
    WITHOUT_TESTS,
    emptied,
)
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

VECTORS = REPOSITORY / "tests" / "vectors"
RULES = tuple(csv.DictReader((VECTORS / "channels.csv").open(encoding="utf-8")))
PLUS = tuple(csv.DictReader((VECTORS / "channels_plus.csv").open(encoding="utf-8")))
MODELS = ["traffic_sources", "traffic_hosts", "session_channels"]
SEEDS = ["ga4_source_categories", "ga4_integrated_channels", "channel_hosts"]
BUILD = ["build", *WITHOUT_TESTS, "--select", *SEEDS, *MODELS]
COLUMNS = ["session_key", "touch_source", "touch_medium", "touch_campaign", "landing_page"]
COLUMNS += ["landing_referrer"]
EMPTY = ["device_id", "hostname", "gclid", "dclid", "last_click_source", "last_click_medium"]
EMPTY += ["last_click_campaign", "last_click_channel_group", "last_click_platform"]
EMPTY += ["last_click_detail", "touch_campaign_id", "last_click_campaign_id"]
CHANNELS = "select session_key, channel_group, channel_plus, ai_assistant from {}.session_channels"


@dataclass(frozen=True)
class Channels:
    """What the models said of one session."""

    group: str
    plus: str
    assistant: str | None


Answers = dict[str, Channels]


def sessions() -> Iterator[list[str | None]]:
    """The vectors as rows of `session_totals`."""
    for number, line in enumerate(RULES):
        yield [f"rule {number}", line["source"], line["medium"], line["campaign"], None, None]
    for number, line in enumerate(PLUS):
        source = line["source"] if line["source"] != "(direct)" else None
        page = "https://www.maru.example/" + "?" * bool(line["landing_query"])
        told = [source, line["medium"] if source else None, line["campaign"] if source else None]
        yield [f"plus {number}", *told, page + line["landing_query"], line["referrer"]]


def session_totals() -> str:
    """A query of them that both warehouses understand."""

    def literal(value: str | None) -> str:
        return f"'{value}'" if value else "cast(null as string)"

    def row(values: list[str | None]) -> str:
        told = zip(COLUMNS, values, strict=True)
        cells = [f"{literal(value)} as {name}" for name, value in told]
        cells += [f"{literal(None)} as {name}" for name in EMPTY]
        cells += ["timestamp '2026-10-01 00:00:00' as started_at", "false as is_touch_by_click_id"]
        cells.append("date '2026-10-01' as session_date")
        return "select " + ", ".join(cells)

    return "\nunion all\n".join(map(row, sessions()))


def answers_of(rows: list[tuple]) -> Answers:
    assert len(rows) == len(RULES) + len(PLUS)
    return {key: Channels(*said) for key, *said in rows}


@pytest.fixture(scope="module")
def on_duckdb(scratch: Path) -> Answers:
    root = emptied(scratch)
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        connection.execute("create schema madang_activity")
        connection.execute(f"create table madang_activity.session_totals as {session_totals()}")
    run_dbt(load_settings(root), BUILD)
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        return answers_of(connection.execute(CHANNELS.format("madang_activity")).fetchall())


@pytest.fixture(scope="module")
def on_bigquery(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
    bigquery = pytest.importorskip("google.cloud.bigquery", reason="the extra is not installed")
    from google.auth.credentials import AnonymousCredentials

    from local_bigquery.project import Project
    from local_bigquery.server import serve

    with serve() as server:
        project = server.catalog.project
        client = bigquery.Client(
            project, AnonymousCredentials(), client_options={"api_endpoint": server.url}
        )
        client.create_dataset("madang_activity")
        client.query(f"create table madang_activity.session_totals as {session_totals()}").result()
        ended = Project(server, tmp_path_factory.mktemp("dbt"), AS_OF).dbt(*BUILD)
        assert ended.returncode == 0, ended.stdout[-4000:]
        rows = client.query(CHANNELS.format("madang_activity")).result()
        return answers_of([tuple(row) for row in rows])


@pytest.fixture(params=["on_duckdb", "on_bigquery"])
def answers(request: pytest.FixtureRequest) -> Answers:
    return request.getfixturevalue(request.param)


def test_googles_rules_are_followed_line_by_line(answers: Answers, measured: Callable):
    wrong = [
        (line, answers[f"rule {number}"].group)
        for number, line in enumerate(RULES)
        if answers[f"rule {number}"].group != line["expected"]
    ]
    measured(f"channels: {len(RULES)} vectors of Google's rules, {len(wrong)} different")
    assert wrong == []


def test_the_words_beside_them_too(answers: Answers, measured: Callable):
    wrong = [
        (line, said)
        for number, line in enumerate(PLUS)
        if (said := answers[f"plus {number}"])
        != Channels(line["channel_group"], line["channel_plus"], line["ai_assistant"] or None)
    ]
    measured(f"channel_plus: {len(PLUS)} vectors, {len(wrong)} different")
    assert wrong == []


def test_both_warehouses_say_the_same(on_duckdb: Answers, on_bigquery: Answers):
    assert on_duckdb == on_bigquery


def test_every_channel_and_every_rule_has_its_vectors():
    assert len(RULES) >= 60
    assert len({line["expected"] for line in RULES}) == 20, "19 channels and Unassigned"
    numbers = {line["rule"].split()[0] for line in RULES}
    assert {str(number) for number in range(1, 21)} <= numbers
    hosts = csv.DictReader((REPOSITORY / "seeds/channel_hosts.csv").open(encoding="utf-8"))
    words = {line["channel_plus"] for line in PLUS}
    untested = {"Naver Content", "Naver Mail", "Naver TalkTalk", "Kakao Content", "Kakao Map"}
    untested |= {"Daum Content", "Daum Mail"}
    assert {host["channel_plus"] for host in hosts} - untested <= words
