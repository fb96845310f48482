"""Graphs of identifiers laid into the tables that the models read, and what a run makes of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo_workspace import AS_OF, MARU
from identity_graphs import Graph
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

RUN = ["run", "--select", "identity_cuts", "identity_components"]
#: The macro sixty_bits.
ID = "cast(md5_number_upper({}) >> 4 as bigint)"
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
                first_seen_at timestamp, is_quarantined boolean, left_id bigint,
                right_id bigint)""")
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
        db.executemany(
            "insert into madang_identity.identity_edges values (?,?,?,?,?,?,?,null,null)", edges
        )
        db.execute(f"""
            update madang_identity.identity_edges set left_id = {ID.format("left_key")},
                right_id = {ID.format("right_key")}""")
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


def on_duckdb(root: Path, graphs: list[Graph], *arguments: str) -> Labels:
    """Run the models; a second run in one folder begins with what the first one made."""
    if not (root / "madang.yml").exists():
        text = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
        (root / "madang.yml").write_text(text, encoding="utf-8")
    lay(root / "warehouse.duckdb", graphs)
    run_dbt(load_settings(root), [*RUN, *arguments])
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as db:
        return labels(db.execute(COMPONENTS).fetchall(), db.execute(CUTS).fetchall())


def on_googlesql(root: Path, graphs: list[Graph], *later: list[Graph]) -> Labels:
    """The same on GoogleSQL; `later` are the graphs of further runs with the same tables."""
    pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
    pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")
    from local_bigquery.project import Project, copy_layers
    from local_bigquery.server import serve
    from local_bigquery.values import to_python

    with serve() as server:
        project = Project(server, root / "dbt", AS_OF)
        for one_run in (graphs, *later):
            lay(root / "warehouse.duckdb", one_run)
            copy_layers(server, root / "warehouse.duckdb", "madang_identity", "madang_reference")
            ended = project.dbt(*RUN)
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
