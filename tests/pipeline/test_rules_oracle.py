"""Funnels and audiences of random streams, beside a slow reading of their pages in Python."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
import yaml

from demo_workspace import copied_project
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings
from madang.specs.project import read_project

AS_OF = datetime(2026, 11, 1)
MODELS = ("funnel_steps", "funnel_entries", "audience_evidence", "audience_candidates")
COLUMNS = ("subject_id", "person_id", "occurred_at", "activity_order", "action", "object_type")
COLUMNS += ("object_id", "object_name", "source", "channel_group", "campaign", "value")
COLUMNS += ("session_key",)


@dataclass(frozen=True)
class Done:
    """One activity."""

    subject: str
    at: datetime
    order: int
    action: str
    object_type: str | None
    object_id: str | None
    channel: str | None

    def row(self) -> tuple:
        person = self.subject if self.subject.startswith("person") else None
        named = (self.object_type, self.object_id, None, "ga4", self.channel, None, None, None)
        return (self.subject, person, self.at, self.order, self.action, *named)

    def meets(self, action: str, where: dict[str, Any] | None) -> bool:
        wanted = [(getattr(self, column), value) for column, value in (where or {}).items()]
        return self.action == action and all(
            value in (one if isinstance(one, list) else [one]) for value, one in wanted
        )


def funnels(a: str, b: str, c: str) -> dict[str, dict]:
    """One with other actions, one that asks for the same twice, one long with conditions."""
    both = {"object_id": ["x", "y"], "object_type": "car"}
    return {
        "plain": funnel("2 hours", (a, None), (b, None), (c, None)),
        "twice": funnel("90 minutes", (a, None), (a, {"object_id": "x"}), (b, None)),
        "long": funnel("1 day", (a, both), (b, None), (a, None), (b, {"object_type": "car"})),
    }


def funnels_of_the_language(a: str, b: str, c: str) -> dict[str, dict]:
    """Each says one thing more than steps and a window."""
    plain = funnel("6 hours", (a, None), (b, None), (c, None))
    boat = {"action": a, "where": {"object_type": "boat"}}
    car = funnel("1 day", (a, {"object_type": "car"}), (b, None), (c, None))
    within = [step | {"within": "90 minutes"} for step in plain["steps"][1:]]
    return {
        "same": plain | {"reentry": "optimized"},
        "within": plain | {"steps": [plain["steps"][0], *within]},
        "strict": plain | {"order": "strict"},
        "held": plain | {"hold": "object"},
        "excluded": car | {"exclude": [boat]},
        "first": plain | {"reentry": "first"},
        "best": plain | {"reentry": "best"},
        "any_order": plain | {"order": "any"},
    }


def funnel(window: str, *steps: tuple[str, dict | None]) -> dict:
    listed: list[dict[str, Any]] = []
    for number, (action, where) in enumerate(steps, 1):
        listed.append(
            {"name": f"s{number}", "action": action} | ({"where": where} if where else {})
        )
    return {"label": "x", "window": window, "steps": listed}


def audiences(a: str, b: str, c: str) -> dict[str, dict]:
    """Every kind of rule, with conditions that count the same activities."""
    rules: dict[str, dict] = {
        "often": {"did": a, "where": {"object_id": ["x", "y"]}, "at_least": 2, "within": "1 day"},
        "left": {"did": a, "where": {"object_type": "car"}, "and_not": b, "wait": "2 hours"},
        "either": {"any": [{"did": a, "at_least": 2}, {"did": a, "within": "5 hours"}, {"did": c}]},
        "but_not": {"all": [{"did": a}, {"not": {"any": [{"did": b}, {"did": c}]}}]},
        "never": {"not": {"did": a}},
        "rich": {"all": [{"has": "orders", "at_least": 2}, {"not": {"did": a}}]},
        "shown": {"all": [{"has": "tier", "is": ["VIP"]}, {"did": b, "where": {"object_id": "x"}}]},
    }
    consent = {"purpose": "marketing", "channels": ["email"]}
    return {
        name: {"label": "x", "within": "12 hours", "rule": rule, "consent": consent}
        for name, rule in rules.items()
    }


def stream(actions: tuple[str, ...], seed: int = 14) -> list[Done]:
    """Short random lives of 300 subjects, with moments that are often the same."""
    dice, made = random.Random(seed), []
    for number in range(300):
        subject = f"{'person' if number % 3 else 'device'}{number}"
        for _ in range(dice.choice((1, 2, 4, 8, 12))):
            at = AS_OF - timedelta(minutes=30 * dice.randrange(1, 50))
            place = dice.choice((0, 0, 0, 1))
            order = int((at - datetime(1970, 1, 1)).total_seconds()) * 10 + place
            drawn = dice.choice(("car", "boat", None)), dice.choice(("x", "y", "z", None))
            made.append(Done(subject, at, order, dice.choice(actions), *drawn, None))
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """The rules in a copy of the project, the stream, and a warehouse in which the models ran."""
    root = tmp_path_factory.mktemp("rules")
    project = copied_project(root / "project")
    actions = read_project(project).model("actions").data["config"]["meta"]["actions"]
    named = tuple(action["name"] for action in actions)[:3]
    folder = project / "models" / "marts" / "own"
    folder.mkdir()
    models = []
    asked = funnels(*named) | funnels_of_the_language(*named)
    for kind, rules in (("funnel", asked), ("audience", audiences(*named))):
        for name, rule in rules.items():
            models.append({"name": f"{kind[:3] if kind == 'audience' else kind}_{name}"})
            models[-1]["config"] = {"meta": {kind: rule}}
            (folder / f"{models[-1]['name']}.sql").write_text(f"{{{{ {kind}() }}}}")
    (folder / "own.yml").write_text(yaml.safe_dump({"models": models}))
    (root / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}+00:00\nproject: {project}\n")
    done = stream(named)
    customers = [
        (f"person{number}", number % 5, "VIP" if number % 2 else "plain")
        for number in range(310)
        if number % 3
    ]
    with duckdb.connect(str(root / "warehouse.duckdb")) as db:
        db.execute("create schema madang_activity; create schema madang_marts")
        types = ("varchar", "varchar", "timestamp", "hugeint", *["varchar"] * 9)
        listed = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, types, strict=True))
        db.execute(f"create table madang_activity.activities ({listed})")
        holders = ", ".join("?" * len(COLUMNS))
        db.executemany(
            f"insert into madang_activity.activities values ({holders})",
            [one.row() for one in done],
        )
        db.execute(
            "create table madang_marts.customers (person_id varchar, orders bigint, tier varchar)"
        )
        db.executemany("insert into madang_marts.customers values (?, ?, ?)", customers)
    run_dbt(load_settings(root), ["run", "--select", *MODELS])
    with duckdb.connect(str(root / "warehouse.duckdb")) as db:
        yield named, done, customers, db, root


def micros(duration: str) -> timedelta:
    amount, unit = duration.split()
    return timedelta(**{f"{unit.rstrip('s')}s": int(amount)})


def lives(done: list[Done]) -> dict[str, list[Done]]:
    found: dict[str, list[Done]] = {}
    for one in sorted(done, key=lambda one: one.order):
        found.setdefault(one.subject, []).append(one)
    return found


def furthest(life: list[Done], rule: dict) -> list[Done]:
    """The steps of the entry that counts, by trying every choice of activities."""
    steps = [
        [one for one in life if one.meets(step["action"], step.get("where"))]
        for step in rule["steps"]
    ]
    for reached in range(len(steps), 0, -1):
        choices = [
            choice
            for choice in itertools.product(*steps[:reached])
            if all(one.order < later.order for one, later in itertools.pairwise(choice))
            and choice[-1].at <= choice[0].at + micros(rule["window"])
        ]
        if choices:
            # the first arrival; each step is the last one before the next
            first = min(choice[-1].order for choice in choices)
            arrived = [choice for choice in choices if choice[-1].order == first]
            return list(max(arrived, key=lambda choice: [one.order for one in reversed(choice)]))
    return []


def test_subjects_come_as_far_as_any_choice_of_their_activities_does(world: tuple):
    named, done, _, db, _ = world
    expected = {}
    for name, rule in funnels(*named).items():
        for subject, life in lives(done).items():
            for number, one in enumerate(furthest(life, rule), 1):
                expected[name, subject, number] = one.at
    found = db.execute(
        "select funnel, subject_id, step_number, reached_at from madang_marts.funnel_steps "
        "where funnel in ('plain', 'twice', 'long')"
    ).fetchall()
    assert {row[:3]: row[3] for row in found} == expected
    assert len(found) == len(expected) > 500
    assert {number for _, _, number in expected} == {1, 2, 3, 4}


def test_states_follow_the_window(world: tuple):
    named, done, _, db, _ = world
    expected = {}
    for name, rule in funnels(*named).items():
        for subject, life in lives(done).items():
            if steps := furthest(life, rule):
                is_open = steps[0].at + micros(rule["window"]) > AS_OF
                state = "open" if is_open else "lost"
                if len(steps) == len(rule["steps"]):
                    state = "converted"
                expected[name, subject] = (len(steps), state)
    found = db.execute(
        "select funnel, subject_id, step_reached, state from madang_marts.funnel_entries "
        "where funnel in ('plain', 'twice', 'long')"
    ).fetchall()
    assert {row[:2]: row[2:] for row in found} == expected
    assert {state for _, state in expected.values()} == {"converted", "open", "lost"}


def test_a_funnel_at_a_time_gives_what_one_statement_gives(world: tuple):
    *_, db, root = world
    (file,) = root.glob("**/compiled/**/funnel_steps.sql")
    sql, built = file.read_text(), "select * from madang_marts.funnel_steps"
    assert db.execute(f"({sql}) except all ({built})").fetchall() == []
    assert db.execute(f"({built}) except all ({sql})").fetchall() == []


def level(life: list[Done], rule: dict) -> int:
    """How far a life comes under one of the language's words, by trying every choice."""
    steps, places = rule["steps"], sorted({one.order for one in life})
    able = [[one for one in life if one.meets(s["action"], s.get("where"))] for s in steps]
    window = micros(rule["window"])
    if rule.get("order") == "any":
        starts = [one.at for listed in able for one in listed]
        ahead = [
            sum(any(start <= one.at <= start + window for one in listed) for listed in able)
            for start in starts
        ]
        return max(ahead, default=0)
    if rule.get("reentry") == "first":
        way: list[Done] = []
        for listed in able:
            later = [one for one in listed if not way or one.order > way[-1].order]
            if not later or (way and later[0].at > way[0].at + window):
                break
            way.append(later[0])
        return len(way)

    def follows(before: Done, after: Done, step: dict) -> bool:
        between = [one for one in life if before.order < one.order < after.order]
        out = rule.get("exclude", [])
        return (
            before.order < after.order
            and ("within" not in step or after.at <= before.at + micros(step["within"]))
            and (
                rule.get("order") != "strict"
                or places.index(after.order) == places.index(before.order) + 1
            )
            and not any(
                one.meets(x["action"], x.get("where")) and before.at < one.at
                for x in out
                for one in between
            )
        )

    for reached in range(len(steps), 0, -1):
        for choice in itertools.product(*able[:reached]):
            if choice[-1].at <= choice[0].at + window and all(
                follows(one, later, step)
                for one, later, step in zip(choice, choice[1:], steps[1:], strict=False)
            ):
                return reached
    return 0


def test_each_word_of_the_language_comes_as_far_as_its_page_says(world: tuple):
    named, done, _, db, _ = world
    lived = lives(done)
    for name, rule in funnels_of_the_language(*named).items():
        expected = {}
        for subject, life in lived.items():
            held = {one.object_id for one in life} - {None} if "hold" in rule else {None}
            for thing in held:
                own = [one for one in life if thing in (None, one.object_id)]
                if reached := level(own, rule):
                    expected[subject, thing] = reached
        found = db.execute(
            "select subject_id, held, step_reached from madang_marts.funnel_entries "
            "where funnel = ? order by all",
            [name],
        ).fetchall()
        assert {row[:2]: row[2] for row in found} == expected, name
        assert len(found) == len(expected) > 50, name
        assert {row[2] for row in found} == {1, 2, 3}, name


def holds(rule: dict, life: list[Done], customer: tuple | None, within: str) -> bool:
    """Whether a rule holds for a subject, as the page says it."""
    if "any" in rule:
        return any(holds(one, life, customer, within) for one in rule["any"])
    if "all" in rule:
        return all(holds(one, life, customer, within) for one in rule["all"])
    if "not" in rule:
        return not holds(rule["not"], life, customer, within)
    if "has" in rule:
        if customer is None:
            return False
        _, orders, tier = customer
        return orders >= rule["at_least"] if rule["has"] == "orders" else tier in rule["is"]
    counted = counting(rule, life, within)
    if "and_not" not in rule:
        return len(counted) >= rule.get("at_least", 1)
    if not counted:
        return False
    last = max(one.at for one in counted)
    same = {"object_type": rule["where"]["object_type"]}
    ends = [one.at for one in life if one.meets(rule["and_not"], same)]
    return last <= AS_OF - micros(rule["wait"]) and not any(end >= last for end in ends)


def counting(rule: dict, life: list[Done], within: str) -> list[Done]:
    since = AS_OF - micros(rule.get("within", within))
    return [one for one in life if one.at > since and one.meets(rule["did"], rule.get("where"))]


def dids(rule: dict) -> list[dict]:
    inner = rule.get("any", rule.get("all", [rule["not"]] if "not" in rule else []))
    return [rule] if "did" in rule else [did for one in inner for did in dids(one)]


def test_a_rule_holds_for_the_subjects_that_its_page_says(world: tuple):
    named, done, customers, db, _ = world
    by_subject = lives(done)
    people = {customer[0]: customer for customer in customers}
    expected = {}
    for name, audience in audiences(*named).items():
        for subject in by_subject.keys() | people.keys():
            life, within = by_subject.get(subject, []), audience["within"]
            if holds(audience["rule"], life, people.get(subject), within):
                counted = {
                    id(one): one
                    for did in dids(audience["rule"])
                    for one in counting(did, life, within)
                }
                last = max((one.at for one in counted.values()), default=None)
                expected[name, subject] = (len(counted), last)
    found = db.execute(
        "select audience, subject_id, matched_activities, last_matched_at "
        f"from madang_marts.audience_candidates where audience in {tuple(audiences(*named))}"
    ).fetchall()
    assert {row[:2]: row[2:] for row in found} == expected
    assert len(found) == len(expected)
    sizes = {name: sum(one == name for one, _ in expected) for name in audiences(*named)}
    assert all(0 < size < len(by_subject | people) for size in sizes.values()), json.dumps(sizes)
