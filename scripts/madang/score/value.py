"""How many orders a customer will make and what they will be worth: BG/NBD and Gamma-Gamma.

Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2); Fader
and Hardie (2013), The Gamma-Gamma model of monetary value. Times are in weeks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

Array = NDArray[np.float64]
#: How hard the parameters are pulled towards small numbers; as small as to decide only where the
#: data do not.
PENALTY = 1e-6


@dataclass(frozen=True)
class Purchases:
    """The fitted BG/NBD model: r, alpha (how often they buy), a, b (whether they come back)."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: Array, t_x: Array, age: Array) -> Array:
        """The probability that a customer with x repeat orders, the last at t_x, still buys."""
        gone = self.a / (self.b + np.maximum(x, 1) - 1)
        gone = gone * ((self.alpha + age) / (self.alpha + t_x)) ** (self.r + x)
        return 1 / (1 + np.where(x > 0, gone, 0))

    def expected(self, weeks: float, x: Array, t_x: Array, age: Array) -> Array:
        """How many orders are expected within so many weeks from now."""
        a = self._a
        share = weeks / (self.alpha + age + weeks)
        tail = hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, share)
        tail = tail * (1 - share) ** (self.r + x)
        return (a + self.b + x - 1) / (a - 1) * (1 - tail) * self.alive(x, t_x, age)

    @property
    def _a(self) -> float:
        """a; at 1 the formula is the limit of those beside it."""
        return self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6


def log_likelihood(model: Purchases, x: Array, t_x: Array, age: Array) -> Array:
    """The logarithm of the likelihood of each customer."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    both = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    both = both + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return both + np.where(x > 0, np.logaddexp(alive, gone), alive)


def fit_purchases(x: Array, t_x: Array, age: Array) -> Purchases:
    """Fit BG/NBD by maximum likelihood; equal customers are counted once, with their number."""
    alike, counts = np.unique(np.column_stack([x, t_x, age]), axis=0, return_counts=True)

    def loss(logs: Array) -> float:
        model = Purchases(*np.exp(np.clip(logs, -12, 12)))
        total = -(counts * log_likelihood(model, *alike.T)).sum() / counts.sum()
        return float(total + PENALTY * (logs**2).sum())

    best = minimize(loss, np.zeros(4), method="L-BFGS-B", options={"maxiter": 500})
    return Purchases(*(float(one) for one in np.exp(np.clip(best.x, -12, 12))))


@dataclass(frozen=True)
class Spending:
    """The fitted Gamma-Gamma model: p, q, v."""

    p: float
    q: float
    v: float

    def expected(self, x: Array, mean: Array) -> Array:
        """What an order is expected to be worth, of who made x repeat orders of that mean."""
        seen = np.where(x > 0, np.nan_to_num(mean), 0)
        return self.p * (self.v + x * seen) / (self.p * x + self.q - 1)


def fit_spending(x: Array, mean: Array) -> Spending:
    """Fit Gamma-Gamma by maximum likelihood on customers with a repeat order that has a worth."""
    known = (x > 0) & (mean > 0)
    x, scale = x[known], float(mean[known].mean())
    m = mean[known] / scale

    def loss(logs: Array) -> float:
        p, q, v = np.exp(np.clip(logs, -12, 12))
        total = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        total = (
            total + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)
        )
        return float(-total.mean() + PENALTY * (logs**2).sum())

    best = minimize(loss, np.log([2.0, 2.0, 1.0]), method="L-BFGS-B", options={"maxiter": 500})
    p, q, v = (float(one) for one in np.exp(np.clip(best.x, -12, 12)))
    return Spending(p, q, v * scale)
