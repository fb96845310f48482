"""Phone numbers and e-mail addresses: the vectors that Python and SQL share."""

import csv
from pathlib import Path

import pytest

from madang.ingest.checks.contacts import is_sha256, normalize_email, normalize_phone

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name: str) -> list[tuple[str, str | None]]:
    with (VECTORS / name).open(encoding="utf-8", newline="") as file:
        return [(row["input"], row["expected"] or None) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("text", "expected"), vectors("phones.csv"))
def test_phone_vectors(text: str, expected: str | None) -> None:
    assert normalize_phone(text) == expected


@pytest.mark.parametrize(("text", "expected"), vectors("emails.csv"))
def test_email_vectors(text: str, expected: str | None) -> None:
    assert normalize_email(text) == expected


@pytest.mark.parametrize("name", ["phones.csv", "emails.csv"])
def test_a_normalised_value_normalises_to_itself(name: str) -> None:
    normalize = normalize_phone if name == "phones.csv" else normalize_email
    for _, expected in vectors(name):
        if expected:
            assert normalize(expected) == expected


def test_marks_of_writing_direction_around_a_copied_number_do_not_matter() -> None:
    assert normalize_phone("\u202a010-1234-5678\u202c") == "+821012345678"


def test_decomposed_letters_of_an_address_are_composed() -> None:
    assert normalize_email("mina@\u1106\u1161\u1105\u116e.example") == "mina@마루.example"


def test_a_hash_is_recognised_only_whole() -> None:
    assert is_sha256("0f" * 32)
    assert is_sha256("0F" * 32)
    assert not is_sha256("0f" * 31)
    assert not is_sha256("0g" * 32)
