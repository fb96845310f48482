"""How probable it is that a person reaches a goal within its window.

Logistic regression and gradient boosting learn from what was known two windows ago
(`goal_moments`). The one that is better on parts that it did not learn from is calibrated by such
parts, and measured on the window since, which it has not seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from madang.score.made import Made, Quality

FEATURES = (
    *("activities", "actions", "sessions", "active_days", "activities_7_days"),
    *("activities_28_days", "days_since_last", "days_since_first", "goals_before"),
    "other_conversions_before",
)
#: With fewer people who reached the goal, or who did not, nothing is learnt and nothing measured.
LEAST = 50
SEED = 19
PARTS = 3
Rows = Sequence[dict]


def propensity(goal: str, rows: Rows) -> Made:
    """The probability for each person now. `rows` are those of one goal in `goal_moments`."""
    name, way = f"propensity_{goal}", "logistic or boosted 1"
    at = {
        moment: sorted(
            (row for row in rows if row["moment"] == moment), key=lambda row: row["person_id"]
        )
        for moment in ("train", "test", "now")
    }
    reached = {
        moment: np.array([bool(row["is_reached"]) for row in at[moment]], dtype=int)
        for moment in ("train", "test")
    }
    positives = min(int(one.sum()) for one in reached.values())
    others = min(int(len(one) - one.sum()) for one in reached.values())
    if min(positives, others) < LEAST:
        return Made(name, way, persons=len(at["test"]), positives=positives)
    data = {moment: _matrix(at[moment]) for moment in at}
    truth = reached["test"]
    model = _best(data["train"], reached["train"])
    model.fit(data["train"], reached["train"])
    found = model.predict_proba(data["test"])[:, 1]
    # the simple rules: all have the share of then; who was here last is nearest
    share = np.full(len(truth), reached["train"].mean())
    recency = -data["test"][:, FEATURES.index("days_since_last")]
    people = (len(truth), int(truth.sum()))
    gained = (share - truth) ** 2 - (found - truth) ** 2
    measures = [
        Quality(
            "brier",
            float(((found - truth) ** 2).mean()),
            float(((share - truth) ** 2).mean()),
            *people,
            # one-sided at 5 %: features that tell nothing are a little better in half of all cases
            margin=1.645 * float(gained.std(ddof=1) / np.sqrt(len(truth))),
        ),
        Quality(
            "auc",
            float(roc_auc_score(truth, found)),
            float(roc_auc_score(truth, recency)),
            *people,
            more_is_better=True,
        ),
    ]
    now = model.predict_proba(data["now"])[:, 1] if at["now"] else []
    scores = {row["person_id"]: float(one) for row, one in zip(at["now"], now, strict=True)}
    return Made(name, way, scores, measures, *people)


def _matrix(rows: Rows) -> NDArray[np.float64]:
    return np.array([[float(row[one]) for one in FEATURES] for row in rows]).reshape(
        len(rows), len(FEATURES)
    )


def _best(data: NDArray[np.float64], reached: NDArray[np.int_]) -> CalibratedClassifierCV:
    """The model that is better on parts of the training time it did not learn from, calibrated."""
    parts = StratifiedKFold(PARTS, shuffle=True, random_state=SEED)
    kinds = (
        make_pipeline(
            FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(max_iter=1000)
        ),
        HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.08, max_leaf_nodes=8, random_state=SEED
        ),
    )

    def loss(kind: BaseEstimator) -> float:
        found = cross_val_predict(kind, data, reached, cv=parts, method="predict_proba")
        return float(brier_score_loss(reached, found[:, 1]))

    return CalibratedClassifierCV(min(kinds, key=loss), method="sigmoid", cv=parts)
