"""Words of a destination, made harmless before anybody sees them."""

import re


def harmless(words: str) -> str:
    """Cut a foreign text short and take out what may be an address, a number or a key."""
    words = re.sub(r"\s+", " ", words).strip()
    words = re.sub(r"[^\s'\"<>]+@[^\s'\"<>]+", "[address]", words)
    words = re.sub(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}\b", "[key]", words)
    words = re.sub(r"\b[0-9a-fA-F]{32,}\b", "[hash]", words)
    words = re.sub(r"\+?\d[\d\s()-]{6,}\d", "[number]", words)
    return words if len(words) <= 200 else f"{words[:199]}…"
