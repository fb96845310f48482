"""Scores of customers: what they will order, and clusters of those who are alike.

Fitted on `purchase_histories`. Whether a score is good is measured on the last horizon: the model
is fitted on what was known before it.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from madang.score.made import Made, Quality
from madang.score.value import Array, fit_purchases, fit_spending

#: Fewer customers, or fewer of them with an order in the horizon, are not measured.
LEAST_CUSTOMERS, LEAST_ORDERING = 100, 50
CLUSTERS = range(3, 7)
SEED = 19
SAMPLE = 10_000
#: By how much clusters must separate better than shuffled columns do by chance.
MARGIN = 0.05
Rows = Sequence[dict]


def _column(rows: Rows, name: str) -> Array:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=float)


def customer_value(rows: Rows, horizon_days: int) -> list[Made]:
    """Expected orders within the horizon, and what they will be worth."""
    names = [("expected_orders", "bg/nbd 1"), ("customer_value", "bg/nbd and gamma-gamma 1")]
    weeks = horizon_days / 7
    then = [row for row in rows if row["is_known_then"]]
    ordering = sum(row["orders_after"] > 0 for row in then)
    paid = sum((row["repeat_mean_value_then"] or 0) > 0 for row in then)
    if len(then) < LEAST_CUSTOMERS or min(ordering, paid) < LEAST_ORDERING:
        return [Made(name, way, persons=len(then), positives=ordering) for name, way in names]
    orders, worth = _expected(then, "_then", weeks)
    x, age = _column(then, "repeat_orders_then"), _column(then, "age_days_then") / 7
    # the simple rule: everybody goes on at their own rate so far, at their own mean so far
    rate = (x + 1) / (age + 1) * weeks
    mean = np.nan_to_num(_column(then, "repeat_mean_value_then"))
    mean = np.where(mean > 0, mean, mean[mean > 0].mean())
    made = []
    for (name, way), found, simple, column in (
        (names[0], orders, rate, "orders_after"),
        (names[1], orders * worth, rate * mean, "value_after"),
    ):
        truth, measures = _column(then, column), []
        # the second simple rule is one number for all: the model's own mean
        for rule, rule_value in (("", simple), ("_of_one_number", found.mean())):
            told = f"rmse_{column}{rule}"
            errors = _rmse(found, truth), _rmse(rule_value, truth)
            measures.append(Quality(told, *errors, len(then), ordering))
        now_orders, now_worth = _expected(rows, "", weeks)
        now = now_orders if name == "expected_orders" else now_orders * now_worth
        made.append(Made(name, way, _by_person(rows, now), measures, len(then), ordering))
    return made


def _expected(rows: Rows, when: str, weeks: float) -> tuple[Array, Array]:
    x = _column(rows, f"repeat_orders{when}")
    t_x = _column(rows, f"recency_days{when}") / 7
    age = _column(rows, f"age_days{when}") / 7
    mean = _column(rows, f"repeat_mean_value{when}")
    orders = fit_purchases(x, t_x, age).expected(weeks, x, t_x, age)
    return orders, fit_spending(x, mean).expected(x, mean)


def _rmse(found: Array | float, truth: Array) -> float:
    return float(np.sqrt(((found - truth) ** 2).mean()))


def _by_person(rows: Rows, values: Array) -> dict[str, float]:
    pairs = zip(rows, values, strict=True)
    return {row["person_id"]: float(value) for row, value in pairs if np.isfinite(value)}


def clusters(rows: Rows) -> Made:
    """Clusters by recency, frequency and amount; cluster 1 spent most per customer.

    How many there are, 3 to 6, is what separates best. The simple rule is the same on columns that
    are shuffled, each for itself, and 0.05: clusters that are no better tell nothing of customers.
    """
    name, way = "rfm_cluster", "k-means 1"
    if len(rows) < LEAST_CUSTOMERS:
        return Made(name, way, persons=len(rows))
    rows = sorted(rows, key=lambda row: row["person_id"])  # the same whatever the order of reading
    columns = [_column(rows, one) for one in ("days_since_last", "orders", "total_value")]
    data = StandardScaler().fit_transform(np.log1p(np.maximum(np.column_stack(columns), 0)))
    chance = np.random.default_rng(SEED)
    shuffled = np.column_stack([chance.permutation(column) for column in data.T])
    best, labels = _separated(data)
    spent = [columns[2][labels == label].mean() for label in range(labels.max() + 1)]
    place = {label: place for place, label in enumerate(np.argsort(spent)[::-1], start=1)}
    simple, customers = _separated(shuffled)[0], len(rows)
    quality = Quality("silhouette", best, simple, customers, more_is_better=True, margin=MARGIN)
    numbers = np.array([place[label] for label in labels], dtype=float)
    return Made(name, way, _by_person(rows, numbers), [quality], len(rows))


def _separated(data: Array) -> tuple[float, np.ndarray]:
    """The best silhouette of the numbers of clusters tried, and each row's cluster."""
    found = []
    for count in CLUSTERS:
        labels = KMeans(count, n_init=10, random_state=SEED).fit_predict(data)
        if len(set(labels)) > 1:
            size = min(SAMPLE, len(data))
            value = silhouette_score(data, labels, sample_size=size, random_state=SEED)
            found.append((float(value), labels))
    return max(found, key=lambda one: one[0], default=(0.0, np.zeros(len(data), dtype=int)))
