"""Column names from headers: words that are known in Korean and English, else spelt by sound."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

# Korean words of business tables and the English ones that name them, the longest match first.
WORDS = {
    "고객": "customer", "회원": "member", "사용자": "user", "가입자": "subscriber",
    "신청자": "applicant", "담당자": "staff", "상담원": "agent", "상담사": "agent",
    "번호": "no", "코드": "code", "아이디": "id", "이름": "name", "성명": "name", "성함": "name",
    "명칭": "name", "명": "name",
    "휴대폰": "phone", "휴대전화": "phone", "핸드폰": "phone", "전화": "phone",
    "연락처": "phone", "이메일": "email", "메일": "email", "주소": "address", "우편": "postal",
    "생년월일": "birth_date", "생일": "birth_date", "성별": "gender", "나이": "age",
    "연령": "age", "연령대": "age_group", "등급": "tier", "지역": "region", "거주지": "residence",
    "직업": "job", "회사": "company", "부서": "department",
    "주문": "order", "결제": "payment", "구매": "purchase", "판매": "sale", "매출": "sales",
    "환불": "refund", "취소": "cancel", "반품": "return", "배송": "delivery", "계약": "contract",
    "상품": "product", "제품": "product", "품목": "item", "차종": "model", "모델": "model",
    "차량": "vehicle", "옵션": "option", "색상": "color", "금액": "amount", "가격": "price",
    "단가": "unit_price", "할인": "discount", "쿠폰": "coupon", "포인트": "points",
    "적립": "earned", "수량": "quantity", "개수": "quantity", "횟수": "times", "건수": "count",
    "합계": "total", "총": "total", "누적": "cumulative",
    "시승": "test_drive", "예약": "booking", "방문": "visit", "상담": "consultation",
    "문의": "inquiry", "접수": "receipt", "신청": "application", "설치": "installation",
    "설문": "survey", "응답": "response", "점수": "score", "만족도": "satisfaction",
    "지점": "branch", "매장": "store", "대리점": "dealer", "전시장": "showroom", "채널": "channel",
    "유입": "inflow", "경로": "route", "매체": "media", "광고": "ad", "캠페인": "campaign",
    "소재": "creative", "키워드": "keyword", "노출": "impressions", "클릭": "clicks",
    "전환": "conversions", "비용": "cost", "이벤트": "event", "행사": "event",
    "상태": "status", "진행": "progress", "결과": "result", "구분": "kind", "유형": "kind",
    "종류": "kind", "분류": "category", "대분류": "category_1", "중분류": "category_2",
    "소분류": "category_3", "사유": "reason", "내용": "content", "제목": "title", "비고": "note",
    "메모": "note", "수신": "receive", "동의": "consent", "마케팅": "marketing", "문자": "sms",
    "카카오톡": "kakao", "카카오": "kakao", "푸시": "push", "광고성": "marketing", "여부": "flag",
    "최초": "first", "최근": "last", "마지막": "last", "시작": "start", "종료": "end",
    "완료": "completed", "확정": "confirmed", "예정": "planned", "예상": "expected",
    "희망": "wished", "관심": "interest",
    "등록": "registered", "가입": "joined", "탈퇴": "left", "변경": "changed", "수정": "changed",
    "생성": "created", "발생": "occurred", "일시": "at", "시각": "at", "시간": "time",
    "일자": "date", "날짜": "date", "년도": "year", "연도": "year", "월": "month",
    "원": "krw", "일": "date",
    "순번": "row_no", "연번": "row_no", "및": "and",
}  # fmt: skip
LONGEST = max(map(len, WORDS))
# Revised Romanization of Korean (2000), letter by letter.
INITIALS, VOWELS, FINALS = (
    letters.split()
    for letters in (
        "g kk n d tt r m b pp s ss . j jj ch k t p h",
        "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i",
        ". k k k n n n t l k m p l l p l m p p t t ng t t k t p h",
    )
)
# What GoogleSQL or DuckDB keep for themselves, and what YAML reads as true, false or nothing.
RESERVED = {
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "assert_rows_modified",
    "asymmetric", "at", "between", "both", "by", "case", "cast", "check", "collate", "column",
    "constraint", "contains", "create", "cross", "cube", "current", "default", "deferrable",
    "define", "desc", "describe", "distinct", "do", "else", "end", "enum", "escape", "except",
    "exclude", "exists", "extract", "false", "fetch", "following", "for", "foreign", "from",
    "full", "group", "grouping", "groups", "hash", "having", "if", "ignore", "in", "initially",
    "inner", "intersect", "interval", "into", "is", "join", "lambda", "lateral", "leading", "left",
    "like", "limit", "lookup", "merge", "natural", "new", "no", "not", "null", "nulls", "of",
    "offset", "on", "only", "or", "order", "outer", "over", "partition", "pivot", "pivot_longer",
    "pivot_wider", "placing", "preceding", "primary", "proto", "qualify", "range", "recursive",
    "references", "respect", "returning", "right", "rollup", "rows", "select", "set", "show",
    "some", "struct", "summarize", "symmetric", "table", "tablesample", "then", "to", "trailing",
    "treat", "true", "unbounded", "union", "unique", "unnest", "unpivot", "using", "variadic",
    "when", "where", "window", "with", "within", "y", "n", "yes", "off",
}  # fmt: skip
ALONE = {"no": "number", "at": "moment"}


@dataclass(frozen=True)
class Name:
    """A name for a column, and whether it was only spelt by its sound."""

    text: str
    is_spelt: bool


def name_for(header: str, taken: Collection[str] = ()) -> Name:
    """Return a plain lower-case name that starts with a letter and is not `taken`."""
    text = unicodedata.normalize("NFKC", header).casefold()
    parts, spelt = [], False
    for run in re.findall(r"[가-힣]+|[a-z0-9]+", text):
        words = _words(run) if "가" <= run[0] <= "힣" else [run]
        spelt = spelt or words is None
        parts += words if words is not None else [romanized(run)]
    base = re.sub(r"_+", "_", "_".join(parts)).strip("_")[:60] or "unnamed"
    if not base[0].isalpha():
        base = f"c_{base}"
    if base in RESERVED:
        base = ALONE.get(base, f"{base}_value")
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return Name(name, spelt or not parts)


def _words(run: str) -> list[str] | None:
    """Cut a Korean run into known words, longest first; None where a rest is unknown."""
    if not run:
        return []
    for size in range(min(LONGEST, len(run)), 0, -1):
        word = WORDS.get(run[:size])
        if word and (rest := _words(run[size:])) is not None:
            return [word, *rest]
    return None


def romanized(text: str) -> str:
    """Spell Hangul syllables in Latin letters; other signs are left out."""
    spelt = []
    for sign in text:
        number = ord(sign) - 0xAC00
        if 0 <= number < 11172:
            parts = (
                INITIALS[number // 588],
                VOWELS[number % 588 // 28],
                FINALS[number % 28],
            )
            spelt.append("".join(parts).replace(".", ""))
    return "".join(spelt)
