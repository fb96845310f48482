"""Scores of customers are published where they beat a simple rule, and not where they do not."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra 'science' is not installed")

from test_score_value import CDNOW, SPENT, drawn

from madang.score.customers import clusters, customer_value

HORIZON = 84


def histories(people: int, seed: int, fits: bool = True) -> list[dict]:
    """Customers as the models take them to be, or who order as often as coins fall, alike."""
    chance = np.random.default_rng(seed)
    x, t_x, age = drawn(people, CDNOW, 78, seed)
    alive = CDNOW.alive(x, t_x, age)
    rate = chance.gamma(CDNOW.r + x, 1 / (CDNOW.alpha + age)) if fits else np.full(people, 0.02)
    after = chance.poisson(rate * HORIZON / 7 * (chance.random(people) < alive if fits else 1))
    nu = chance.gamma(SPENT.q, 1 / SPENT.v, people)
    mean = chance.gamma(SPENT.p * np.maximum(x, 1)) / (nu * np.maximum(x, 1))
    value = np.where(after > 0, chance.gamma(SPENT.p * np.maximum(after, 1)) / nu, 0)
    rows = []
    for n in range(people):
        told = {
            "repeat_orders": int(x[n]),
            "recency_days": float(t_x[n] * 7),
            "age_days": float(age[n] * 7),
            "repeat_mean_value": float(mean[n]) if x[n] else None,
        }
        rows.append(
            {
                "person_id": f"p{n:05}",
                **told,
                **{f"{name}_then": one for name, one in told.items()},
                "is_known_then": True,
                "orders_after": int(after[n]),
                "value_after": float(value[n]),
                "days_since_last": float((age[n] - t_x[n]) * 7),
                "orders": int(x[n]) + 1,
                "total_value": float(mean[n] * (x[n] + 1)),
            }
        )
    return rows


def test_customers_who_are_as_the_model_has_them_get_scores_and_their_quality() -> None:
    rows = histories(4000, 5)
    for made in customer_value(rows, HORIZON):
        assert made.status == "published", made.quality
        assert set(made.scores) == {row["person_id"] for row in rows}
        assert min(made.scores.values()) >= 0
        assert all(one.value < one.baseline for one in made.quality)
        assert made.quality[0].persons == 4000


def test_a_score_that_is_no_better_than_one_number_for_all_is_not_published() -> None:
    made = customer_value(histories(3000, 6, fits=False), HORIZON)
    assert [one.status for one in made] == ["no_better", "no_better"]


def test_thirty_customers_with_an_order_are_too_few_and_it_is_told() -> None:
    rows = histories(400, 7)
    for number, row in enumerate(rows):
        row["orders_after"] = int(number < 30)
    for made in customer_value(rows, HORIZON):
        assert (made.status, made.scores, made.positives) == ("too_few", {}, 30)
    assert {one.status for one in customer_value([], HORIZON)} == {"too_few"}
    assert clusters(rows[:99]).status == "too_few"


def test_clusters_are_the_same_in_every_run_and_the_first_spent_most() -> None:
    chance = np.random.default_rng(3)
    rows = [
        {
            "person_id": f"{group}{n}",
            "days_since_last": since * chance.uniform(0.9, 1.1),
            "orders": orders,
            "total_value": value * chance.uniform(0.9, 1.1),
        }
        for group, since, orders, value in (("a", 5, 12, 900), ("b", 200, 1, 40), ("c", 20, 3, 150))
        for n in range(60)
    ]
    made = clusters(rows)
    assert made.status == "published"
    assert {made.scores[f"{group}{n}"] for group in "a" for n in range(60)} == {1}
    assert {made.scores[f"c{n}"] for n in range(60)} == {2}
    assert {made.scores[f"b{n}"] for n in range(60)} == {3}
    assert clusters(rows[::-1]).scores == made.scores


def test_customers_who_do_not_differ_by_kind_have_no_clusters() -> None:
    chance = np.random.default_rng(4)
    rows = [
        {
            "person_id": f"p{n}",
            "days_since_last": chance.uniform(1, 200),
            "orders": chance.integers(1, 30),
            "total_value": chance.uniform(1, 1000),
        }
        for n in range(200)
    ]
    made = clusters(rows)
    assert (made.status, made.quality[0].measure) == ("no_better", "silhouette")
