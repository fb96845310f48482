"""Probabilities of a goal: calibrated on a later time, against a simple rule, or not given."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra 'science' is not installed")

from threadpoolctl import threadpool_limits

from madang.score.propensity import FEATURES, propensity


@pytest.fixture(autouse=True)
def one_thread():
    """More than there are processors wait for each other."""
    with threadpool_limits(1):
        yield


def moments(people: int, seed: int, tells: bool = True, rate: float = -3.0) -> list[dict]:
    """People of whom some features tell how probable the goal is, at three moments."""
    chance = np.random.default_rng(seed)
    rows = []
    for moment in ("train", "test", "now"):
        for number in range(people):
            told = {name: int(chance.poisson(3)) for name in FEATURES}
            liking = 2 * np.log1p(told["active_days"]) - np.log1p(told["actions"]) if tells else 0
            reached = chance.random() < 1 / (1 + np.exp(-(rate + liking)))
            told |= {"moment": moment, "person_id": f"p{number:05}", "liking": rate + liking}
            rows.append({**told, "is_reached": None if moment == "now" else bool(reached)})
    return rows


def test_what_features_tell_is_given_as_a_probability_and_beats_the_simple_rules() -> None:
    rows = moments(1500, 2)
    made = propensity("drive", rows)
    assert (made.model, made.status) == ("propensity_drive", "published")
    now = [row for row in rows if row["moment"] == "now"]
    found = np.array([made.scores[row["person_id"]] for row in now])
    truth = 1 / (1 + np.exp([-row["liking"] for row in now]))
    assert abs(found.mean() - truth.mean()) < 0.03, "calibrated"
    high = found >= np.quantile(found, 0.9)
    assert abs(found[high].mean() - truth[high].mean()) < 0.07, "calibrated where it is high"


def test_features_that_tell_nothing_give_no_score() -> None:
    assert propensity("drive", moments(1200, 3, tells=False)).status == "no_better"


def test_a_goal_that_thirty_people_reached_is_told_and_gives_nothing() -> None:
    rows = moments(600, 4)
    seen = {"train": 0, "test": 0}
    for row in rows:
        if row["is_reached"]:
            seen[row["moment"]] += 1
            row["is_reached"] = seen[row["moment"]] <= 30
    made = propensity("drive", rows)
    assert (made.status, made.scores, made.positives) == ("too_few", {}, 30)
    assert propensity("drive", []).status == "too_few"
