"""Audiences: their sizes, and why a person is in one or not."""
