"""What people decide about who is who, as the models do it, on both warehouses.

The graphs are laid into the tables that `identity_cuts` reads; every graph is a few identifiers of
one large table, so one run does them all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from identity_graphs import SCENARIOS, Graph, graph, long_chain, random_graphs
from identity_runs import Labels, on_duckdb, on_googlesql
from madang.build.dbt import BuildError
from plain_cuts import ContradictionError, components, cuts

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
    """What is cut is what a walk in plain Python cuts; what is left is a plain union-find."""
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
