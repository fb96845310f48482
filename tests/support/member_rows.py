"""Rows of a sync of members, as `sync_ad_members` writes them: hashes of numbers, on a list."""

import hashlib


def key(number: int, kind: str = "email") -> str:
    return f"{kind}:{hashlib.sha256(str(number).encode()).hexdigest()}"


def on(*numbers: int, field: str = "buyers") -> list[tuple]:
    return [(key(number), field, "true") for number in numbers]
