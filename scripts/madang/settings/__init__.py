"""Settings: madang.yml and the environment, read once and checked."""
