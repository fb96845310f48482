"""Descriptions and headers are for readers with English as a second language."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("models", "seeds", "snapshots", "macros", "decisions", "examples/maru/models")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
HEADER = re.compile(r"\{#-?(.*?)-?#\}", re.DOTALL)
HEADER_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
LONGEST = 30
MOST_TERMS = 40


def descriptions(read: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every `description` below a value read from YAML, with the name that it stands beside."""
    if isinstance(read, dict):
        name = str(read.get("name", name))
        for key, value in read.items():
            if key == "description" and isinstance(value, str):
                yield name, value
            else:
                yield from descriptions(value, name)
    elif isinstance(read, list):
        for value in read:
            yield from descriptions(value, name)


def test_no_sentence_of_a_description_has_more_than_30_words():
    seen, long = 0, []
    for path in [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.yml")]:
        for name, text in descriptions(yaml.safe_load(path.read_text(encoding="utf-8"))):
            seen += 1
            for sentence in SENTENCE_END.split(text.strip()):
                if len(sentence.split()) > LONGEST:
                    long.append(f"{path.relative_to(ROOT)}: {name}: {sentence}")
    assert seen > 3000
    assert long == []


def test_no_sentence_of_a_macros_header_has_more_than_30_words():
    seen, long = 0, []
    for path in (ROOT / "macros").rglob("*.sql"):
        for header in HEADER.findall(path.read_text(encoding="utf-8")):
            seen += 1
            for sentence in HEADER_END.split(header.strip()):
                if len(sentence.split()) > LONGEST:
                    long.append(f"{path.relative_to(ROOT)}: {sentence}")
    assert seen > 500
    assert long == []


def test_the_words_are_few_and_each_is_explained():
    text = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    terms = [row for row in rows if not row[0].strip().startswith(("word", "---"))]
    names = [row[0].strip() for row in terms]
    assert 0 < len(terms) <= MOST_TERMS
    assert names == sorted(set(names))
    assert all(row[1].strip() for row in terms)


def test_the_marketer_meets_the_korean_words_of_the_pages():
    """Where a page has a word for a term, the list of words has no other."""
    terms = re.findall(
        r"^\| ([a-z ]+) \|.*\| (\S.*) \|$",
        (ROOT / "docs" / "words.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    korean = dict(terms)
    pages = " ".join(path.read_text(encoding="utf-8") for path in ROOT.glob("charts/*.yml"))
    on_pages = ("audience", "consent", "contactable", "destination", "held back", "holdout")
    on_pages += ("known", "lift", "outcome", "person", "sync", "touch", "verified")
    for term in on_pages:
        assert korean[term] in pages, term
