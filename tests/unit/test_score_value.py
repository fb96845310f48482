"""Customer value against the published figures of CDNOW, and against a world that was drawn."""

import time

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the extra 'science' is not installed")

from madang.score.value import Purchases, Spending, fit_purchases, fit_spending

#: Fader, Hardie and Lee (2005), table 2.
CDNOW = Purchases(r=0.243, alpha=4.414, a=0.793, b=2.426)
#: Fader and Hardie (2013), of the same customers.
SPENT = Spending(p=6.25, q=3.74, v=15.44)


def test_the_papers_customer_is_expected_to_make_its_number_of_orders() -> None:
    # x = 2 repeat orders, the last after 30.43 weeks, known for 38.86: 1.226 in the next 39
    found = CDNOW.expected(39, np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert found == pytest.approx([1.226], abs=5e-4)


@pytest.mark.parametrize(
    ("weeks", "orders"),
    [(1 / 7, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576)],
)
def test_a_new_customer_is_expected_to_make_the_published_number_of_orders(
    weeks: float, orders: float
) -> None:
    fitted = Purchases(r=0.2426, alpha=4.4135, a=0.7929, b=2.4258)
    new = np.zeros(1)  # no repeat order, and known since now
    assert fitted.expected(weeks, new, new, new) == pytest.approx([orders], abs=5e-4)


def test_the_first_customers_of_cdnow_are_expected_to_spend_what_is_published() -> None:
    # repeat orders and their mean of customers 1, 2, 3, 6 and 9
    x = np.array([2.0, 1.0, 0.0, 7.0, 2.0])
    mean = np.array([22.35, 11.77, 0.0, 73.74, 25.55])
    assert SPENT.expected(x, mean) == pytest.approx([24.65, 18.91, 35.17, 71.46, 27.28], abs=0.05)


def drawn(people: int, model: Purchases, weeks: int, seed: int) -> np.ndarray:
    """Customers who buy and stay away as the model says: x, t_x and age, in days of weeks."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(model.r, 1 / model.alpha, people)
    stays_away = chance.beta(model.a, model.b, people)
    age = weeks - chance.integers(0, weeks * 7 // 4, people) / 7
    x, t_x, now = np.zeros(people), np.zeros(people), np.zeros(people)
    active = np.ones(people, bool)
    while active.any():
        now = np.where(active, now + chance.exponential(1 / np.maximum(rate, 1e-12)), np.inf)
        active &= now < age
        x, t_x = np.where(active, x + 1, x), np.where(active, np.round(now * 7) / 7, t_x)
        active &= chance.random(people) >= stays_away
    return np.stack([x, t_x, age])


def test_the_parameters_of_a_drawn_world_are_found_of_100_000_customers_within_5_seconds() -> None:
    world = drawn(100_000, CDNOW, 78, 7)
    began = time.process_time()
    found = fit_purchases(*world)
    found.expected(39, *world)
    assert time.process_time() - began < 5
    assert found.r == pytest.approx(CDNOW.r, rel=0.05)
    assert found.alpha == pytest.approx(CDNOW.alpha, rel=0.08)
    assert found.a / (found.a + found.b) == pytest.approx(CDNOW.a / (CDNOW.a + CDNOW.b), rel=0.05)


def test_the_parameters_of_drawn_amounts_are_found_whatever_the_currency() -> None:
    chance = np.random.default_rng(11)
    nu = chance.gamma(SPENT.q, 1 / SPENT.v, 100_000)
    x = chance.integers(1, 6, 100_000).astype(float)
    mean = chance.gamma(SPENT.p * x, 1 / (nu * x))
    in_dollars, in_won = fit_spending(x, mean), fit_spending(x, mean * 1400)
    assert in_dollars.q == pytest.approx(SPENT.q, rel=0.05)
    mean_spent = SPENT.p * SPENT.v / (SPENT.q - 1)
    assert in_dollars.expected(np.zeros(1), np.zeros(1)) == pytest.approx(mean_spent, rel=0.02)
    assert in_won.v == pytest.approx(1400 * in_dollars.v, rel=0.01)
