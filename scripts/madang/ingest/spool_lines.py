"""Texts as lines of a file that DuckDB's CSV reader takes.

The signs between values are control characters, which people's texts hardly ever hold. So a line is
joined, and only one that does hold them (or a line break) is quoted; a CSV writer looks at every
sign of every text, which costs more than all the rest of writing them.
"""

from collections.abc import Sequence

BETWEEN, QUOTE = "\x1f", "\x1e"
#: What `read_csv` is to be told, besides the columns. An empty text is null.
LAYOUT = (
    f"header = false, delim = '{BETWEEN}', quote = '{QUOTE}', escape = '{QUOTE}', "
    "auto_detect = false, new_line = '\\n', max_line_size = 33554432"
)


def line_of(texts: Sequence[str]) -> str:
    """One line, without its end."""
    line = BETWEEN.join(texts)
    return line if _is_plain(line, 1, len(texts)) else BETWEEN.join(map(_quoted, texts))


def lines_of(columns: Sequence[Sequence[str | None]]) -> str:
    """Lines with their ends, of columns of one length."""
    filled = [column if all(column) else [text or "" for text in column] for column in columns]
    lines = "\n".join(map(BETWEEN.join, zip(*filled, strict=True)))
    if not _is_plain(lines, len(filled[0]), len(filled)):
        lines = "\n".join(map(line_of, zip(*filled, strict=True)))
    return lines + "\n" if filled[0] else ""


def _is_plain(lines: str, rows: int, columns: int) -> bool:
    """Whether every sign that DuckDB would see in these lines was put there."""
    return (
        lines.count(BETWEEN) == rows * (columns - 1)
        and lines.count("\n") == rows - 1
        and "\r" not in lines
        and QUOTE not in lines
    )


def _quoted(text: str) -> str:
    return f"{QUOTE}{text.replace(QUOTE, QUOTE + QUOTE)}{QUOTE}" if text else ""
