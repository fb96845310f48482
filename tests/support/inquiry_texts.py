"""Inquiries as people write them, with personal data of known places, and what is to be left.

Nothing here knows a pattern of the product: numbers are made digit by digit and written down in the
ways in which people write them.
"""

import random
from collections.abc import Iterator

WORDS = {
    **{"0": "공", "1": "일", "2": "이", "3": "삼", "4": "사", "5": "오", "6": "육", "7": "칠"},
    **{"8": "팔", "9": "구"},
}
FULL = str.maketrans("0123456789-", "０１２３４５６７８９－")
#: `{}` is personal; all else must stay as it is.
SENTENCES = (
    "안녕하세요 {} 인데요 주문번호 {order} 배송이 안 와요",
    "환불은 {} 로 부탁드립니다. 금액은 {amount}원이고 {day}에 주문했어요",
    "{day} {time}에 통화했던 사람입니다. 연락처 {}, 확인 부탁드려요!",
    "마루9 2대 견적 받고 싶어요 ({}) 60개월 할부, 이율 4.9%",
    "시승 예약을 금요일로 바꿔 주세요. 오전 10시 30분쯤, {}",
    "{} 그리고 {} 둘 다 가능합니다 / 송장 {parcel}",
    "공사 중이라 3층으로 올라와야 해요. {}. 다시 바로 3일 후에 연락 주세요",
    "제품번호 SN-2026-000{short}, 오류코드 E0{short}: {}",
    "문의드립니다 {}입니다. 이 일이 생긴 지 사오 일 됐고 영수증은 {amount}원짜리예요",
    "차로 20분 거리라 {time}까지 갈 수 있어요. 담당자님 {} 로 알려주세요. 별도로 10만원 드릴게요",
)
PLAIN = (
    "주문 {order} 를 {day}에 했는데 {amount}원이 두 번 결제됐어요",
    "재입고는 언제인가요? 모델명 MR9-1234-AB, 수량 1,200개",
    "서울 강남구에 사는데 설치 되나요? 차로 10분 거리예요",
    "고객센터 1588-1234 로 전화했는데 안 받아요 ({day} {time})",
    "송장번호 {parcel} 조회가 안 됩니다. 무게 12.5kg, 크기 120x80x45",
    "일 이 삼 층 모두 공사했고 구 년 됐어요. 영영 안 되나요?",
    "사업자등록번호 123-45-67890 으로 세금계산서 부탁드려요",
    "예약을 {day}에서 다음 주 월요일로, 시간은 {time}으로 바꿔주세요",
)
REGIONS = (
    "서울시 강남구",
    "경기도 성남시 분당구",
    "부산광역시 해운대구",
    "서울 중구",
    "전남 순천시 해룡면",
)
STREETS = ("테헤란로", "판교역로", "세종대로", "달구벌대로", "한강대로", "매봉1길")
BANKS = ("국민은행", "신한", "카카오뱅크", "농협", "계좌번호")


def inquiries(count: int, seed: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (text, what is to be left of it, the personal data in it as digits or letters)."""
    draw = random.Random(seed)
    for number in range(count):
        facts = {
            "order": f"2026{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}-{number:07d}",
            "amount": f"{draw.randint(10, 9999):,}000"[:9],
            "day": draw.choice(["2026-10-12", "10월 3일", "2026.9.30", "26/10/05"]),
            "time": draw.choice(["14:30", "오후 3시", "9시 5분"]),
            "parcel": f"{draw.randint(6, 6)}{draw.randint(10**10, 10**11 - 1)}",
            "short": f"{draw.randint(0, 9)}",
        }
        if draw.random() < 0.25:
            text = draw.choice(PLAIN).format(**facts)
            yield text, text, []
            continue
        parts = draw.choice(SENTENCES).split("{}")
        text = left = parts[0].format(**facts)
        planted = []
        for part in parts[1:]:
            written, masked, secret = draw.choice(KINDS)(draw)
            planted.append(secret)
            text += written + part.format(**facts)
            left += masked + part.format(**facts)
        yield text, left, planted


def _digits(draw: random.Random, count: int) -> str:
    return "".join(str(draw.randint(0, 9)) for _ in range(count))


def _phone(draw: random.Random) -> tuple[str, str, str]:
    first, second = _digits(draw, 4), _digits(draw, 4)
    groups = ["010", first, second]
    plain = "".join(groups)
    way = draw.randint(0, 9)
    sign = draw.choice(["-", " ", ".", "", " - ", "·", "/"])
    written = sign.join(groups)
    if way == 0:
        written = written.translate(FULL)
    elif way == 1:
        written = draw.choice([" ", ".", "-"]).join(plain)
    elif way == 2:
        written = f"+82 10{draw.choice(['-', ' ', ''])}{first}{draw.choice(['-', ' ', ''])}{second}"
    elif way == 3:
        written = f"010-{first[:2]} {first[2:]} {second[:2]} {second[2:]}"
    return written, "(phone)", plain


def _phone_in_words(draw: random.Random) -> tuple[str, str, str]:
    plain = "010" + _digits(draw, 8)
    some = draw.random() < 0.4
    signs = [WORDS[one] if not some or draw.random() < 0.5 else one for one in plain]
    signs[0] = "공"
    groups = ["".join(signs[:3]), "".join(signs[3:7]), "".join(signs[7:])]
    return draw.choice(["", " ", "에 ", "-", "."]).join(groups), "(phone)", "".join(groups)


def _landline(draw: random.Random) -> tuple[str, str, str]:
    groups = [draw.choice(["02", "031", "051", "070"]), _digits(draw, 4), _digits(draw, 4)]
    return draw.choice(["-", " ", "."]).join(groups), "(phone)", "".join(groups)


def _account(draw: random.Random) -> tuple[str, str, str]:
    sizes = draw.choice([(6, 2, 6), (3, 3, 6), (4, 2, 7), (4, 3, 6), (3, 6, 5)])
    groups = [draw.choice("13456789") + _digits(draw, sizes[0] - 1)]
    groups += [_digits(draw, size) for size in sizes[1:]]
    bank = draw.choice(BANKS)
    written = draw.choice(["-", "-", " ", ""]).join(groups)
    return f"{bank} {written}", f"{bank} (account)", "".join(groups)


def _national_id(draw: random.Random) -> tuple[str, str, str]:
    born = f"{draw.randint(40, 99)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}"
    rest = draw.choice("12") + _digits(draw, 6)
    sign = draw.choice(["-", " - ", "", "－", "~"])
    return f"{born}{sign}{rest}", "(national_id)", born + rest


def _email(draw: random.Random) -> tuple[str, str, str]:
    name = draw.choice(["kim.maru", "lee_77", "hana+shop", "Park-1"])
    host = draw.choice(["example.co.kr", "maru.example", "mail.example"])
    at = draw.choice(["@", "@", " 골뱅이 ", "＠", "(at)"])
    return f"{name}{at}{host}", "(email)", name


def _address(draw: random.Random) -> tuple[str, str, str]:
    region, street = draw.choice(REGIONS), draw.choice(STREETS)
    number = f"{draw.randint(1, 999)}"
    if draw.random() < 0.3:
        number += f"-{draw.randint(1, 99)}"
    flat = draw.choice(["", ", 101동 1502호", " 103동 204호", " 두산아파트 102동 1301호", " 3층"])
    return f"{region} {street} {number}{flat}", f"{region} (address)", f"{street} {number}"


def _card(draw: random.Random) -> tuple[str, str, str]:
    groups = [draw.choice("3459") + _digits(draw, 3), *(_digits(draw, 4) for _ in range(3))]
    return draw.choice(["-", " "]).join(groups), "(card)", "".join(groups)


KINDS = (
    *(_phone, _phone, _phone_in_words, _landline, _account, _national_id, _email, _address),
    _card,
)
