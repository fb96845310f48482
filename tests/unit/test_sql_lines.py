"""Lines of SQL have the columns that `.sqlfluff` allows, also where the linter does not read."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("models", "macros", "snapshots", "tests/data", "examples/*/models", "scripts/madang")


def test_no_line_of_sql_is_longer_than_the_linter_allows() -> None:
    linter = ConfigParser()
    linter.read(ROOT / ".sqlfluff", encoding="utf-8")
    limit = linter.getint("sqlfluff", "max_line_length")
    read = [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.sql")]
    assert len(read) > 400, "a search that finds nothing shows nothing"
    long = [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {len(line)}"
        for path in read
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > limit
    ]
    assert long == [], f"columns of lines that have more than {limit}"
