"""What people can be asked to allow: the channels and purposes of the seed consent_policy."""

import csv
from pathlib import Path

from madang.errors import did_you_mean
from madang.specs import package

SEED = Path("seeds") / "consent_policy.csv"


def read_policy(project_dir: Path) -> set[tuple[str, str]]:
    """Return (purpose, channel) of every row of the company's list, else of Madang's."""
    path = package.found(project_dir, SEED.as_posix())
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["purpose"], row["channel"]) for row in csv.DictReader(file)}


def policy_problem(policy: set[tuple[str, str]], purpose: str, channel: str) -> str | None:
    """Say why nobody could ever allow a channel for a purpose, or None."""
    if not policy or (purpose, channel) in policy:
        return None
    purposes = {one for one, _ in policy}
    if purpose not in purposes:
        return f"Unknown purpose '{purpose}'.{did_you_mean(purpose, purposes)}"
    channels = {one for of, one in policy if of == purpose}
    hint = did_you_mean(channel, channels)
    return f"The purpose '{purpose}' has no channel '{channel}'.{hint}"


def policy_fix(policy: set[tuple[str, str]]) -> str:
    """Say what there is."""
    listed = ", ".join(sorted(f"{purpose} {channel}" for purpose, channel in policy))
    return f"{SEED.as_posix()} has: {listed}."
