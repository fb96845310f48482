"""Requests to other machines: where they go, and how much of an answer is read."""
