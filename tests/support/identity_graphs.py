"""Small graphs of identifiers with what people decided, and who should be one person in the end.

`a-b` is a tie, `a-b*3` one with evidence of three records, `a-b@5` one first seen on the fifth,
`a=b` a decision to join and `a!b` one to keep apart. `a b | c` are two persons.
"""

import hashlib
import random
import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from plain_cuts import Tie, components

TOKEN = re.compile(r"(\w+)([-=!])(\w+)(?:\*(\d+))?(?:@(\d+))?")
DAY = datetime(2026, 10, 1)


@dataclass
class Graph:
    """Names of nodes carry the name of the graph, so that many graphs fit into one table."""

    name: str
    ties: list[Tie] = field(default_factory=list)
    never: list[tuple[str, str]] = field(default_factory=list)
    persons: set[frozenset[str]] = field(default_factory=set)

    @property
    def nodes(self) -> set[str]:
        return {end for pair in (*(tie.ends for tie in self.ties), *self.never) for end in pair}

    def groups(self, ties: list[Tie]) -> set[frozenset[str]]:
        """The persons that some ties make of all nodes."""
        found: dict[str, set[str]] = {}
        for node, label in components(self.nodes, ties).items():
            found.setdefault(label, set()).add(node)
        return {frozenset(group) for group in found.values()}


def graph(name: str, drawn: str, persons: str = "") -> Graph:
    made = Graph(name)
    for left, kind, right, evidence, day in TOKEN.findall(drawn):
        left, right = f"{name}.{left}", f"{name}.{right}"
        if kind == "!":
            made.never.append((left, right))
        else:
            seen = DAY.replace(day=int(day or 1))
            made.ties.append(Tie(left, right, kind == "=", int(evidence or 1), seen))
    for group in persons.split("|") if persons else ():
        made.persons.add(frozenset(f"{name}.{node}" for node in group.split()))
    return made


SCENARIOS = [
    graph("simple", "a-b", "a b"),
    graph("chain", "a-b b-c c-d", "a b c d"),
    graph("diamond", "a-b a-c b-d c-d", "a b c d"),
    graph("disjoint", "a-b c-d", "a b | c d"),
    graph("fan_in", "a-x b-x c-x d-x e-x", "a b c d e x"),
    graph("fan_out", "x-a x-b x-c x-d y-z", "x a b c d | y z"),
    graph("three_way_bridge", "a-b c-d e-f b-m d-m f-m", "a b c d e f m"),
    graph("alternating_chain", "a-z z-b b-y y-c c-x", "a z b y c x"),
    graph("self_loop", "a-a a-b", "a b"),
    graph("reobserved", "a-b a-b@3 b-a@4", "a b"),
    graph("must_link", "a-b c-d b=c", "a b c d"),
    graph("never_tied_apart", "a-b c-d a!c", "a b | c d"),
    graph("never_cuts_an_edge", "a-b a!b", "a | b"),
    graph("never_cuts_a_chain", "a-x x-y y-b a!b", "a x | y b"),
    graph("every_source_of_an_edge_is_cut", "a-b a-b@7*9 b-a a!b", "a | b"),
    graph("nearer_wins_over_more_evidence", "a-x x-y*9 y-z*9 z-b*9 w-b x!b", "x a y | z b w"),
    graph("tie_goes_to_evidence", "a-x x-b*2 a!b", "a | x b"),
    graph("then_to_who_was_first", "a-x@5 x-b@3 a!b", "a | x b"),
    graph("then_to_the_smaller_key", "a-x x-b a!b", "a x | b"),
    graph("which_end_is_left_says_nothing", "a-x x-b b!a", "a x | b"),
    graph("diamond_is_cut", "a-x*2 a-y x-b y-b*2 a!b", "a x | y b"),
    graph("ladder_is_cut", "a-c c-e e-b a-d d-f f-b c-d e-f a!b", "a c d | b e f"),
    graph("around_two_ways", "a-b a-p p-q q-r r-b a!b", "a p q | r b"),
    graph("leaves_follow_their_side", "a-x x-b a-l1 b-l2 l2-l3 a!b", "a x l1 | b l2 l3"),
    graph("two_nevers_in_a_row", "a-x x-b*2 b-y*2 y-c a!b b!c", "a | x b y | c"),
    graph("three_bridged_by_one", "a-m@1 b-m@2 c-m@3 a!b b!c a!c", "a m | b | c"),
    graph("a_never_leaves_others_alone", "a-x x-b c-d a!b", "a x | b | c d"),
    graph("a_must_is_never_cut", "a-x x=b a!b", "a | x b"),
    graph("a_chain_of_musts_is_one", "a-x x=y y=z z-b a!b", "a x y z | b"),
    graph("musts_beside_a_never", "a-x x-b b=c a=d a!b c-x", "a d | x b c"),
    graph("never_of_a_joined_one", "a=c c-x x-b*2 a!b", "a c | x b"),
    graph("nobody_else_is_there", "a!b", "a | b"),
]


def long_chain(length: int) -> Graph:
    """A chain whose ends are never to be one person: it is cut in the middle.

    Its keys are hashes, as all keys of identifiers are.
    """
    made = Graph(f"long{length}")
    nodes = [hashlib.md5(f"{length} {number}".encode()).hexdigest() for number in range(length)]
    made.ties = [Tie(*pair, first_seen=DAY) for pair in pairwise(nodes)]
    made.never = [(nodes[0], nodes[-1])]
    made.persons = {frozenset(nodes[: length // 2]), frozenset(nodes[length // 2 :])}
    return made


def random_graphs(count: int, seed: int) -> list[Graph]:
    """Graphs of up to fourteen nodes; decisions in them do not contradict each other."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        one = Graph(f"random{number}")
        nodes = [f"{one.name}.{node}" for node in range(dice.randint(3, 14))]
        for _ in range(dice.randint(2, 2 * len(nodes))):
            seen = DAY.replace(day=dice.randint(1, 3))
            tie = Tie(
                dice.choice(nodes),
                dice.choice(nodes),
                dice.random() < 0.15,
                dice.randint(1, 2),
                seen,
            )
            one.ties.append(tie)
        joined = components(nodes, [tie for tie in one.ties if tie.is_decided])
        pairs = [(dice.choice(nodes), dice.choice(nodes)) for _ in range(dice.randint(0, 4))]
        one.never = [(left, right) for left, right in pairs if joined[left] != joined[right]]
        made.append(one)
    return made
