"""GA4's figures read as GA4 writes them, and the gap to ours split by what explains it."""

from datetime import date
from pathlib import Path

import pytest

from madang.errors import UsageError
from madang.health.ga4_notes import at_limit
from madang.health.notices import of_days
from madang.parity.file import Figures, read_figures
from madang.parity.gaps import Gap, gaps_of
from madang.parity.parity import Parity

DAY = date(2026, 10, 31)
OURS = {
    "property_id": "1",
    "event_date": DAY,
    "is_final": True,
    "duplicate_rows": 5,
    "events": 1000,
    "events_without_device": 20,
    "events_without_session": 30,
    "internal_events": 0,
    "debug_events": 0,
    "is_mostly_own_traffic": False,
    "events_of_other_days": 0,
    "events_in_other_days": 0,
    "sessions_of_other_days": 0,
    "sessions_in_other_days": 0,
    "is_of_another_zone": False,
    "page_views": 400,
    "key_events": 12,
    "devices": 200,
    "active_devices": 190,
    "sessions": 240,
    "continued_sessions": 3,
    "engaged_sessions": 150,
    "bot_sessions": 10,
    "purchases": 8,
    "purchase_revenue": 800.0,
    "refund_value": 50.0,
    "left_out_purchases": 2,
    "left_out_revenue": 120.0,
}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "ga4.csv"
    path.write_bytes(text.encode(encoding))
    return path


def split(metric: str, ga4: float, **changes: object) -> Gap:
    (gap,) = gaps_of(Figures(1, DAY, None, {metric: ga4}), "1", {**OURS, **changes})
    assert sum(gap.causes.values()) + gap.unexplained == pytest.approx(gap.gap)
    return gap


def test_a_report_of_ga4_is_read_as_it_is_exported(tmp_path: Path) -> None:
    read = read_figures(
        written(
            tmp_path,
            "# ----------------------------------------\n"
            "# Traffic acquisition\n"
            "# Start date: 20261030\n"
            "# End date: 20261031\n"
            "# ----------------------------------------\n\n"
            'Date,Sessions,Event count,Bounce rate,"Total revenue"\n'
            '20261030,"1,234",5678,0.4,₩9000\n'
            "20261031,100,200,0.5,0\n"
            ",1334,5878,0.4,9000\n\n"
            "# another table\n"
            "Country,Sessions\nKorea,3\n",
        )
    )
    assert [(one.day, one.values) for one in read.figures] == [
        (date(2026, 10, 30), {"sessions": 1234.0, "event_count": 5678.0, "revenue": 9000.0}),
        (date(2026, 10, 31), {"sessions": 100.0, "event_count": 200.0, "revenue": 0.0}),
    ]
    assert (read.problems, read.left_aside) == ([], ["Bounce rate"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_korean_report_counts_days_from_the_first(tmp_path: Path, encoding: str) -> None:
    read = read_figures(
        written(
            tmp_path,
            "# 시작일: 20261030\n# 종료일: 20261031\nN번째 일,활성 사용자,참여 세션수,조회수\n"
            "0000,10,9,100\n0001,12,11,120\n총계,22,20,220\n",
            encoding,
        )
    )
    assert [(one.day.day, one.values) for one in read.figures] == [
        (30, {"active_users": 10.0, "engaged_sessions": 9.0, "page_views": 100.0}),
        (31, {"active_users": 12.0, "engaged_sessions": 11.0, "page_views": 120.0}),
    ]


@pytest.mark.parametrize(
    "day",
    ["20261031", "2026-10-31", "2026. 10. 31.", "2026/10/31", "Oct 31, 2026", "2026년 10월 31일"],
)
def test_days_are_read_as_people_write_them(tmp_path: Path, day: str) -> None:
    read = read_figures(written(tmp_path, f'date,property_id,purchases\n"{day}",properties/12,3\n'))
    assert read.figures == [Figures(2, DAY, "12", {"purchases": 3.0})]


def test_rows_that_cannot_be_read_are_told_with_line_and_fix(tmp_path: Path) -> None:
    read = read_figures(
        written(
            tmp_path,
            "date,sessions\n31 Octember,5\n20261031,many\n20261030,1,234\n20261029,7\n20261029,8\n",
        )
    )
    assert [(one.day.day, one.values["sessions"]) for one in read.figures] == [(29, 7.0)]
    assert [(problem.line, problem.message) for problem in read.problems] == [
        (2, "'31 Octember' is not a day."),
        (3, "'many' in column 'sessions' is not a number."),
        (4, "The row has 3 cells, the header has 2."),
        (6, "2026-10-29 is in line 5 already."),
    ]
    assert all(problem.fix for problem in read.problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header"),
        ("country,sessions\nKorea,3\n", "No column is a day"),
        ("date,sesions\n20261031,3\n", "Did you mean 'sessions'"),
        ("date,sessions,세션수\n20261031,3,3\n", "Two columns are sessions"),
    ],
)
def test_a_file_of_no_use_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_figures(written(tmp_path, text))


def test_a_row_with_broken_quotes_costs_itself_alone(tmp_path: Path) -> None:
    read = read_figures(written(tmp_path, 'date,sessions\n20261030,"1\n20261031,7\n'))
    assert [one.day for one in read.figures] == [DAY]
    assert [(one.line, "quotes" in one.message) for one in read.problems] == [(2, True)]


def test_a_day_counted_from_an_unknown_one_is_told(tmp_path: Path) -> None:
    read = read_figures(written(tmp_path, "Nth day,Sessions\n0000,3\n"))
    assert "which day" in read.problems[0].message
    assert "Start date" in (read.problems[0].fix or "")


@pytest.mark.parametrize(
    ("metric", "ga4", "causes", "unexplained"),
    [
        ("event_count", 1000, {}, 0),
        ("event_count", 1005, {"duplicates": 5}, 0),
        ("event_count", 1011, {"duplicates": 5}, 6),
        ("event_count", 980, {"no device (consent)": -20}, 0),
        ("event_count", 970, {"no device (consent)": -20}, -10),
        ("event_count", 950, {"no device (consent)": -20}, -30),
        ("sessions", 243, {"over midnight": 3}, 0),
        ("sessions", 230, {"programs flagged": -10}, 0),
        ("sessions", 400, {"over midnight": 3, "estimate": 13, "no session id (consent)": 30}, 114),
        ("total_users", 201, {"estimate": 1}, 0),
        ("active_users", 250, {"estimate": 4.075, "no device (consent)": 20}, 35.925),
        ("purchases", 6, {"order rule": -2}, 0),
        ("purchases", 9, {"duplicates": 1}, 0),
        ("revenue", 700, {"refunds": -50, "order rule": -50}, 0),
        ("revenue", 500, {"refunds": -50, "order rule": -120}, -130),
    ],
)
def test_a_gap_is_split_by_cause_and_no_cause_takes_more_than_its_room(
    metric: str, ga4: float, causes: dict[str, float], unexplained: float
) -> None:
    gap = split(metric, ga4)
    assert gap.causes == pytest.approx(causes)
    assert gap.unexplained == pytest.approx(unexplained)


@pytest.mark.parametrize(
    ("metric", "ga4", "causes"),
    [
        ("event_count", 960, {"time zone": -40}),
        ("event_count", 1035, {"duplicates": 5, "time zone": 30}),
        ("sessions", 232, {"time zone": -8}),
        ("total_users", 192, {"time zone": -8}),
        ("purchases", 5, {"order rule": -2, "time zone": -1}),
    ],
)
def test_a_shard_of_another_zone_is_a_cause_to_either_side(
    metric: str, ga4: float, causes: dict[str, float]
) -> None:
    moved = {
        "events_of_other_days": 40,
        "events_in_other_days": 30,
        "sessions_of_other_days": 9,
        "sessions_in_other_days": 6,
    }
    gap = split(metric, ga4, **moved)
    assert gap.causes == pytest.approx(causes)
    assert gap.unexplained == 0


def test_internal_traffic_and_debug_mode_are_causes_of_their_own() -> None:
    gap = split("event_count", 970, internal_events=20, debug_events=500)
    assert gap.causes == {"internal traffic": -20, "debug mode": -10}


def test_days_of_own_traffic_and_of_another_zone_are_told() -> None:
    good = {**OURS, "event_date": date(2026, 10, 29)}
    own = {**OURS, "is_mostly_own_traffic": True, "internal_events": 100, "debug_events": 800}
    shifted = {**OURS, "is_of_another_zone": True, "sessions_of_other_days": 90}
    assert of_days([good]) == []
    (told,) = of_days([good, own])
    assert told.startswith(
        "Property 1: on 1 of 2 days (the last is 2026-10-31) most events are the company's own "
        "(10% internal, 80% in debug mode)."
    )
    (told,) = of_days([good, shifted])
    assert "(90 of 240), so its time zone is most likely another one" in told


def test_what_is_left_of_a_day_that_can_change_is_its_being_so() -> None:
    gap = split("event_count", 1500, is_final=False)
    assert gap.causes == {"duplicates": 5, "day not final": 495}
    assert gap.unexplained == 0


def test_a_shard_whose_rows_nobody_counted_explains_no_duplicates() -> None:
    assert split("event_count", 1005, duplicate_rows=None).unexplained == 5


def test_a_day_that_the_export_does_not_have_is_told() -> None:
    (gap,) = gaps_of(Figures(1, DAY, None, {"sessions": 7.0}), "1", None)
    assert (gap.ours, gap.causes, gap.unexplained) == (0, {"not in the export": 7.0}, 0)


def test_the_exit_code_tells_whether_all_is_explained() -> None:
    near, far = split("event_count", 1011), split("event_count", 1100)
    assert Parity([], [near], tolerance=0.01).exit_code == 0
    assert Parity([], [near, far], tolerance=0.01).exit_code == 3
    assert Parity([], [near], tolerance=0.001).unexplained == [near]


def test_what_the_export_cut_off_is_a_cause_of_its_own() -> None:
    gap = split("page_views", 900, is_at_export_limit=True)
    assert gap.causes == {"duplicates": 5.0, "at the export's limit": 495.0}
    gap = split("page_views", 300, is_at_export_limit=True)
    assert (gap.causes.get("at the export's limit"), gap.is_explained(0.01)) == (None, False)


def test_days_at_the_limit_are_named_once_they_are_not_too_many() -> None:
    assert at_limit([]) == ""
    text = at_limit([{**OURS, "event_date": date(2026, 10, day)} for day in range(1, 18)])
    assert "2026-10-01 (1), 2026-10-02 (1)" in text
    assert "2026-10-15 (1) and 2 more." in text
