"""The plain files: consents, orders, outcomes, ad costs, inquiries, notices, Salesforce."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from madang.demo.engine import Engine
from madang.demo.publish import Publisher
from madang.demo.world import World

#: Lines of the first outcomes file that no loader can read, and what is wrong with each.
BROKEN_OUTCOMES = (
    (
        3,
        "_line",
        '{"outcome_id": "O99000001", "product": "test_drive", "status": "visi',
    ),
    (
        7,
        "occurred_at",
        '{"outcome_id": "O99000002", "product": "test_drive", "application_id": null, '
        '"customer_no": null, "phone": "010-1999-9911", "status": "visited", '
        '"occurred_at": "2026-13-40T10:00:00+09:00", "value": null, "currency": null, '
        '"reason": null, "branch_id": "gangnam"}',
    ),
)

#: Each platform's own report: its relation, and its select list.
_AD_REPORTS = {
    "google_ads": (
        "ad_group_days",
        'day as "Day", campaign as "Campaign", campaign_id as "Campaign ID", '
        'ad_group as "Ad group", ad_group_id as "Ad group ID", impressions as "Impr.", '
        'clicks as "Clicks", cost_krw as "Cost", \'KRW\' as "Currency code", '
        'conversions as "Conversions", conversion_value as "Conv. value"',
    ),
    "meta": (
        "ad_group_days",
        'day as "Day", campaign as "Campaign name", campaign_id as "Campaign ID", '
        'ad_group as "Ad set name", ad_group_id as "Ad set ID", impressions as "Impressions", '
        'clicks as "Link clicks", round(cost_krw / 1400.0, 2) as "Amount spent (USD)", '
        'conversions as "Results", '
        'round(conversion_value / 1400.0, 2) as "Purchases conversion value"',
    ),
    "naver": (
        "ad_days",
        'strftime(day, \'%Y.%m.%d.\') as "일별", campaign as "캠페인", '
        'impressions as "노출수", clicks as "클릭수", '
        '(cost_krw * 1.1)::bigint as "총비용(VAT포함,원)", conversions as "전환수", '
        'conversion_value as "전환매출액(원)"',
    ),
    "kakao": (
        "ad_days",
        'day as "일", campaign as "캠페인 이름", impressions as "노출수", '
        'clicks as "클릭수", cost_krw as "비용", conversions as "전환", '
        'conversion_value as "전환값"',
    ),
    "tiktok": (
        "ad_group_days",
        'day as "By Day", \'America/Los_Angeles\' as "Time zone", campaign as "Campaign name", '
        'campaign_id as "Campaign ID", ad_group as "Ad group name", '
        'ad_group_id as "Ad group ID", impressions as "Impressions", clicks as "Clicks", '
        'cost_krw as "Cost", \'KRW\' as "Currency", conversions as "Conversions", '
        'conversion_value as "Total purchase value"',
    ),
}


def write(engine: Engine, world: World, publisher: Publisher) -> None:
    """Write every plain file. `exports.sql` must have run."""
    _write_consents(engine, publisher)
    _by_month(engine, publisher, "order_rows", "inbox/shop/orders")
    _write_outcomes(engine, publisher)
    _write_ad_reports(engine, world, publisher)
    look = f"{world.until:%Y%m%d}"
    for name, view in (
        ("inquiries/inquiries", "inquiry_rows"),
        ("notices/notices", "notice_rows"),
        (f"salesforce/contacts_{look}", "salesforce_contact_rows"),
        (f"salesforce/individuals_{look}", "salesforce_individual_rows"),
    ):
        publisher.put(
            f"inbox/{name}.csv",
            lambda draft, view=view: engine.write_csv(f"from {view}", draft),
        )


def _write_ad_reports(engine: Engine, world: World, publisher: Publisher) -> None:
    """Write each platform's report; of Google's a first one half-way, which it restated later."""
    for platform, (relation, columns) in _AD_REPORTS.items():
        first = f"(select * replace (cost_first_krw as cost_krw) from {relation})"
        reports = [("", relation, "true")]
        if platform == "google_ads":
            half = world.start + timedelta(days=world.days // 2)
            reports = [("", first, f"day < date '{half}'"), ("_restated", relation, "true")]
        for suffix, rows, condition in reports:
            query = f"""
                select {columns} from {rows} as reported
                where platform = '{platform}' and {condition} order by all"""
            name = f"inbox/ads/{platform}_{world.start:%Y%m%d}{suffix}.csv"
            publisher.put(name, lambda draft, query=query: engine.write_csv(query, draft))


def expected_rejects(engine: Engine) -> list[tuple[str, int, str, str]]:
    """(file below the inbox, line, field, value) of every outcome that cannot be read."""
    found = []
    for file, lines in _outcome_files(engine):
        for number, line in enumerate(lines, 1):
            found += [
                (file.removeprefix("inbox/"), number, field, value)
                for at, field, text in BROKEN_OUTCOMES
                if (at, text) == (number, line)
                for value in ["2026-13-40T10:00:00+09:00" if field == "occurred_at" else text]
            ]
    return found


def _write_consents(engine: Engine, publisher: Publisher) -> None:
    for stem, columns, condition in (
        ("consent_log", "* exclude (month, is_from_showroom)", "not is_from_showroom"),
        ("showroom", "* exclude (month, is_from_showroom, consent_id)", "is_from_showroom"),
    ):
        _by_month(engine, publisher, "consent_rows", f"inbox/consent/{stem}", columns, condition)


def _by_month(
    engine: Engine,
    publisher: Publisher,
    view: str,
    stem: str,
    columns: str = "* exclude (month)",
    condition: str = "true",
) -> None:
    for month in _months(engine, f"{view} where {condition}"):
        query = f"select {columns} from {view} where month = '{month}' and {condition}"
        publisher.put(
            f"{stem}_{month}.csv", lambda draft, query=query: engine.write_csv(query, draft)
        )


def _months(engine: Engine, view: str) -> list[str]:
    return [month for (month,) in engine.rows(f"select distinct month from {view} order by month")]


def _write_outcomes(engine: Engine, publisher: Publisher) -> None:
    for name, lines in _outcome_files(engine):
        publisher.put(name, lambda draft, lines=lines: _write_lines(draft, lines))


def _outcome_files(engine: Engine) -> Iterator[tuple[str, list[str]]]:
    months = _months(engine, "outcome_rows")
    for month in months:
        records = engine.records(
            f"select * exclude (month) from outcome_rows where month = '{month}'"
        )
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        if month == months[0]:
            for line, _, text in BROKEN_OUTCOMES:
                lines.insert(line - 1, text)
        yield f"inbox/offline/outcomes_{month}.ndjson", lines


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
