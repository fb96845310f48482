"""The CRM workbooks, as a marketer uploads them: a title, Korean headers, a total, mixed typing."""

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


def uploads(world: World) -> list[dt.datetime]:
    """Return the moments of the lists: the first day, the middle, and the moment of the look."""
    earlier = [world.start, world.start + dt.timedelta(days=world.days // 2)]
    return [*(at for at in earlier if at.date() < world.until.date()), world.until]


def write(engine: Engine, world: World, publisher: Publisher) -> None:
    """Write each workbook: title in row 1, header in row 3, customers, a total row.

    Rows that no loader can read stand in the last one.
    """
    for at in uploads(world):
        rows = list(_rows(engine, at, with_unreadable=at == world.until))
        path = f"inbox/crm/고객명부_{at:%Y%m%d}.xlsx"
        publisher.put(path, lambda draft, rows=rows, at=at: _save(rows, at, draft))


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


def _rows(engine: Engine, at: dt.datetime, with_unreadable: bool) -> Iterator[list[Any]]:
    bad = 0 if with_unreadable else len(UNREADABLE)
    micros = int(at.timestamp()) * 1_000_000
    for n, row in enumerate(engine.rows(f"from workbook_rows({micros})")):
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


def _save(rows: list[list[Any]], at: dt.datetime, path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("고객")
    sheet.append([f"마루모터스 고객명부 ({at:%Y-%m-%d} 기준)"])
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
