"""Exports that tools write: advertising platforms, Salesforce, the inquiry desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_workspace import csv_bytes, put, workspace
from madang import ingest
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, open_warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return workspace(tmp_path, "paths: {inbox: inbox, rejects: rejects}\n")


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with open_warehouse(settings) as opened:
        yield opened


def landed(
    settings: Settings, warehouse: Warehouse, name: str, data: bytes, table: str
) -> list[dict]:
    """Load one file of the inbox and return its rows, in their order."""
    put(settings.paths.inbox / name, data)
    (file,) = ingest.load(settings, warehouse).files
    assert (file.status, file.rejected) == ("loaded", 0), (file.skipped_reason, file.fix)
    return warehouse.fetch(f"select * from {warehouse.relation('raw', table)} order by _row")


def held(row: dict, wanted: dict) -> bool:
    return row | wanted == row


def test_google_ads_with_its_title_and_totals(settings, warehouse) -> None:
    rows = [
        ["Campaign report"],
        ["October 1, 2026 - October 2, 2026"],
        [
            "Day",
            "Customer ID",
            "Campaign",
            "Ad group",
            "Currency code",
            "Cost",
            "Impr.",
            "Clicks",
        ],
        ["2026-10-01", "123-456-7890", "brand", "exact", "KRW", "12,345.50", "1,000", "9"],
        ["Total: Account", "", "", "", "", "12,345.50", "1,000", "9"],
    ]
    data = csv_bytes(rows, "utf-16", "\t")
    (row,) = landed(settings, warehouse, "ads/google_202610.csv", data, "ads_google")
    assert held(row, {"cost": "12345.5", "impressions": "1000", "clicks": "9"})
    assert held(row, {"cost_date": "2026-10-01", "account_id": "123-456-7890"})


def test_google_ads_from_the_api_has_micros(settings, warehouse) -> None:
    rows = [
        [
            "segments.date",
            "customer.id",
            "customer.time_zone",
            "campaign.name",
            "metrics.cost_micros",
        ],
        ["2026-10-01", "1234567890", "Asia/Seoul", "brand", "12345500000"],
    ]
    (row,) = landed(settings, warehouse, "ads/google_api.csv", csv_bytes(rows), "ads_google")
    wanted = {"cost": None, "cost_micros": "12345500000", "account_time_zone": "Asia/Seoul"}
    assert held(row, wanted)


def test_meta_says_the_currency_in_the_header(settings, warehouse) -> None:
    rows = [["일", "캠페인 이름", "광고 세트 이름", "지출 금액 (USD)", "노출", "링크 클릭"]]
    rows += [["2026-10-01", "가을", "서울", "34.77", "100", "3"]]
    (row,) = landed(settings, warehouse, "ads/메타_10월.csv", csv_bytes(rows, "cp949"), "ads_meta")
    assert held(row, {"cost_usd": "34.77", "cost_krw": None, "ad_group": "서울", "clicks": "3"})


def test_naver_says_in_the_header_whether_tax_is_in(settings, warehouse) -> None:
    rows = [["일별", "캠페인", "광고그룹", "노출수", "클릭수", "총비용(VAT포함,원)"]]
    rows += [["2026.10.01.", "브랜드", "그룹", "1,000", "9", "22,000"]]
    (row,) = landed(settings, warehouse, "ads/naver.csv", csv_bytes(rows), "ads_naver")
    assert held(row, {"cost": None, "cost_with_vat": "22000", "cost_date": "2026-10-01"})


def test_kakao_and_tiktok(settings, warehouse) -> None:
    rows = [["일", "캠페인 이름", "광고그룹 이름", "노출수", "클릭수", "비용"]]
    rows += [["2026-10-01", "비즈보드", "그룹", "5", "1", "3,000"]]
    (row,) = landed(settings, warehouse, "ads/kakao.csv", csv_bytes(rows), "ads_kakao")
    assert held(row, {"cost": "3000", "campaign": "비즈보드"})
    rows = [["By Day", "Advertiser ID", "Campaign name", "Ad group name", "Cost", "Currency"]]
    rows += [["2026-10-01", "701", "launch", "all", "12.5", "USD"]]
    put(settings.paths.inbox / "ads/tiktok.csv", csv_bytes(rows))
    ingest.load(settings, warehouse)
    (row,) = warehouse.fetch(f"from {warehouse.relation('raw', 'ads_tiktok')}")
    assert held(row, {"cost": "12.5", "currency": "USD", "account_id": "701"})


SALESFORCE = {
    "Account": {"Name": "마루모터스", "Industry": "자동차"},
    "Contact": {"Name": "김마루", "Email": "a@maru.example", "HasOptedOutOfEmail": "true"},
    "Lead": {"Name": "김마루", "IsConverted": "true", "ConvertedContactId": "0035g00000ABCDE"},
    "Campaign": {"Name": "가을", "StartDate": "2026-10-01", "ActualCost": "1000000"},
    "CampaignMember": {"CampaignId": "7015g00000ABCDE", "HasResponded": "false"},
    "Opportunity": {"StageName": "Closed Won", "Amount": "30000000.0", "IsWon": "true"},
    "Case": {"CaseNumber": "00001026", "Origin": "Phone", "IsClosed": "false"},
    "Individual": {"HasOptedOutSolicit": "true", "ShouldForget": "false"},
}
TABLES = {
    "Account": "accounts",
    "Contact": "contacts",
    "Lead": "leads",
    "Campaign": "campaigns",
    "CampaignMember": "campaign_members",
    "Opportunity": "opportunities",
    "Case": "cases",
    "Individual": "individuals",
}


@pytest.mark.parametrize("name", SALESFORCE)
def test_the_bulk_api_names_its_files_and_columns_after_the_object(
    settings, warehouse, name: str
) -> None:
    fields = SALESFORCE[name] | {
        "CreatedDate": "2026-10-01T09:00:00.000Z",
        "SystemModstamp": "2026-10-02T09:00:00.000+0000",
        "IsDeleted": "false",
    }
    rows = [["Id", *fields], ["0015g00000ABCDEAA5", *fields.values()]]
    table = f"salesforce_{TABLES[name]}"
    (row,) = landed(settings, warehouse, f"salesforce/{name}.csv", csv_bytes(rows), table)
    assert held(row, {"id": "0015g00000ABCDEAA5", "is_deleted": "false"})
    assert row["modified_at"] == "2026-10-02T09:00:00+00:00"


def test_a_report_of_salesforce_has_labels_in_korean(settings, warehouse) -> None:
    rows = [["리드 ID", "이름", "리드 상태", "리드 소스", "전환됨", "휴대폰"]]
    rows += [["00Q5g00000ABCDE", "김마루", "신규", "웹", "0", "010-1234-5678"]]
    data = csv_bytes(rows, "cp949")
    (row,) = landed(settings, warehouse, "salesforce/leads_10월.csv", data, "salesforce_leads")
    assert held(row, {"is_converted": "false", "status": "신규", "mobile_phone": "010-1234-5678"})


def test_inquiries_of_a_korean_desk(settings, warehouse) -> None:
    rows = [
        "상담번호|접수일시|처리일시|접수채널|대분류|중분류|소분류|처리상태|병합번호|상담내용",
        "Q1|2026-10-01 09:00|2026-10-02 10:00|카카오톡|배송|지연|출고|통합|Q0|언제 오나요?",
    ]
    rows = [row.split("|") for row in rows]
    (row,) = landed(settings, warehouse, "inquiries/상담.csv", csv_bytes(rows), "inquiries")
    assert held(row, {"channel": "kakao", "status": "merged", "merged_into": "Q0"})
    assert held(row, {"category": "배송", "category_2": "지연", "category_3": "출고"})
