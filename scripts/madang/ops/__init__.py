"""Running the project: each command's work, its lock, its overview, and the answers to "why"."""
