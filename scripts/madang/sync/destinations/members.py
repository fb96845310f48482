"""What lists of members share at every advertising platform: their keys and names."""

import re

SHA256 = re.compile(r"[0-9a-f]{64}")


def hash_of(key: str) -> tuple[str, str]:
    """Return the kind and the hash of a match key (email:<sha256>); two empty texts for another.

    So nothing but a hash can leave for a platform, whatever an activation model holds.
    """
    kind, _, value = key.partition(":")
    return (kind, value) if SHA256.fullmatch(value) else ("", "")


def list_problem(field: str) -> str | None:
    """Say why a list could not have this name, or None."""
    return None if 0 < len(field) <= 50 else "A list's name has 1 to 50 characters."
