"""Killed at random moments, a sync loses nothing and doubles nothing with harm.

A few kills of what no other test kills; `benchmarks/kills.py` kills all, thirty times each.
"""

from pathlib import Path

import pytest

from kill_cases import CASES
from killed_syncs import forks, killed

KILLS = 2
NAMES = ("braze messages", "google conversions", "meta members", "meta conversions")


@pytest.fixture(scope="module")
def apply():
    with forks() as found:
        yield found


@pytest.mark.parametrize("name", [*NAMES, "webhook events"])
def test_killed_at_random_moments_nothing_is_lost_or_doubled(name: str, tmp_path: Path, apply):
    found = killed(name, tmp_path / "place", KILLS, seed=17, apply=apply)
    assert found.kills == KILLS
    assert found.is_good(CASES[name]), found
