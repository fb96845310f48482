"""Everything that can be wrong with one cell or row, in English and Korean, with what to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HANGUL = re.compile("[가-힣]")


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A finding that a marketer can act on. It never holds the value itself."""

    code: str
    english: str
    korean: str
    fix_en: str
    fix_ko: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A row that could not be read at all: its text, and why (None: it is no JSON object)."""

    text: str
    problem: CellProblem | None = None


BLANK = CellProblem(
    "required_blank",
    "This value is required, but the cell is empty.",
    "필수 값인데 셀이 비어 있습니다.",
    "Fill in the cell.",
    "셀에 값을 입력하세요.",
)
DIGITS_LOST = CellProblem(
    "digits_lost",
    "Excel shortened this number (such as 1.01E+10); its last digits are gone.",
    "엑셀이 숫자를 줄여 써서(예: 1.01E+10) 뒷자리가 사라졌습니다.",
    "Format the column as text in the original file, and enter the number again.",
    "원본 파일에서 열 서식을 '텍스트'로 바꾸고 번호를 다시 입력하세요.",
)
PHONE = CellProblem(
    "phone_unreadable",
    "This is not one complete phone number.",
    "완전한 전화번호 하나가 아닙니다.",
    "Write one number, such as 010-0000-0000 or +82 10 0000 0000; leave it empty if unknown.",
    "010-0000-0000 또는 +82 10 0000 0000처럼 번호 하나만 쓰고, 모르면 비워 두세요.",
)
EMAIL = CellProblem(
    "email_unreadable",
    "This is not one e-mail address.",
    "이메일 주소 하나가 아닙니다.",
    "Write one address, such as name@company.example; leave it empty if unknown.",
    "name@company.example처럼 주소 하나만 쓰고, 모르면 비워 두세요.",
)
NAME = CellProblem(
    "name_without_letters",
    "A name must hold at least one letter.",
    "이름에 글자가 없습니다.",
    "Write the person's name; look whether the columns have shifted.",
    "이름을 쓰고, 열이 밀리지 않았는지 확인하세요.",
)
ID = CellProblem(
    "id_unreadable",
    "An identifier must be one short word without spaces.",
    "식별번호는 공백 없는 짧은 값 하나여야 합니다.",
    "Write the number as your system shows it; remove notes from this column.",
    "시스템에 표시되는 번호를 그대로 쓰고, 이 열에 적은 메모는 지우세요.",
)
ID_IS_DATE = CellProblem(
    "id_became_date",
    "Excel turned this identifier into a date or a time.",
    "엑셀이 식별번호를 날짜나 시간으로 바꾸었습니다.",
    "Format the column as text, and enter the identifier again.",
    "열 서식을 '텍스트'로 바꾸고 식별번호를 다시 입력하세요.",
)
DATE = CellProblem(
    "date_unreadable",
    "This is not a date that exists, or nothing that can be read as one.",
    "존재하지 않는 날짜이거나 날짜로 읽을 수 없습니다.",
    "Write the date as 2026-10-06.",
    "날짜를 2026-10-06처럼 쓰세요.",
)
DAY_ORDER = CellProblem(
    "date_order_unclear",
    "Nothing shows which of these numbers is the day, which the month and which the year.",
    "어느 숫자가 일, 월, 연도인지 알 수 없는 날짜입니다.",
    "Write the year first, as 2026-10-06.",
    "2026-10-06처럼 연도부터 쓰세요.",
)
DATE_RANGE = CellProblem(
    "date_out_of_range",
    "This date lies outside of the years 1900 to 2100.",
    "1900년에서 2100년 사이의 날짜가 아닙니다.",
    "Correct the year; leave the cell empty where there is no date, or no end.",
    "연도를 고치고, 날짜나 종료일이 없으면 셀을 비워 두세요.",
)
YEAR_MISSING = CellProblem(
    "year_missing",
    "This date has no year.",
    "연도가 없는 날짜입니다.",
    "Write the year, too: 2026-10-06.",
    "2026-10-06처럼 연도까지 쓰세요.",
)
DAY_MISSING = CellProblem(
    "day_missing",
    "This is a time without its day.",
    "날짜 없이 시각만 있습니다.",
    "Write the day, too: 2026-10-06 14:30.",
    "2026-10-06 14:30처럼 날짜까지 쓰세요.",
)
TIMESTAMP = CellProblem(
    "timestamp_unreadable",
    "This is not a date with a time that exists.",
    "존재하지 않는 날짜·시각이거나 읽을 수 없는 형식입니다.",
    "Write it as 2026-10-06 14:30:00 or 2026-10-06T14:30:00+09:00.",
    "2026-10-06 14:30:00 또는 2026-10-06T14:30:00+09:00처럼 쓰세요.",
)
AMOUNT = CellProblem(
    "amount_unreadable",
    "This is not an amount of money.",
    "금액으로 읽을 수 없습니다.",
    "Write digits only, such as 12000000.",
    "12000000처럼 숫자만 쓰세요.",
)
INTEGER = CellProblem(
    "integer_unreadable",
    "This is not a whole number.",
    "정수로 읽을 수 없습니다.",
    "Write digits only, such as 3.",
    "3처럼 숫자만 쓰세요.",
)
TOO_LARGE = CellProblem(
    "number_too_large",
    "This number has more than 15 digits before its point.",
    "정수 부분이 15자리를 넘는 숫자입니다.",
    "Look whether the columns have shifted, or two values stand in one cell.",
    "열이 밀렸거나 한 셀에 값이 두 개 들어가지 않았는지 확인하세요.",
)
DAMAGED = CellProblem(
    "sign_damaged",
    "This value holds a control character, or a sign that was lost when the file was written.",
    "제어 문자가 있거나 저장할 때 깨진 글자가 있습니다.",
    "Enter the value again, or export the file as UTF-8.",
    "값을 다시 입력하거나 파일을 UTF-8로 다시 내보내세요.",
)
BOOLEAN = CellProblem(
    "boolean_unreadable",
    "This is neither yes nor no.",
    "예/아니오로 읽을 수 없습니다.",
    "Write Y or N.",
    "Y 또는 N으로 쓰세요.",
)
NATIONAL_ID = CellProblem(
    "national_id",
    "This is or holds what looks like a national id number, which must not be loaded.",
    "주민등록번호로 보이는 값이 있어 적재할 수 없습니다.",
    "Delete it from the file.",
    "파일에서 해당 값을 삭제하세요.",
)
TOO_MANY_CELLS = CellProblem(
    "too_many_cells",
    "The row has more values than there are headers; a value probably holds a bare comma.",
    "머리글보다 값이 많습니다. 값 안에 따옴표 없는 쉼표가 있는 것 같습니다.",
    'Put the value in quotes ("12,000"), or save the file from Excel again.',
    '값을 따옴표로 묶거나("12,000") 엑셀에서 다시 저장하세요.',
)
AFTER_TOTAL = CellProblem(
    "after_total_row",
    "This row stands below the total row, where reading stops.",
    "합계 행 아래에 있어 읽지 않은 행입니다.",
    "Move the row above the total row, or remove the total row.",
    "이 행을 합계 행 위로 옮기거나 합계 행을 지우세요.",
)
BAD_JSON = CellProblem(
    "json_unreadable",
    "This line is not a JSON object.",
    "이 줄은 JSON 객체가 아닙니다.",
    'Write one object a line, such as {"id": "A1"}.',
    '한 줄에 {"id": "A1"} 같은 객체 하나를 쓰세요.',
)
ROW_UNREADABLE = CellProblem(
    "row_unreadable",
    "A number of this row does not fit the format of its cell.",
    "이 행의 숫자가 셀 서식에 맞지 않습니다.",
    "Look for a telephone number in a cell for times; format it as text and enter it again.",
    "시간 서식 셀에 든 전화번호 등을 찾아 서식을 '텍스트'로 바꾸고 다시 입력하세요.",
)
LINE_TOO_LONG = CellProblem(
    "line_too_long",
    "The line is longer than 8,000,000 signs, which is the limit.",
    "이 줄은 8,000,000자 제한을 넘습니다.",
    "Look whether line breaks are missing; delete what is no row of the table.",
    "줄바꿈이 빠지지 않았는지 확인하고 표의 행이 아닌 내용을 지우세요.",
)
NUMBER_TOO_LONG = CellProblem(
    "number_too_long",
    "A whole number of this row has more than 4,300 digits, which is the limit.",
    "이 행의 정수가 4,300자리 제한을 넘습니다.",
    "Correct the number; write what is no number in quotes.",
    "숫자를 고치고, 숫자가 아닌 값은 따옴표로 묶으세요.",
)
TOO_MANY_COLUMNS = CellProblem(
    "too_many_columns",
    "The row has more than 16,384 values, which is the limit.",
    "이 행의 값이 16,384개 제한을 넘습니다.",
    "Look whether line breaks are missing; delete what is no row of the table.",
    "줄바꿈이 빠지지 않았는지 확인하고 표의 행이 아닌 내용을 지우세요.",
)


def unknown_choice(allowed: Sequence[str], spelt: Mapping[str, str] | None = None) -> CellProblem:
    """The problem of a value outside the list of its column.

    `spelt` are the known spellings of each value; the Korean ones are named to Korean readers.
    """
    shown = ", ".join(allowed)
    korean = [word for word in spelt or {} if HANGUL.search(word)]
    words = ", ".join(sorted(korean, key=lambda word: allowed.index((spelt or {})[word])))
    listed = f"{words} (또는 {shown})" if words else shown
    return CellProblem(
        "choice_unknown",
        "This value is not in the list of this column.",
        "이 열에 쓸 수 있는 값이 아닙니다.",
        f"Use one of: {shown}. A new value belongs in 'choices' of the source's YAML.",
        f"다음 중 하나를 쓰세요: {listed}. 새 값은 소스 YAML의 choices에 추가합니다.",
    )


def broken_quotes(line: int) -> CellProblem:
    """The problem of a CSV row with a quote that is never closed, or closed too early."""
    return CellProblem(
        "quotes_broken",
        f"The quotes of this row do not match (line {line:,} of the file).",
        f"이 행의 따옴표가 맞지 않습니다(파일의 {line:,}번째 줄).",
        "Write every quote inside a value twice, or save the file from Excel again.",
        "값 안의 따옴표는 두 번 쓰거나 엑셀에서 다시 저장하세요.",
    )
