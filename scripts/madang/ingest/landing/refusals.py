"""Explains a file that cannot be used in a CSV beside the rejects, in Korean and English."""

import csv
import glob
import io
from pathlib import Path

from madang import private
from madang.ingest.errors import FileRefused, Reason
from madang.ingest.landing.rejects import HEADERS, MARK, free_path
from madang.names import defused, file_stem, shown

# Korean for the reasons of those who only read files: what the English begins with.
KOREAN = {
    "The file is empty": (
        "파일이 비어 있습니다.",
        "다시 내보내세요.",
    ),
    "The file has a header but no rows": (
        "머리글만 있고 데이터 행이 없습니다.",
        "다시 내보내거나 파일을 지우세요.",
    ),
    "The file cannot be opened": (
        "파일을 열 수 없습니다.",
        "다른 프로그램에서 닫고 파일 권한을 확인하세요.",
    ),
    "The file belongs to no source": (
        "어느 소스의 파일인지 알 수 없습니다.",
        "소스의 폴더에 넣거나 파일 이름을 맞추세요.",
    ),
    "The file could belong to several": (
        "여러 소스에 해당하는 파일입니다.",
        "해당 소스의 폴더에 넣으세요.",
    ),
    "The text is not in a known encoding": (
        "알 수 없는 문자 인코딩입니다.",
        "엑셀에서 'CSV UTF-8'로 다시 저장하세요.",
    ),
    "Files ending in": (
        "읽을 수 없는 형식의 파일입니다.",
        "엑셀 통합 문서(.xlsx)나 CSV로 저장하세요.",
    ),
    "The workbook is protected": (
        "암호가 걸린 통합 문서입니다.",
        "암호를 해제한 뒤 다시 저장하세요.",
    ),
    "The workbook is damaged": (
        "손상되었거나 통합 문서가 아닙니다.",
        "엑셀에서 열어 .xlsx로 다시 저장하세요.",
    ),
    "The workbook has no visible": (
        "보이는 시트가 없습니다.",
        "데이터가 있는 시트의 숨기기를 취소하세요.",
    ),
    "The workbook unpacks": (
        "압축을 풀면 너무 큰 통합 문서라 열지 않았습니다.",
        "표만 새 통합 문서로 옮겨 저장하세요.",
    ),
    "A sheet spans": (
        "표에서 멀리 떨어진 셀에 값이 있습니다.",
        "표 밖의 행과 열을 지우고 다시 저장하세요.",
    ),
    "The .xlsb": (
        "읽을 수 없는 방식으로 저장된 .xlsb 파일입니다.",
        "엑셀에서 열어 .xlsx로 저장하세요.",
    ),
    "The .gz file": (
        "손상되었거나 너무 큰 .gz 파일입니다.",
        "파일을 다시 복사하세요.",
    ),
    "The file is not valid JSON": (
        "올바른 JSON이 아닙니다.",
        "다시 내보내세요.",
    ),
    "The file is not a list of JSON": (
        "JSON 객체의 목록이 아닙니다.",
        '[{"id": "A1"}, {"id": "A2"}]처럼 쓰세요.',
    ),
    "No line of the file is a JSON": (
        "JSON 객체인 줄이 없습니다.",
        '한 줄에 {"id": "A1"} 같은 객체 하나를 쓰세요.',
    ),
    "The JSON is nested": (
        "JSON이 너무 깊이 중첩되어 있습니다.",
        "한 행에 단순한 객체 하나로 다시 내보내세요.",
    ),
    "The Parquet file": (
        "손상되었거나 암호화된 Parquet 파일입니다.",
        "암호화하지 않고 다시 내보내세요.",
    ),
}
OTHER = ("이 파일은 사용할 수 없어 적재하지 않았습니다. 오른쪽의 영문 설명을 보세요.", "")


def write_refusal(folder: Path, file: str, load_id: str, refusal: FileRefused) -> Path:
    """Write `<file stem>__<load id>__refused.csv`, one line a reason; return it.

    Where an earlier load said the same of the file, its explanation is returned and none written.
    """
    text = io.StringIO()
    text.write(MARK)
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    for reason in map(in_korean, refusal.reasons):
        told = (reason.korean, reason.english, reason.fix_ko, reason.fix_en)
        writer.writerow([defused(shown(file)), "", "", "", "", *told])
    data = text.getvalue().encode("utf-8", "backslashreplace").decode()
    begin = file_stem(file, "")
    for earlier in folder.glob(f"{glob.escape(begin)}__*__refused*.csv"):
        if earlier.read_bytes().decode() == data:
            return earlier
    path = free_path(private.folder(folder), file_stem(file, f"__{load_id}__refused"))
    with private.whole(path, newline="") as target:
        target.write(data)
    return path


def in_korean(reason: Reason) -> Reason:
    """The reason with its Korean words, where it came without."""
    if reason.korean:
        return reason
    told = (one for begin, one in KOREAN.items() if reason.english.startswith(begin))
    korean, fix = next(told, OTHER)
    return Reason(reason.english, korean, reason.fix_en, fix)
