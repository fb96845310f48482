"""Reads GA4's figures by day from a CSV: one that GA4's reports export, or one that somebody wrote.

GA4's own files begin with comments (# Start date: 20261001), name columns in the reader's language,
count days from the first (Nth day) and end with a total. Every row that cannot be read is told with
its line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from madang.errors import Problem, UsageError, did_you_mean
from madang.ingest.checks.numbers import read_number
from madang.ingest.checks.problems import BadLine, broken_quotes
from madang.ingest.errors import FileRefused
from madang.ingest.header import header_key
from madang.ingest.readers.delimited import open_delimited

# Column → what GA4's reports and people call it, in English and Korean, without spaces and marks.
NAMES = {
    "date": "date day eventdate 날짜 일자 일 이벤트날짜",
    "nth_day": "nthday n번째일 일n번째 nth일 n일차",
    "property": "propertyid property ga4propertyid 속성id 속성",
    "event_count": "eventcount events 이벤트수 이벤트",
    "page_views": "views pageviews screenpageviews viewscount 조회수 페이지조회수 페이지뷰",
    "sessions": "sessions session 세션수 세션",
    "engaged_sessions": "engagedsessions 참여세션수 참여세션 참여한세션수 참여한세션",
    "total_users": "totalusers users 총사용자 총사용자수 전체사용자 사용자 사용자수",
    "active_users": "activeusers 활성사용자 활성사용자수 활동사용자",
    "key_events": "keyevents conversions 주요이벤트 주요이벤트수 전환 전환수",
    "purchases": "purchases ecommercepurchases transactions 구매 구매수 전자상거래구매 거래 거래수",
    "revenue": "revenue totalrevenue purchaserevenue 수익 총수익 구매수익 매출",
}
COLUMNS = {word: name for name, words in NAMES.items() for word in words.split()}
ABOUT = ("date", "nth_day", "property")
METRICS = tuple(name for name in NAMES if name not in ABOUT)
TOTALS = {"", "total", "totals", "grandtotal", "총계", "합계", "전체"}
DAY_FORMS = ("%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%b %d %Y", "%B %d %Y", "%d %b %Y")
CURRENCIES = r"KRW|USD|EUR|JPY|[₩$€¥]|원"
END_SIGN = "\x1a"  # Ctrl-Z, with which DOS programs end a text
WRITE_IT = "Write it as 2026-10-31 or 20261031."


@dataclass(frozen=True)
class Figures:
    """GA4's figures of one day. `property_id` is None where the file does not say."""

    line: int
    day: date
    property_id: str | None
    values: dict[str, float]


@dataclass(frozen=True)
class FigureFile:
    """What a file says, what of it could not be read, and which of its columns are not compared."""

    figures: list[Figures]
    problems: list[Problem] = field(default_factory=list)
    left_aside: list[str] = field(default_factory=list)


def read_figures(path: Path) -> FigureFile:
    """Read a file. Raises UsageError where it is no table of figures by day."""
    try:
        table = open_delimited(path, lambda text: _plain(text) in COLUMNS)
        rows = list(table.rows())
    except OSError as error:
        raise UsageError(
            f"The file cannot be read: {error.strerror}.", where=str(path), fix="Correct the path."
        ) from error
    except FileRefused as error:
        raise UsageError(error.message, where=str(path), fix=error.fix) from error
    first_day, header = None, None
    figures: dict[tuple[date, str | None], Figures] = {}
    problems: list[Problem] = []
    for line, cells in rows:
        if isinstance(cells, BadLine):
            told = broken_quotes(line)
            problems.append(Problem(str(path), line, told.english, told.fix_en))
            continue
        texts = [str(cell or "").replace(END_SIGN, "").strip() for cell in cells]
        if not any(texts):
            continue
        if texts[0].startswith("#"):
            first_day = first_day or _start(texts[0])
            if header and figures:
                break  # GA4 puts several tables into one file; the first by day is read
            continue
        if header is None:
            header = _header(path, line, texts)
            continue
        found = _row(path, line, texts, header, first_day)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            known = figures.setdefault((found.day, found.property_id), found)
            if known is not found:
                text = f"{found.day} is in line {known.line} already."
                problems.append(Problem(str(path), line, text, "Leave one of the two."))
    if header is None:
        raise UsageError(
            "The file has no header.", where=str(path), fix="Begin it with: date,sessions,…"
        )
    left_aside = [text for text, name in header if name is None and text]
    return FigureFile(list(figures.values()), problems, left_aside)


Header = list[tuple[str, str | None]]


def _header(path: Path, line: int, texts: Sequence[str]) -> Header:
    header = [(text, COLUMNS.get(_plain(text))) for text in texts]
    names = [name for _, name in header if name]
    where = f"{path}:{line}"
    if not {"date", "nth_day"} & set(names):
        raise UsageError(
            f"No column is a day. The header is: {', '.join(texts)}.",
            where=where,
            fix="Add the dimension Date (날짜) to the report in GA4, or a column 'date'.",
        )
    if not set(names) & set(METRICS):
        hints = [hint for text in texts if (hint := did_you_mean(_plain(text), METRICS).strip())]
        raise UsageError(
            f"No column is a figure that can be compared. {' '.join(hints)}".rstrip(),
            where=where,
            fix=f"Known are: {', '.join(METRICS)}, and what GA4 calls them.",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        columns = ", ".join(text for text, name in header if name == twice[0])
        raise UsageError(
            f"Two columns are {twice[0]}: {columns}.", where=where, fix="Leave one of them."
        )
    return header


def _row(
    path: Path, line: int, texts: Sequence[str], header: Header, first_day: date | None
) -> Figures | Problem | None:
    """The figures of one row, what is wrong with it, or None for a total."""

    def wrong(message: str, fix: str) -> Problem:
        return Problem(str(path), line, message, fix)

    if len(texts) > len(header) and any(texts[len(header) :]):
        more = f"The row has {len(texts)} cells, the header has {len(header)}."
        return wrong(more, 'Put numbers with commas in quotes: "1,234".')
    told = dict(zip((name for _, name in header), texts, strict=False))
    day_text = told.get("date", told.get("nth_day", ""))
    if _plain(day_text) in TOTALS:
        return None
    day = _nth(day_text, first_day) if "nth_day" in told else _day(day_text)
    if day is None:
        if "nth_day" in told and first_day is None:
            fix = "Keep GA4's comment '# Start date: 20261001' at the top, or use dates."
            return wrong(f"Nobody can say which day '{day_text}' is.", fix)
        return wrong(f"'{day_text}' is not a day.", WRITE_IT)
    values = {}
    for text, name in header:
        if name not in METRICS or not told.get(name):
            continue
        number = read_number(told[name], CURRENCIES)
        if number is None:
            return wrong(f"'{told[name]}' in column '{text}' is not a number.", "Write 1234.5.")
        values[name] = float(number)
    property_id = re.sub(r"\D", "", told.get("property", "")) or None
    if told.get("property") and property_id is None:
        return wrong(f"'{told['property']}' is not a property id.", "It is a number.")
    return Figures(line, day, property_id, values)


def _day(text: str) -> date | None:
    plain = " ".join(text.replace(",", " ").split()).rstrip(".").replace(". ", ".")
    for form in DAY_FORMS:
        try:
            return datetime.strptime(plain, form).date()
        except ValueError:
            continue
    korean = re.fullmatch(r"(\d{4})년 ?(\d{1,2})월 ?(\d{1,2})일", plain)
    return _day("-".join(korean.groups())) if korean else None


def _nth(text: str, first: date | None) -> date | None:
    if first is None or not re.fullmatch(r"\d{1,4}", text):
        return None
    return first + timedelta(days=int(text))


def _start(comment: str) -> date | None:
    """The day of GA4's comment '# Start date: 20261001', '# 시작일: 20261001'."""
    found = re.search(r"(?:start date|시작일|시작 날짜)\s*[:：]\s*(\d{8})", comment, re.IGNORECASE)
    return _day(found[1]) if found else None


def _plain(text: str) -> str:
    return re.sub(r"[()'\"#,]", "", header_key(text))


def problems_of(read: FigureFile) -> Iterator[str]:
    """What could not be read, a line each."""
    for problem in read.problems:
        yield f"{problem.where}: {problem.message} {problem.fix or ''}".rstrip()
