"""Checks a column of cells at a time: every different value once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from madang.ingest.checks import problems
from madang.ingest.checks.days import DayOrder
from madang.ingest.checks.national_ids import SHORTEST, is_national_id, is_national_number
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.values import NOTHING, PLAIN, Check, checker, is_nothing
from madang.ingest.errors import FileRefused, Reason
from madang.ingest.readers.cells import DAYS_TO_1904, LAST_SERIAL, Cell, as_text, cleaned
from madang.ingest.tables import SourceColumn

FREE_TEXT = ("id", "text", "name")
LONGEST_NOTHING = max(map(len, NOTHING))
REMEMBERED = 50_000  # values whose outcome is kept from one batch to the next
# With so many numbers of 13 digits, most of them no national ids, these are a format of its own.
FEW_NUMBERS = 4

Outcome = str | CellProblem | None


class ColumnCheck:
    """The check of one column, with what its type and `required` make of an empty cell."""

    def __init__(self, column: SourceColumn, zone: tzinfo, is_1904: bool = False) -> None:
        self.name = column.name
        self._order = DayOrder() if column.type in ("date", "timestamp") else None
        self._check: Check = checker(column.type, zone, column.spellings, self._order)
        self._empty = problems.BLANK if column.required else None
        self._typed = column.type not in FREE_TEXT
        self._is_plain = PLAIN[column.type].fullmatch if column.type in PLAIN else None
        self._shifted = is_1904 and column.type in ("date", "timestamp")
        self._known: dict[Cell, Outcome] = {}
        self._has_problems = False
        self.national_ids: set[Cell] = set()  # values among those known that look like one

    @property
    def has_order(self) -> bool:
        """Whether the column holds days, of which the order is looked for in all values."""
        return self._order is not None

    def outcomes(self, cells: Sequence[Cell]) -> tuple[list[Outcome], list[int]]:
        """Return the outcome of every cell, and the places of those that are problems."""
        known = self._known
        if len(known) > REMEMBERED:
            known.clear()
            self.national_ids.clear()
            self._has_problems = False
        different = set(cells)
        if 1 in different or 0 in different:  # which True and False are, too
            cells = without_booleans(cells)
            different = set(cells)
        unknown = different.difference(known)
        if self._order and self.look_at(unknown):
            known.clear()
            unknown = different
        self._learn(unknown)
        if self._order and self._order.is_contradicted:
            raise _mixed_days(self.name)
        found = list(map(known.__getitem__, cells))
        if not self._has_problems:
            return found, []
        return found, [at for at, one in enumerate(found) if one.__class__ is CellProblem]

    def look_at(self, cells: Iterable[Cell]) -> bool:
        """Look through days for their order before they are read; return whether it is news."""
        texts = (cell for cell in cells if cell.__class__ is str)
        return self._order is not None and self._order.see(texts)

    def _learn(self, cells: Iterable[Cell]) -> None:
        """Check cells as they were read: each lands as a text or nothing, or is a problem."""
        numbers: list[str] = []  # that may be national ids by their digits alone
        known, check, empty, typed = self._known, self._check, self._empty, self._typed
        is_plain = self._is_plain
        for cell in cells:
            if cell.__class__ is str:
                if is_plain and is_plain(cell):
                    known[cell] = cell
                    continue
                text = cell.strip()
                if not text.isascii() or "\x00" in text or "\r" in text:
                    text = cleaned(cell)
                if not text or (typed and len(text) <= LONGEST_NOTHING and is_nothing(text)):
                    outcome = empty
                else:
                    if len(text) >= SHORTEST and text[:6].isdigit() and is_national_id(text):
                        self.national_ids.add(cell)
                    outcome = check(text)
                    if outcome is problems.NATIONAL_ID and _is_number(text):
                        numbers.append(cell)
            elif cell is None or cell != cell:  # NaN is how pandas writes an empty cell
                outcome = empty
            elif self._shifted and isinstance(cell, int | float) and cell < LAST_SERIAL:
                outcome = check(cell + DAYS_TO_1904)
            else:
                outcome = check(cell)
            known[cell] = outcome
            if outcome.__class__ is CellProblem:
                self._has_problems = True
                if outcome is problems.NATIONAL_ID and cell.__class__ is not str:
                    self.national_ids.add(cell)
        if numbers and self._has_own_numbers(len(numbers)):
            for cell in numbers:
                known[cell] = cell.strip()
                self.national_ids.discard(cell)

    def _has_own_numbers(self, alike: int) -> bool:
        """Whether numbers of 13 digits are a format of this column, such as barcodes."""
        count = sum(cell.__class__ is str and _is_number(cell.strip()) for cell in self._known)
        return count >= FEW_NUMBERS and alike * 2 <= count


def _is_number(text: str) -> bool:
    return len(text) == SHORTEST and text.isascii() and text.isdigit()


def without_booleans(cells: Sequence[Cell]) -> Sequence[Cell]:
    """True and 1 are one key of a dict, so booleans become texts before they are looked up."""
    if bool not in set(map(type, cells)):
        return cells
    return [as_text(cell) if cell.__class__ is bool else cell for cell in cells]


class NationalIds:
    """Counts values that look like national id numbers, in every column of a file."""

    def __init__(self, labels: list[str]) -> None:
        self._labels = labels
        self._filled: Counter[int] = Counter()
        self._hits: Counter[int] = Counter()

    def look_at(self, at: int, cells: Sequence[Cell], alike: Iterable[Cell] | None = None) -> None:
        """Count in some cells of the column at a place; `alike` are known to look like one."""
        self._filled[at] += len(cells) - cells.count(None) - cells.count("")
        if alike is None:
            alike = [cell for cell in set(cells) if _is_national_id(cell)]
        if alike:
            counted = Counter(cells)
            self._hits[at] += sum(counted[cell] for cell in alike)

    def refuse_if_any(self) -> None:
        """Raise FileRefused when most values of a column are such numbers."""
        for at, hits in self._hits.items():
            if hits * 2 > self._filled[at]:
                label = self._labels[at] if at < len(self._labels) else ""
                raise national_id_refusal(label or f"number {at + 1}")


def _is_national_id(cell: Cell) -> bool:
    if cell.__class__ is not str:
        return isinstance(cell, float | int) and is_national_number(cell)
    if len(cell) < SHORTEST:
        return False
    text = cleaned(cell)
    return isinstance(text, str) and text[:6].isdigit() and is_national_id(text)


def _mixed_days(name: str) -> FileRefused:
    """The refusal of a file in which one column writes days in two orders."""
    return FileRefused.of(
        [
            Reason(
                f"Some dates of the column '{name}' are written day first, others month first or "
                "year first, so none of them is sure.",
                f"'{name}' 열의 날짜가 일-월, 월-일, 연-월-일 순서로 섞여 있어 알 수 없습니다.",
                "Write all dates as 2026-10-06, and save the file again.",
                "날짜를 모두 2026-10-06처럼 쓰고 다시 저장하세요.",
            )
        ]
    )


def national_id_reason(label: str) -> Reason:
    """Why a file with a column of national id numbers is not loaded."""
    return Reason(
        f"The column '{label}' holds national id numbers (주민등록번호), which must not be loaded.",
        f"'{label}' 열에 주민등록번호가 있어 적재할 수 없습니다.",
        "Delete the column and save the file again. 해당 열을 삭제한 뒤 다시 저장해 주세요.",
        "해당 열을 삭제한 뒤 다시 저장해 주세요.",
    )


def national_id_refusal(label: str) -> FileRefused:
    """The refusal of a file with a column of national id numbers."""
    return FileRefused.of([national_id_reason(label)])
