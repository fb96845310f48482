"""What people write in YAML, checked: actions, audiences, funnels, and where each line stands."""
