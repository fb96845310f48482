"""Scores of people that SQL cannot make: customer value, clusters, how probable a goal is.

Tables that dbt built are read, and rows are landed that dbt stages; no rule of a mart is said here.
"""

from madang.errors import MadangError


class ScoreError(MadangError):
    """Scores cannot be made."""
