"""What a column seems to hold: a type with its reason, personal data, an id, a list of values."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from madang.ingest.checks.days import DayOrder
from madang.ingest.checks.moments import SERIAL, read_moment
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.values import NO, YES, checker, fold, is_nothing
from madang.ingest.header import header_key
from madang.ingest.readers.cells import Cell, as_text
from madang.ingest.tables import SourceColumn

FITS = 0.9  # a type is proposed when this share of the values passes its check
NAMED_FITS = 0.5  # and this one where the header names it: the rest are mistakes to be told of
FEW = 12  # so many different values can be a list of choices
# What a header says of its column; the first that matches. Tested on `header_key` of the header.
HINTS: tuple[tuple[str, str], ...] = (
    (r"이메일|e?mail$|메일주소", "email"),
    (r"휴대폰|휴대전화|핸드폰|전화|연락처|phone|mobile|^tel", "phone"),
    (r"일시|시각|datetime|timestamp|at$", "timestamp"),
    (r"일자|날짜|생년월일|생일|[가-힣]일$|date$|day$", "date"),
    (r"여부|동의$|^is[a-z]|^has[a-z]|flag$", "boolean"),
    (r"금액|가격|단가|매출|비용|amount|price|revenue|cost|value$", "amount"),
    (r"수량|개수|횟수|건수|점수|quantity|qty|count$|score", "integer"),
    (r"번호$|사번$|코드$|아이디$|(?<![a-z])id$|[a-z]id$|no$|code$|key$", "id"),
    (r"이름|성명|성함|고객명|회원명|신청자명|담당자명?$|^name$|fullname|customername", "name"),
    (r"상태|구분|유형|종류|status|type$|kind$", "choice"),
)
PERSONAL = re.compile(
    r"이름|성명|성함|고객명|회원명|신청자|휴대|핸드폰|전화|연락처|메일|mail|phone|mobile|주소|address"
    r"|생년월일|생일|birth|계좌|카드번호|account|cardno|^name$|fullname|customername|여권|passport"
    r"|운전면허|차량번호|ipaddress|^ip$"
)
FREE_WORDS = re.compile(r"비고|메모|내용|의견|note|memo|comment|remark")
DIGITS = re.compile(r"[+-]?\d+")
LEADING_ZERO = re.compile(r"0\d+")


@dataclass(frozen=True)
class Guess:
    """What one column seems to be. `reasons` become comments, `doubts` are to be looked at."""

    header: str
    type: str
    filled: int
    blank: int
    distinct: int
    choices: dict[str, list[str]] = field(default_factory=dict)
    known: SourceColumn | None = None
    label: str | None = None
    pii: bool = False
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own here."""
        return self.filled > 1 and not self.blank and self.distinct == self.filled

    @property
    def is_moment(self) -> bool:
        """Whether the column holds days or moments."""
        return self.type in ("date", "timestamp")


def guess(
    header: str,
    cells: Sequence[Cell],
    zone: tzinfo = UTC,
    known: tuple[str, SourceColumn] | None = None,
) -> Guess:
    """Guess one column from its header and its cleaned cells.

    `known` is the column of another source (with its label) that stands under the same header: its
    type is taken where the values fit.
    """
    values = [cell for cell in cells if cell is not None and not is_nothing(cell)]
    key = header_key(header)
    counted = Counter(map(as_text, values))
    hint = next((kind for pattern, kind in HINTS if re.search(pattern, key)), None)
    kind, reasons, doubts = _kind(values, counted, hint, known, zone)
    free = kind == "text" and FREE_WORDS.search(key) is not None
    pii = kind in ("email", "phone", "name") or PERSONAL.search(key) is not None or free
    pii = pii or bool(known and known[1].pii)
    if free:
        reasons += ("free text often names people, so it is taken for personal",)
    choices = _choices(kind, counted, known)
    return Guess(
        header=header,
        type=kind,
        filled=len(values),
        blank=len(cells) - len(values),
        distinct=len(counted),
        choices=choices,
        known=known[1] if known else None,
        label=known[0] if known else None,
        pii=pii,
        reasons=reasons,
        doubts=doubts,
    )


def _kind(
    values: list[Cell],
    counted: Counter[str],
    hint: str | None,
    known: tuple[str, SourceColumn] | None,
    zone: tzinfo,
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The type, why, and what is doubtful about it."""
    if not values:
        wanted = known[1].type if known and known[1].type != "choice" else "text"
        return wanted, ("the column is empty here",), ("it is empty in this file",)
    if known and known[1].type != "choice":
        passed = _passing(values, known[1].type, zone)
        if passed >= NAMED_FITS * len(values):
            why = f"the header is known from {known[0]}"
            return known[1].type, (f"{why}; {_share(passed, values)}",), _misfits(passed, values)
    if known and known[1].choices and all(fold(text) in known[1].spellings for text in counted):
        why = f"the header is known from {known[0]}, and so are all its values"
        return "choice", (why,), ()
    if hint and hint != "choice":
        passed = _passing(values, hint, zone)
        if passed >= NAMED_FITS * len(values) and not (
            hint == "timestamp" and not _clocked(values)
        ):
            why = f"the header says so; {_share(passed, values)}"
            return hint, (why,), _misfits(passed, values)
    found, why = _by_values(values, counted, hint, zone)
    passed = _passing(values, found, zone) if found != "choice" else len(values)
    doubts = _misfits(passed, values)
    if hint and found != hint and {hint, found} != {"timestamp", "date"} and hint != "choice":
        doubts += (f"its header sounds like '{hint}', but the values do not fit that",)
    return found, (why,), doubts


def _by_values(
    values: list[Cell], counted: Counter[str], hint: str | None, zone: tzinfo
) -> tuple[str, str]:
    """The type that the values alone suggest, and why."""

    def most(kind: str) -> bool:
        return _passing(values, kind, zone) >= FITS * len(values)

    folded = {fold(text) for text in counted}
    words = [cell for cell in values if isinstance(cell, str) and not DIGITS.fullmatch(cell)]
    if most("email"):
        return "email", "the values are e-mail addresses"
    if words and most("phone"):
        return "phone", "the values are telephone numbers"
    dated = [
        cell
        for cell in values
        if isinstance(cell, date) or (isinstance(cell, str) and not SERIAL.fullmatch(cell))
    ]
    if len(dated) >= FITS * len(values) and most("date"):
        if _clocked(values):
            return "timestamp", "the values are days with a time"
        return "date", "the values are days"
    if len(folded) <= 4 and words and folded <= YES | NO:
        return "boolean", "the values are yes and no"
    if all(isinstance(cell, bool) for cell in values):
        return "boolean", "the cells are true and false"
    if not any(LEADING_ZERO.fullmatch(text) for text in counted) and most("amount"):
        if not most("integer"):
            return "amount", "the values are amounts"
        if len(counted) == len(values) and hint == "id":
            return "id", "numbers that never repeat under the header of an id"
        return "integer", "the values are whole numbers"
    if _is_list(values, counted):
        return "choice", f"{len(counted)} different values in {len(values)} rows"
    if hint == "id" and most("id"):
        return "id", "one word a value under the header of an id"
    return "text", "no narrower type fits the values"


def _passing(values: Sequence[Cell], kind: str, zone: tzinfo) -> int:
    check = checker("text" if kind == "choice" else kind, zone, order=_order_of(values))
    return sum(not isinstance(check(cell), CellProblem) for cell in values)


def _order_of(values: Sequence[Cell]) -> DayOrder:
    order = DayOrder()
    order.see(cell for cell in values if isinstance(cell, str))
    return order


def _clocked(values: Sequence[Cell]) -> bool:
    """Whether any value has a time of day."""
    order = _order_of(values)
    for cell in values:
        moment = cell if isinstance(cell, datetime) else read_moment(cell, order)
        if isinstance(moment, datetime) and (moment.hour or moment.minute or moment.second):
            return True
    return False


def _is_list(values: Sequence[Cell], counted: Counter[str]) -> bool:
    return (
        len(values) >= 20
        and len(counted) <= FEW
        and len(counted) * 4 <= len(values)
        and all(len(text) <= 30 for text in counted)
    )


def _choices(
    kind: str, counted: Counter[str], known: tuple[str, SourceColumn] | None
) -> dict[str, list[str]]:
    if kind != "choice":
        return {}
    if known and known[1].choices:
        spelt: Mapping[str, str] = known[1].spellings
        if all(fold(text) in spelt for text in counted):
            return known[1].choices
    merged: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for text, _ in counted.most_common():
        value = first.setdefault(fold(text), text)
        merged.setdefault(value, [])
    return merged


def _share(passed: int, values: Sequence[Cell]) -> str:
    return f"{passed:,} of {len(values):,} values fit"


def _misfits(passed: int, values: Sequence[Cell]) -> tuple[str, ...]:
    bad = len(values) - passed
    return (f"{bad:,} of {len(values):,} values do not fit the type",) if bad else ()
