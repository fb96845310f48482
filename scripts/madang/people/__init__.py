"""People: who is who, why, and what was decided about it."""
