"""What people decide about who is who, as the models do it, on both warehouses.

The graphs are laid into the tables that `identity_cuts` reads; every graph is a few identifiers of
one large table, so one run does them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo_workspace import AS_OF, REPOSITORY
from identity_graphs import SCENARIOS, Graph, graph, long_chain, random_graphs
from madang.config import load_settings
from madang.dbt import BuildError, run_dbt
from madang.ops.ties import ContradictionError, components, cuts

RUN = ["run", "--select", "identity_cuts", "identity_components"]
Cuts = dict[tuple[str, str], set[tuple[str, str]]]


@dataclass
class Labels:
    """What a run made of all graphs."""

    component: dict[str, str]
    cuts: Cuts = field(default_factory=dict)

    def of(self, one: Graph) -> set[frozenset[str]]:
        groups: dict[str, set[str]] = {}
        for node in one.nodes:
            groups.setdefault(self.component.get(node, node), set()).add(node)
        return {frozenset(group) for group in groups.values()}

    def cuts_of(self, one: Graph) -> Cuts:
        return {ends: pairs for ends, pairs in self.cuts.items() if ends[0] in one.nodes}


def lay(warehouse: Path, graphs: list[Graph]) -> None:
    """Write the graphs as the tables before identity_cuts."""
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create schema if not exists madang_identity")
        db.execute("create schema if not exists madang_reference")
        db.execute("""
            create or replace table madang_identity.identity_edges (left_key varchar,
                right_key varchar, rule varchar, source varchar, evidence_count bigint,
                first_seen_at timestamp, is_quarantined boolean)""")
        edges = [
            (
                tie.left,
                tie.right,
                "decided" if tie.is_decided else "one record",
                f"source {number}",
                tie.evidence,
                tie.first_seen,
                False,
            )
            for one in graphs
            for number, tie in enumerate(one.ties)
        ]
        db.executemany("insert into madang_identity.identity_edges values (?,?,?,?,?,?,?)", edges)
        db.execute("""
            create or replace table madang_identity.identifiers (identifier_key varchar,
                identifier_type varchar, identifier_value varchar)""")
        nodes = [(node, "crm_id", node) for one in graphs for node in sorted(one.nodes)]
        db.executemany("insert into madang_identity.identifiers values (?,?,?)", nodes)
        db.execute("""
            create or replace table madang_reference.identity_decisions (decision varchar,
                left_type varchar, left_value varchar, right_type varchar, right_value varchar)""")
        never = [
            ("never_link", "crm_id", left, "crm_id", right)
            for one in graphs
            for left, right in one.never
        ]
        if never:
            db.executemany(
                "insert into madang_reference.identity_decisions values (?,?,?,?,?)", never
            )


def labels(components: list[tuple[str, str]], cut: list[tuple[str, str, str, str]]) -> Labels:
    made = Labels(dict(components))
    for left, right, *pair in cut:
        made.cuts.setdefault((left, right), set()).add(tuple(pair))
    return made


COMPONENTS = "select node_key, component_key from madang_identity.identity_components"
CUTS = "select left_key, right_key, never_left_key, never_right_key "
CUTS += "from madang_identity.identity_cuts"


def on_duckdb(root: Path, graphs: list[Graph]) -> Labels:
    if not (root / "madang.yml").exists():
        text = f"version: 1\nas_of: {AS_OF}\nproject: {REPOSITORY}\n"
        (root / "madang.yml").write_text(text, encoding="utf-8")
    lay(root / "warehouse.duckdb", graphs)
    run_dbt(load_settings(root), RUN)
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as db:
        return labels(db.execute(COMPONENTS).fetchall(), db.execute(CUTS).fetchall())


def on_googlesql(root: Path, graphs: list[Graph]) -> Labels:
    pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
    pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")
    from googlesql.project import Project, copy_layers
    from googlesql.server import serve
    from googlesql.values import to_python

    lay(root / "warehouse.duckdb", graphs)
    with serve() as server:
        copy_layers(server, root / "warehouse.duckdb", "madang_identity", "madang_reference")
        ended = Project(server, root / "dbt", AS_OF).dbt(*RUN)
        assert ended.returncode == 0, ended.stdout[-3000:]

        def rows(table: str) -> list[tuple[Any, ...]]:
            found = server.catalog.tables[f"{server.catalog.project}.madang_identity.{table}"]
            names = [column.name for column in found.columns]
            columns = {
                "identity_components": ("node_key", "component_key"),
                "identity_cuts": ("left_key", "right_key", "never_left_key", "never_right_key"),
            }[table]
            return [
                tuple(
                    to_python(row.cell[names.index(name)], found.columns[names.index(name)].type)
                    for name in columns
                )
                for row in found.content().table_data.row
            ]

        left = {
            table.table_id
            for table in server.catalog.tables_of(server.catalog.project, "madang_identity")
        }
        assert not {name for name in left if "__" in name}, "temporary tables are left"
        return labels(rows("identity_components"), rows("identity_cuts"))


GRAPHS = {
    "duckdb": [*SCENARIOS, long_chain(500), *random_graphs(120, seed=11)],
    "googlesql": [*SCENARIOS, long_chain(60), *random_graphs(30, seed=12)],
}


@pytest.fixture(scope="module", params=list(GRAPHS))
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[Graph], Labels]]:
    graphs = GRAPHS[request.param]
    build = {"duckdb": on_duckdb, "googlesql": on_googlesql}[request.param]
    yield graphs, build(tmp_path_factory.mktemp("graphs"), graphs)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_scenario(built: tuple[list[Graph], Labels], scenario: Graph) -> None:
    assert built[1].of(scenario) == scenario.persons


def test_a_long_chain_is_cut_in_the_middle(built: tuple[list[Graph], Labels]) -> None:
    chain = next(one for one in built[0] if one.name.startswith("long"))
    assert built[1].of(chain) == chain.persons
    assert len(built[1].cuts_of(chain)) == 1


def test_random_graphs_hold_every_decision(built: tuple[list[Graph], Labels]) -> None:
    """What is cut is what the commands foretell; what is left is a plain union-find."""
    graphs, made = built
    apart = together = 0
    for one in graphs:
        foretold = cuts(one.ties, one.never)
        assert made.cuts_of(one) == foretold, one.name
        left = [tie for tie in one.ties if tie.ends not in foretold]
        assert made.of(one) == one.groups(left), one.name
        label = {node: made.component.get(node, node) for node in one.nodes}
        for first, second in one.never:
            assert label[first] != label[second], one.name
            apart += (
                components(one.nodes, one.ties)[first] == components(one.nodes, one.ties)[second]
            )
        for tie in one.ties:
            if tie.is_decided:
                assert label[tie.left] == label[tie.right], one.name
                together += 1
    assert apart > 20 and together > 20


def test_later_edges_and_decisions_taken_back(tmp_path: Path) -> None:
    """Apart, apart although they are tied anew elsewhere, and one again without the decision."""
    apart = graph("g", "a-x*2 x-b a!b", "a x | b")
    assert on_duckdb(tmp_path, [apart]).of(apart) == apart.persons
    later = graph("g", "a-x*2 x-b a!b x-y@9 y-b@9 a-b@9 a-z@9 z-y@9", "a x z | y b")
    assert on_duckdb(tmp_path, [later]).of(later) == later.persons
    merged = graph("g", "a-x*2 x-b", "a x b")
    found = on_duckdb(tmp_path, [merged])
    assert found.of(merged) == merged.persons
    assert not found.cuts


def test_decisions_that_contradict_each_other_stop_the_build(tmp_path: Path) -> None:
    wrong = graph("g", "a=x x=b a!b")
    with pytest.raises(ContradictionError):
        cuts(wrong.ties, wrong.never)
    with pytest.raises(BuildError, match="never to be one"):
        on_duckdb(tmp_path, [wrong])
