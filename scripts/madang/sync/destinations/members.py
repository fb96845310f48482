"""What lists of members share at every advertising platform: their keys and names."""


def hash_of(key: str) -> tuple[str, str]:
    """Return the kind and the hash of a match key (email:<sha256>); two empty texts for another.

    So nothing but a hash can leave for a platform, whatever an activation model holds.
    """
    kind, _, value = key.partition(":")
    is_hash = len(value) == 64 and not set(value) - set("0123456789abcdef")
    return (kind, value) if is_hash else ("", "")


def list_problem(field: str) -> str | None:
    """Say why a list could not have this name, or None."""
    return None if 0 < len(field) <= 50 else "A list's name has 1 to 50 characters."
