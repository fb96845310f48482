"""Table paths in SQL text: `p`.`d`.`t`, `p.d`.t, d.t and p-1.d.t all become `p.d.t`."""

import re
from collections.abc import Collection
from functools import lru_cache

# Text that is not code, or a name or a path of up to five parts.
TOKENS = re.compile(
    r"""
    (?P<skip>
        [rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?''')
        | [rRbB]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
        | --[^\n]* | \#[^\n]* | /\*.*?\*/
    )
    | (?P<path>
        (?:`[^`]+`|(?<![\w.@`])[A-Za-z_]\w*(?:-\w+)*)
        (?:\s*\.\s*(?:`[^`]+`|[A-Za-z_]\w*\*?)){0,4}
    )
    """,
    re.VERBOSE | re.DOTALL,
)
MAKES_OF_A_QUERY = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view)\b", re.IGNORECASE
)
IS_QUERY = re.compile(r"(?:select|with)\b", re.IGNORECASE)
PARENTHESIS_OR_AS = re.compile(r"[()]|\bas\b", re.IGNORECASE)
_BEFORE = "from join into table view update exists merge using clone copy like delete insert"
_AFTER = """
where on join left right inner cross full group order limit union intersect except qualify window
having for using tablesample when set pivot unpivot values select with then
"""
BEFORE_A_TABLE = frozenset(_BEFORE.split())
AFTER_A_TABLE = frozenset(_AFTER.split())
TAKES_AN_ALIAS = frozenset(("from", "join", "update"))
FOLLOWING_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(`|[A-Za-z_]\w*)?", re.DOTALL)


# What a CREATE statement makes is not read by it.
CREATED = re.compile(r"\s*create\b[^`(]*`[^`]+`", re.IGNORECASE)


@lru_cache(maxsize=256)
def tables_in(sql: str) -> frozenset[str]:
    """The dotted paths that a statement of joined paths reads.

    The engine could say it, too, for the time of a parse.
    """
    created = CREATED.match(sql)
    tokens = TOKENS.finditer(sql, created.end() if created else 0)
    named = (one.group() for one in tokens if one.lastgroup == "path" and "`" in one.group())
    return frozenset(
        name for text in named for name in re.findall(r"`([^`]+)`", text) if "." in name
    )


def hollowed(sql: str) -> str | None:
    """A statement's text with a query that is parsed at once in the place of its own, as long.

    What is around the query then has its place in the whole text. None where the text is no single
    query, and no CREATE … AS with one.
    """
    code = TOKENS.sub(_masked, sql)
    start, end = _trimmed(code, 0, len(code))
    if code[start:end].endswith(";"):
        start, end = _trimmed(code, start, end - 1)
    if ";" in code[start:end]:
        return None
    if MAKES_OF_A_QUERY.match(code, start, end):
        depth = 0
        for found in PARENTHESIS_OR_AS.finditer(code, start, end):
            depth += {"(": 1, ")": -1}.get(found.group(), 0)
            if depth == 0 and found.group().lower() == "as":
                start, end = _trimmed(code, found.end(), end)
                break
        else:
            return None
        if _is_in_parentheses(code, start, end):
            start, end = _trimmed(code, start + 1, end - 1)
    if not IS_QUERY.match(code, start, end):
        return None
    length = len(sql[start:end].encode())
    return f"{sql[:start]}select{'1':>{length - len('select')}}{sql[end:]}"


def _masked(token: re.Match[str]) -> str:
    """Comments as blanks, texts and quoted names as a word."""
    text = token.group()
    if token.lastgroup == "skip" and text[0] in "-#/":
        return " " * len(text)
    return text if token.lastgroup == "path" and "`" not in text else "x" * len(text)


def _trimmed(code: str, start: int, end: int) -> tuple[int, int]:
    """Where a piece begins and ends without the blanks around it."""
    piece = code[start:end]
    return end - len(piece.lstrip()), start + len(piece.rstrip())


def _is_in_parentheses(code: str, start: int, end: int) -> bool:
    depth = 0
    for found in re.finditer(r"[()]", code[start:end]):
        depth += 1 if found.group() == "(" else -1
        if depth == 0:
            return code[start] == "(" and found.end() == end - start
    return False


def join_paths(sql: str, project: str, datasets: Collection[tuple[str, str]]) -> str:
    """Write every path of a known dataset's table as one quoted name.

    A table that is read without an alias gets its own name as one, as on BigQuery. Text in strings
    and comments stays as it is.
    """
    before = ""

    def rewritten(token: re.Match[str]) -> str:
        nonlocal before
        text = token.group()
        if token.lastgroup == "skip":
            return text
        introduced_by, before = before, text.lower()
        name = table_name(text, project, datasets)
        if name is None or not ("`" in text or introduced_by in BEFORE_A_TABLE):
            return text
        needs_alias = introduced_by in TAKES_AN_ALIAS and not name.endswith("*")
        if needs_alias and not _has_alias(sql, token.end()):
            return f"`{name}` as `{name.rsplit('.', 1)[-1]}`"
        return f"`{name}`"

    return TOKENS.sub(rewritten, sql)


def table_name(path: str, project: str, datasets: Collection[tuple[str, str]]) -> str | None:
    """The full name of a table or metadata view that a path means, None where it means neither."""
    pieces = re.findall(r"`([^`]+)`|([^\s.`]+)", path)
    parts = ".".join(quoted or plain for quoted, plain in pieces).split(".")
    if (project, parts[0]) in datasets:
        parts = [project, *parts]
    in_dataset = len(parts) >= 3 and (parts[0] == project or (parts[0], parts[1]) in datasets)
    about = [part.upper() for part in parts[:-1]]
    is_metadata = "INFORMATION_SCHEMA" in about
    is_regional = is_metadata and len(parts) == 4 and parts[1].startswith("region-")
    if (in_dataset and len(parts) == (4 if is_metadata else 3)) or is_regional:
        return ".".join(parts)
    return None


def _has_alias(sql: str, end: int) -> bool:
    word = (FOLLOWING_WORD.match(sql, end).group(1) or "").lower()
    return bool(word) and word not in AFTER_A_TABLE
