"""The CRM workbook, as a marketer uploads it: a title, Korean headers, a total, mixed typing."""

import datetime as dt
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from madang.demo.engine import Engine
from madang.demo.publish import Publisher
from madang.demo.world import World

HEADERS = ("고객번호", "이름", "휴대폰", "이메일", "등급", "지역", "가입일")
FIRST_DATA_ROW = 4

#: Rows that no loader can read, of people who appear nowhere else: (phone, registered_at).
UNREADABLE = (
    ("연락처없음", "2026-03-02"),
    ("010-1999-9901", "2026-13-40"),
    ("모름", "2026-04-17"),
    ("010-1999-9902", "2026-13-40"),
    ("연락처없음", "2026-05-21"),
    ("010-1999-9903", "가입일 미상"),
)
_EVERY = 6


def relative_path(world: World) -> str:
    """Where the workbook of this moment lies below the workspace."""
    return f"inbox/crm/고객명부_{world.until:%Y%m%d}.xlsx"


def write(engine: Engine, world: World, publisher: Publisher) -> None:
    """Write the workbook: title in row 1, header in row 3, customers, a total row."""
    rows = list(_rows(engine))
    publisher.put(relative_path(world), lambda draft: _save(rows, world, draft))


def expected_rejects(engine: Engine) -> list[tuple[str, int, str, str]]:
    """(file below the inbox, Excel row, field, value) of every row that cannot be read."""
    until = engine.rows("select make_timestamp(getvariable('until_us') + 32400000000)")[0][0]
    file = f"crm/고객명부_{until:%Y%m%d}.xlsx"
    found = []
    for n, (phone, registered) in enumerate(UNREADABLE):
        row = FIRST_DATA_ROW + _position(n)
        if not re.search(r"\d", phone):
            found.append((file, row, "phone", phone))
        else:
            found.append((file, row, "registered_at", registered))
    return found


def _position(n: int) -> int:
    """How many rows stand before the n-th unreadable one."""
    return (n + 1) * _EVERY + n


def _rows(engine: Engine) -> Iterator[list[Any]]:
    bad = 0
    for n, row in enumerate(engine.rows("from workbook_rows")):
        if bad < len(UNREADABLE) and n == (bad + 1) * _EVERY:
            yield _unreadable(bad)
            bad += 1
        number, name, is_nfd, phone, is_number, email, tier, region, registered, style = row
        yield [
            number,
            unicodedata.normalize("NFD", name) if is_nfd else name,
            int(phone) if is_number and phone else phone,
            email,
            tier,
            region,
            _typed_date(registered, style),
        ]


def _unreadable(n: int) -> list[Any]:
    phone, registered = UNREADABLE[n]
    email = f"unreadable{n + 1}@mail.example"
    return [f"C9900{n + 1:02d}", f"예시{'가나다라마바'[n]}", phone, email, "일반", None, registered]


def _typed_date(day: dt.date, style: float) -> dt.date | str:
    if style < 0.55:
        return day
    if style < 0.75:
        return day.isoformat()
    return day.strftime("%Y.%m.%d" if style < 0.9 else "%Y%m%d")


def _save(rows: list[list[Any]], world: World, path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("고객")
    sheet.append([f"마루모터스 고객명부 ({world.until:%Y-%m-%d} 기준)"])
    sheet.append([])
    sheet.append(list(HEADERS))
    for row in rows:
        sheet.append(row)
    sheet.append(["합계", f"{len(rows)}명"])
    book.save(path)
    _fix_clock(path)


def _fix_clock(path: Path) -> None:
    """Take the moment of writing out of the file, so that equal rows give equal bytes."""
    with zipfile.ZipFile(path) as book:
        parts = [(name, book.read(name)) for name in book.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts:
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2026-01-01T00:00:00Z", content)
            part = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            book.writestr(part, content, compress_type=zipfile.ZIP_DEFLATED)
