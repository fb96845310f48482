"""Connected components: any graph in few rounds, and an increment equals a build from nothing."""

import math
import random
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from identity_graphs import DAY, Graph, graph, random_graphs
from identity_runs import on_duckdb, on_googlesql
from plain_cuts import Tie, cuts

TABLE = "madang_identity.identity_components"
ALL = f"select node_key, node_id, component_key from {TABLE} order by all"


def rows(root: Path, sql: str = ALL) -> list[tuple]:
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as db:
        return db.execute(sql).fetchall()


def sorted_chain(length: int) -> Graph:
    """A chain in the order of its keys, the worst one for taking the smallest neighbour."""
    made = Graph(f"sorted{length}")
    nodes = [f"{made.name}.{number:06}" for number in range(length)]
    made.ties = [Tie(*pair, first_seen=DAY) for pair in pairwise(nodes)]
    made.persons = {frozenset(nodes)}
    return made


def persons(one: Graph) -> set[frozenset[str]]:
    """Plain union-find over the ties that are not cut."""
    cut = cuts(one.ties, one.never)
    return one.groups([tie for tie in one.ties if tie.ends not in cut])


def changed(graphs: list[Graph], day: int, seed: int) -> list[Graph]:
    """Some of the graphs gain ties, lose some, or get a never-link; the others stay as they are."""
    dice = random.Random(seed)
    made = []
    for one in graphs:
        new = Graph(one.name, list(one.ties), list(one.never))
        nodes = sorted(one.nodes)
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            ends = dice.choice(nodes), dice.choice([*nodes, f"{one.name}.late{day}"])
            new.ties.append(Tie(*ends, first_seen=DAY + timedelta(days=day)))
        if dice.random() < 0.15 and len(new.ties) > 1:
            new.ties.pop(dice.randrange(len(new.ties)))
        if dice.random() < 0.1:
            new.never = []
        made.append(new)
    return made


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("components")


def test_a_chain_in_the_order_of_its_keys_takes_few_rounds(workspace: Path) -> None:
    chains = [sorted_chain(500), sorted_chain(20_000)]
    made = on_duckdb(workspace, chains, "--full-refresh")
    for one in chains:
        assert made.of(one) == one.persons
    log = (workspace / "logs" / "dbt.log").read_text(encoding="utf-8")
    rounds = {int(found) for found in re.findall(r"salt_0_round_(\d+)", log)}
    assert 8 <= max(rounds) <= 2 * math.log2(20_000)


def test_increments_equal_a_build_from_nothing(workspace: Path) -> None:
    """Edges come, go and are cut; late ones too. Every state is that of a plain union-find."""
    graphs = random_graphs(150, seed=5)
    on_duckdb(workspace, graphs, "--full-refresh")
    for day in (4, 5, 6):
        graphs = changed(graphs, day, seed=day)
        made = on_duckdb(workspace, graphs)
        for one in graphs:
            assert made.of(one) == persons(one), (day, one.name)
        incremental = rows(workspace)
        on_duckdb(workspace, graphs, "--full-refresh")
        assert incremental == rows(workspace)


def test_only_what_new_edges_touch_is_worked_on(workspace: Path) -> None:
    """What an increment has no business with is not even looked at: a mark put there stays."""
    first = [graph("left", "a-b c-d x-y@2 y-z@2"), graph("right", "k-l l-m n-o")]
    on_duckdb(workspace, first, "--full-refresh")
    marked = "update madang_identity.identity_components set component_key = -1 "
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute(marked + "where node_key in ('right.k', 'right.l', 'right.m')")
    later = [graph("left", "a-b c-d x-y@2 y-z@2 b-c@9"), first[1]]
    made = on_duckdb(workspace, later)
    assert made.of(later[0]) == graph("left", "a-b", "a b c d | x y z").persons
    assert {made.component[f"right.{node}"] for node in "klm"} == {-1}


def test_a_bridge_taken_out_parts_again(workspace: Path) -> None:
    apart = [graph("g", "a-b b-c d-e e-f p-q r-s t-u", "a b c | d e f | p q | r s | t u")]
    bridged = [graph("g", "a-b b-c d-e e-f p-q r-s t-u c-d@9")]
    on_duckdb(workspace, apart, "--full-refresh")
    before = rows(workspace)
    assert on_duckdb(workspace, bridged).of(bridged[0]) == persons(bridged[0])
    assert on_duckdb(workspace, apart).of(apart[0]) == apart[0].persons
    assert rows(workspace) == before
    kept = f"select count(*) from {TABLE}_edges"
    assert rows(workspace, kept) == [(7,)]


def test_an_edge_to_itself_comes_and_goes_without_a_trace(workspace: Path) -> None:
    plain = "a-b b-c d-e e-f p-q r-s t-u"
    on_duckdb(workspace, [graph("loop", plain)], "--full-refresh")
    before = rows(workspace)
    on_duckdb(workspace, [graph("loop", f"{plain} a-a@9 z-z@9")])
    assert rows(workspace) == before
    on_duckdb(workspace, [graph("loop", plain)])
    assert rows(workspace) == before


def test_a_build_that_died_between_its_tables_is_repeated(workspace: Path) -> None:
    """The components are new, the edges that they were made of are still the old ones."""
    first = [graph("g", "a-b b-c d-e e-f p-q r-s t-u v-w")]
    later = [graph("g", "a-b d-e e-f c-d@9 p-q r-s t-u v-w")]
    on_duckdb(workspace, first, "--full-refresh")
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute(f"create table old_edges as from {TABLE}_edges")
    on_duckdb(workspace, later)
    expected = rows(workspace)
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute(f"create or replace table {TABLE}_edges as from old_edges")
        db.execute("drop table old_edges")
        db.execute("delete from madang_ledger.built_models")
    assert on_duckdb(workspace, later).of(later[0]) == persons(later[0])
    assert rows(workspace) == expected


def test_two_keys_with_one_id_join_nobody(workspace: Path) -> None:
    """Then ids are made anew; what they were made of is not kept."""
    graphs = [graph("g", "a-b c-d", "a b | c d")]
    on_duckdb(workspace, graphs, "--full-refresh")
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as db:
        db.execute("""
            update madang_identity.identity_edges
            set left_id = (select left_id from madang_identity.identity_edges
                where left_key = 'g.a')
            where left_key = 'g.c'""")
        db.execute("delete from madang_ledger.built_models")
    from madang.build.dbt import run_dbt
    from madang.settings.workspace import load_settings

    arguments = ["run", "--select", "identity_components", "--full-refresh"]
    run_dbt(load_settings(workspace), arguments)
    found = dict(rows(workspace, f"select node_key, component_key from {TABLE}"))
    assert found["g.a"] == found["g.b"] != found["g.c"] == found["g.d"]
    assert rows(workspace, f"select count(*) from {TABLE}_edges") == [(0,)]


def test_increments_on_googlesql(tmp_path: Path) -> None:
    graphs = random_graphs(20, seed=3)
    later = changed(graphs, 4, seed=21)
    last = changed(later, 5, seed=22)
    made = on_googlesql(tmp_path, graphs, later, last)
    for one in last:
        assert made.of(one) == persons(one), one.name
