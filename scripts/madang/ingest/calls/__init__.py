"""The inbox of partners' calls, and its way into the raw layer."""
