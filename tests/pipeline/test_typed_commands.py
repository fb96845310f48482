"""The commands that the documents show, run on the demo company: those that only look.

All others are read by tests/unit/test_docs.py, and what they do is for the tests of each.
"""

import shlex

import pytest

from demo_workspace import REPOSITORY, Company, madang
from typed_commands import typed

LOOKS = ("status", "doctor", "audiences", "explain", "funnel", "parity", "sync", "check")
#: Names that a reader is to write first, and options that ask a service or send.
OWN = {"vip_interest", "ga4.csv", "<name>", "--online", "--apply"}
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def looking() -> list[str]:
    found = set()
    for page in PAGES:
        for words, is_whole in typed(page):
            if words[0] == "--config":
                del words[:2]
            if is_whole and words[0] in LOOKS and not OWN & set(words):
                found.add(shlex.join(words))
    return sorted(found)


@pytest.mark.parametrize("written", looking())
def test_a_command_that_looks_does_what_the_page_says(company: Company, written: str) -> None:
    ended = madang(company.root, *shlex.split(written))
    assert ended.code in (0, 3), ended.told  # 3: something wants a look
    assert ended.out.strip()


def test_the_commands_of_the_readme_are_among_them() -> None:
    readme = "audiences preview flagship_interest", "explain person C000123", "status"
    assert set(readme) <= set(looking())
