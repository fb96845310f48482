"""Funnels and audiences of random streams, beside a slow reading of their pages in Python."""

import hashlib
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest
import yaml

from demo_workspace import copied_project
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings
from madang.specs.project import read_project

AS_OF = datetime(2026, 11, 1)
MODELS = ("funnel_steps", "funnel_entries", "person_stages")
MODELS += ("audience_evidence", "audience_candidates", "audience_parts")
COLUMNS = ("subject_id", "person_id", "occurred_at", "activity_order", "action", "object_type")
COLUMNS += ("object_id", "object_name", "source", "channel_group", "campaign", "value", "currency")
COLUMNS += ("session_key", "activity_id")


#: Who may be written to, in SQL and in Python.
ALLOWED = "orders < 3"


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
    value: int | None = None
    currency: str | None = None

    def row(self) -> tuple:
        person = self.subject if self.subject.startswith("person") else None
        named = (self.object_type, self.object_id, None, "ga4", self.channel, None)
        paid = (self.value, self.currency)
        keys = (self.session, str(self))
        return (self.subject, person, self.at, self.order, self.action, *named, *paid, *keys)

    @property
    def session(self) -> str | None:
        """The third of a day; what was done to z was done elsewhere."""
        return (
            None if self.object_id == "z" else f"{self.subject} {self.at.day} {self.at.hour // 8}"
        )

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
        "then": {
            "did": a,
            "then": [{"did": b, "within": "3 hours"}, {"did": a, "where": {"object_id": "x"}}],
        },
        "twice_soon": {
            "any": [
                {"did": a, "then": [{"did": a, "within": "1 hour"}], "at_least": 2},
                {"did": a, "at_least": 4},
            ]
        },
        "left_in_session": {"all": [{"did": a}, {"not": {"did": b}}], "scope": "session"},
        "often_in_session": {"did": a, "at_least": 2, "scope": "session", "within": "ever"},
        "then_in_session": {
            "all": [
                {"did": a, "then": [{"did": b, "within": "3 hours"}], "scope": "session"},
                {"did": b, "at_most": 3},
            ]
        },
        "in_one_event": {
            "any": [{"all": [{"did": a}, {"did": b}], "scope": "event"}, {"did": c, "at_least": 4}],
        },
        "seldom": {"did": b, "at_most": 1},
        "some": {
            "all": [{"did": b, "at_least": 1, "at_most": 2}, {"not": {"did": c, "at_most": 0}}]
        },
        "new": {"did": a, "first_time": True, "within": "6 hours"},
        "dear": {"did": a, "value": {"at_least": 50, "less_than": 90}, "currency": "USD"},
        "spent": {"did": a, "total": {"at_least": 200}, "within": "ever"},
        "in_days": {"did": a, "from": "2026-10-31", "until": "2026-10-31", "within": "ever"},
        "stopped": {"funnel": "plain", "state": ["lost", "open"], "step": "s1", "for": "3 hours"},
        "staged": {"in_stage": ["one", "two"], "journey": "own", "stuck_for": "2 hours"},
        "new_here": {
            "any": [
                {"has": "registered_at", "within": "10 days"},
                {"has": "registered_at", "before": "2026-10-02"},
            ]
        },
        "both": {
            "all": [{"in_audience": ["often", "left"]}, {"not": {"in_audience": "reachable"}}]
        },
        "reachable": {"in_audience": "often", "contactable": True},
        "drawn": {"all": [{"not": {"did": a, "within": "1 hour"}}, {"sample": 30, "named": "t"}]},
        "listed_first": {"did": b, "where": {"object_id": "x"}},
        "listed_second": {"did": b},
        "listed_third": {"not": {"did": c}},
    }
    consent = {"purpose": "marketing", "channels": ["email"]}
    specs: dict[str, dict] = {
        name: {"label": "x", "within": "12 hours", "rule": rule, "consent": consent}
        for name, rule in rules.items()
    }
    for place, name in enumerate(("listed_first", "listed_second", "listed_third"), 1):
        specs[name]["priority"] = {"list": "one", "place": place}
    return specs


def stages(a: str, b: str, c: str) -> list[dict]:
    """A journey with a stage that sets people back, and one of people who did nothing."""
    return [
        {"name": "one", "enter": [{"did": a, "where": {"object_id": ["x", "y"]}}]},
        {"name": "two", "goes_back": True, "enter": [{"did": b, "where": {"object_type": "car"}}]},
        {"name": "three", "enter": [{"did": c}, {"did": b, "of": {"tier": ["VIP"]}}]},
        {"name": "quiet", "quiet_for": "6 hours"},
    ]


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
            paid = dice.choice(((None, None), (40, "KRW"), (120, "KRW"), (60, "USD"), (90, "USD")))
            made.append(Done(subject, at, order, dice.choice(actions), *drawn, None, *paid))
    return made


#: People for the shipped audiences: (activities with days ago and kind of object, days since
#: the last activity, orders, has logged in), and the audiences that hold them.
PEOPLE: dict[str, tuple[list[tuple], float, int, bool, set[str]]] = {
    "applied": ([("completed_application", 10)], 10, 0, False, {"likely", "applied_without_date"}),
    "applied_long_ago": ([("completed_application", 31)], 31, 0, False, {"applied_without_date"}),
    "came": ([("completed_application", 10), ("visited", 2)], 2, 0, True, set()),
    "asked_twice": ([("inquired", 20), ("inquired", 3)], 3, 0, False, {"likely"}),
    "asked_once": ([("inquired", 3)], 3, 0, False, {"potential"}),
    "dated": ([("completed_application", 5), ("scheduled", 2)], 2, 0, False, {"likely"}),
    "cancelled": ([("completed_application", 5), ("cancelled", 2)], 2, 0, False, {"likely"}),
    "rejected": ([("completed_application", 5), ("rejected", 2)], 2, 0, False, {"likely"}),
    "no_date_found": (
        [("completed_application", 5), ("schedule_failed", 2)],
        2,
        0,
        False,
        {"likely", "applied_without_date"},
    ),
    "applied_again": (
        [("completed_application", 40), ("visited", 35), ("completed_application", 5)],
        5,
        0,
        False,
        {"likely", "applied_without_date"},
    ),
    "by_telephone": ([("received", 5)], 5, 0, False, {"likely", "applied_without_date"}),
    "too_new": ([("completed_application", 2.9)], 2.9, 0, False, {"likely"}),
    "gone": ([("received", 300)], 180, 0, False, {"lapsed"}),
    "nearly_gone": ([("received", 300)], 179.9, 0, False, set()),
    "bought_and_gone": ([], 181, 2, True, {"lapsed"}),
    "ended": ([("churned", 10)], 10, 1, False, {"lapsed"}),
    "ended_and_back": ([("churned", 10), ("received", 2.9)], 2.9, 1, False, {"likely"}),
    "looking": ([], 89.9, 0, True, {"potential"}),
    "looked": ([], 90, 0, False, set()),
    "customer": ([], 20, 1, False, set()),
    "left": ([("clicked_apply", 0.1, "test_drive")], 0, 0, False, {"potential", "left"}),
    "left_charger": ([("clicked_apply", 0.1, "charger")], 0, 0, False, {"potential"}),
    "finished": (
        [("clicked_apply", 0.1, "test_drive"), ("completed_application", 0.05, "test_drive")],
        0,
        0,
        False,
        {"likely"},
    ),
}
SHIPPED = {"likely", "lapsed", "potential", "applied_without_date", "login_history"}


def people() -> tuple[list[Done], list[tuple]]:
    """Their activities, and what is known of them as customers."""
    done, known = [], []
    for name, (activities, quiet, orders, has_logged_in, _) in PEOPLE.items():
        for action, days, *kind in activities:
            at = AS_OF - timedelta(days=days)
            order = int((at - datetime(1970, 1, 1)).total_seconds()) * 10
            objects = (kind[0] if kind else None, None)
            done.append(Done(f"person_{name}", at, order, action, *objects, None))
        last = AS_OF - timedelta(days=quiet)
        row = (f"person_{name}", orders, "plain", datetime(2026, 1, 1), last, has_logged_in)
        known.append(row)
    return done, known


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
    models.append({"name": "own_stages", "config": {"meta": {"stages": []}}})
    journey = {"name": "own", "stages": stages(*named)}
    models[-1]["config"]["meta"]["stages"].append(journey)
    (folder / "own_stages.sql").write_text("select 1 as stage")
    main = project / "dbt_project.yml"
    main.write_text(main.read_text().replace("shipped: {+enabled: false}", "shipped: {}"))
    (folder / "own.yml").write_text(yaml.safe_dump({"models": models}))
    (root / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}+00:00\nproject: {project}\n")
    done, customers = people()
    done += stream(named)
    customers += [
        (
            f"person{number}",
            number % 5,
            "VIP" if number % 2 else "plain",
            datetime(2026, 9, 30) + timedelta(hours=3 * number),
            datetime(2026, 1, 1),
            False,
        )
        for number in range(310)
        if number % 3
    ]
    with duckdb.connect(str(root / "warehouse.duckdb")) as db:
        db.execute("create schema madang_activity; create schema madang_marts")
        types = ("varchar", "varchar", "timestamp", "hugeint", *["varchar"] * 7)
        types += ("double", "varchar", "varchar", "varchar")
        listed = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, types, strict=True))
        db.execute(f"create table madang_activity.activities ({listed})")
        holders = ", ".join("?" * len(COLUMNS))
        db.executemany(
            f"insert into madang_activity.activities values ({holders})",
            [one.row() for one in done],
        )
        # what one subject did in one place of the order is one event
        db.execute("""
            create table madang_activity.actions as
            select distinct
                activity_id as action_key, concat(subject_id, activity_order) as event_key
            from madang_activity.activities""")
        db.execute(
            "create table madang_marts.customers (person_id varchar, orders bigint, tier varchar, "
            "registered_at timestamp, last_activity_at timestamp, has_logged_in boolean, "
            "last_order_at timestamp)"
        )
        db.executemany(
            "insert into madang_marts.customers values (?, ?, ?, ?, ?, ?, null)", customers
        )
        db.execute(f"""
            create table madang_marts.contactability as
            select person_id, 'email' as channel, 'marketing' as purpose,
                case when {ALLOWED} then 'allowed' else 'withdrawn' end as reason
            from madang_marts.customers""")
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


@dataclass(frozen=True)
class Someone:
    """A subject, what is known of it, and all rules."""

    name: str
    life: list[Done]
    customer: tuple | None
    actions: tuple[str, ...]

    def candidate(self, audience: str) -> bool:
        """Whether an audience holds the subject: its rule does, and none before it in its list."""
        spec = audiences(*self.actions)[audience]
        place = spec.get("priority", {}).get("place", 1)
        before = [
            name
            for name, other in audiences(*self.actions).items()
            if "priority" in spec and other.get("priority", {}).get("place", place) < place
        ]
        return self.holds(spec["rule"], spec["within"]) and not any(map(self.candidate, before))

    def holds(self, rule: dict, within: str) -> bool:
        """Whether a rule holds, as the page says it."""
        if "scope" in rule:
            inside = {key: said for key, said in rule.items() if key != "scope"}
            lived = parts_of(self.life, rule["scope"])
            return any(replace(self, life=one).holds(inside, within) for one in lived)
        if "any" in rule:
            return any(self.holds(one, within) for one in rule["any"])
        if "all" in rule:
            return all(self.holds(one, within) for one in rule["all"])
        if "not" in rule:
            return not self.holds(rule["not"], within)
        if "has" in rule:
            return self.customer is not None and has(rule, self.customer)
        if "funnel" in rule:
            return self.is_in_funnel(rule)
        if "in_stage" in rule:
            return self.is_in_stage(rule)
        if "in_audience" in rule:
            wanted = rule["in_audience"]
            is_in = any(
                self.candidate(one) for one in (wanted if isinstance(wanted, list) else [wanted])
            )
            is_allowed = self.customer is not None and self.customer[1] < 3
            return is_in and (is_allowed or not rule.get("contactable"))
        if "sample" in rule:
            digest = hashlib.md5(f"{rule.get('named', '')}:{self.name}".encode()).digest()
            number = int.from_bytes(digest[:8], "little") >> 4
            return number % 1_000_000 < rule["sample"] * 10_000
        return self.has_done(rule, within)

    def has_done(self, rule: dict, within: str) -> bool:
        counted = counting(rule, self.life, within)
        if "first_time" in rule:
            return bool(counted) and counted[0].at > since(rule, within)
        if "total" in rule:
            return (
                bool(counted)
                and sum(one.value or 0 for one in counted) >= rule["total"]["at_least"]
            )
        if "and_not" not in rule:
            least = rule.get("at_least", 0 if "at_most" in rule else 1)
            return least <= len(counted) <= rule.get("at_most", 1000)
        if not counted:
            return False
        last = max(one.at for one in counted)
        same = {"object_type": rule["where"]["object_type"]}
        ends = [one.at for one in self.life if one.meets(rule["and_not"], same)]
        return last <= AS_OF - micros(rule["wait"]) and not any(end >= last for end in ends)

    def is_in_funnel(self, rule: dict) -> bool:
        spec = funnels(*self.actions)[rule["funnel"]]
        steps = furthest(self.life, spec)
        if not steps or spec["steps"][len(steps) - 1]["name"] != rule["step"]:
            return False
        is_open = steps[0].at + micros(spec["window"]) > AS_OF
        state = "converted" if len(steps) == len(spec["steps"]) else "open" if is_open else "lost"
        return state in rule["state"] and steps[-1].at <= AS_OF - micros(rule["for"])

    def is_in_stage(self, rule: dict) -> bool:
        if not self.name.startswith("person"):
            return False
        current, entered = None, None
        for name, at in stays(self.life, self.customer, stages(*self.actions)):
            current, entered = name, at
        if current not in rule["in_stage"] or entered is None:
            return False
        return entered <= AS_OF - micros(rule["stuck_for"])


def stays(life: list[Done], customer: tuple | None, listed: list[dict]) -> Iterator[tuple]:
    """The stages that a person comes into, one activity after the other: (name, moment)."""
    *active, quiet = listed
    time, met = micros(quiet["quiet_for"]), []
    for one in life:
        for number, stage in enumerate(active):
            for entry in stage["enter"]:
                is_so = "of" not in entry or (
                    customer is not None and customer[2] in entry["of"]["tier"]
                )
                if one.meets(entry["did"], entry.get("where")) and is_so:
                    met.append((one.at, number))
    met = sorted(set(met))
    current: int | None = None
    for index, (at, number) in enumerate(met):
        is_new = current is None or current == len(active) or active[number].get("goes_back")
        if is_new or number > current:
            if number != current:
                yield active[number]["name"], at
            current = number
        later = met[index + 1][0] if index + 1 < len(met) else AS_OF
        if later - at > time:
            current = len(active)
            yield quiet["name"], at + time


def has(rule: dict, customer: tuple) -> bool:
    """Whether a customer is as a condition on an attribute says."""
    _, orders, tier, registered, *_ = customer
    if "within" in rule:
        return registered > AS_OF - micros(rule["within"])
    if "before" in rule:
        return (registered + timedelta(hours=9)).date() < date.fromisoformat(rule["before"])
    return orders >= rule["at_least"] if rule["has"] == "orders" else tier in rule["is"]


def since(rule: dict, within: str) -> datetime:
    within = rule.get("within", within)
    return datetime.min if within == "ever" else AS_OF - micros(within)


def counting(rule: dict, life: list[Done], within: str) -> list[Done]:
    """The activities that a condition counts; of a sequence, its last steps."""
    start = datetime.min if "first_time" in rule else since(rule, within)
    living = [one for one in life if one.at > start]
    reached = [one for one in living if one.meets(rule["did"], rule.get("where"))]
    for step in rule.get("then", []):
        gap = micros(step["within"]) if "within" in step else timedelta.max
        reached = [
            one
            for one in living
            if one.meets(step["did"], step.get("where"))
            and any(before.order < one.order and one.at - before.at <= gap for before in reached)
        ]
    if "value" in rule or "total" in rule:
        reached = [one for one in reached if one.currency == rule.get("currency", "KRW")]
    if "value" in rule:
        floor, ceiling = rule["value"]["at_least"], rule["value"]["less_than"]
        reached = [one for one in reached if floor <= one.value < ceiling]
    if "from" in rule:
        first, last = (date.fromisoformat(rule[key]) for key in ("from", "until"))
        reached = [one for one in reached if first <= (one.at + timedelta(hours=9)).date() <= last]
    return reached


def parts_of(life: list[Done], scope: str | None) -> list[list[Done]]:
    """A life by session or event; in one piece where neither is asked for."""
    found: dict[object, list[Done]] = {}
    for one in life:
        key = one.session if scope == "session" else one.order if scope else ""
        if key is not None:
            found.setdefault(key, []).append(one)
    return list(found.values())


def dids(rule: dict, scope: str | None = None) -> list[tuple[dict, str | None]]:
    """What a rule counts, and within what."""
    scope = rule.get("scope", scope)
    inner = rule.get("any", rule.get("all", [rule["not"]] if "not" in rule else []))
    return [(rule, scope)] if "did" in rule else [did for one in inner for did in dids(one, scope)]


def test_a_rule_holds_for_the_subjects_that_its_page_says(world: tuple):
    named, done, customers, db, _ = world
    by_subject = lives(done)
    people = {customer[0]: customer for customer in customers}
    expected = {}
    for name, audience in audiences(*named).items():
        for subject in by_subject.keys() | people.keys():
            life, within = by_subject.get(subject, []), audience["within"]
            if Someone(subject, life, people.get(subject), named).candidate(name):
                counted = {
                    id(one): one
                    for did, scope in dids(audience["rule"])
                    for lived in parts_of(life, scope)
                    for one in counting(did, lived, within)
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


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_shipped_audiences_hold_whom_they_are_named_for(world: tuple, name: str):
    *_, db, _ = world
    *_, has_logged_in, wanted = PEOPLE[name]
    wanted = wanted | ({"login_history"} if has_logged_in else set())
    named = (*SHIPPED, "test_drive_abandoners")
    found = db.execute(
        "select audience from madang_marts.audience_candidates "
        f"where subject_id = 'person_{name}' and audience in {named}"
    ).fetchall()
    assert {"left" if one == "test_drive_abandoners" else one for (one,) in found} == wanted


def test_each_part_of_a_rule_is_explained_as_it_holds(world: tuple):
    """The first part of every rule holds for the known persons that the audience holds."""
    *_, db, _ = world
    parts = db.execute(
        "select audience, person_id from madang_explain.audience_parts "
        "where part_number = 1 and holds"
    ).fetchall()
    members = db.execute(
        "select audience, subject_id from madang_marts.audience_candidates "
        "inner join madang_marts.customers on subject_id = customers.person_id"
    ).fetchall()
    assert sorted(parts) == sorted(members)


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
