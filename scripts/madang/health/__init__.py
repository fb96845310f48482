"""Health: what would stop a run, what came late, and what needs attention."""
