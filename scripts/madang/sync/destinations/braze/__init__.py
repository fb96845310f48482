"""Braze as a destination; its entry is in `destination`."""
