"""`madang parity` on the demo company, against figures counted from the shards by plain SQL."""

import csv
import json
from pathlib import Path

import duckdb
import pytest

from demo_workspace import Company, command

# As GA4 counts: every hit, every device, a session on each day that it has events on.
FIGURES = """
select
    strptime(event_date, '%Y%m%d')::date as date,
    count(*) as "Event count",
    count(case when event_name = 'page_view' then 1 end) as "Views",
    count(distinct user_pseudo_id) as "Total users",
    count(distinct case when user_pseudo_id is not null and session is not null
        then concat(user_pseudo_id, '/', session) end) as "Sessions"
from (
    select
        *,
        list_filter(event_params, lambda param: param.key = 'ga_session_id')[1].value.int_value
            as session
    from read_parquet('{folder}/events_2*.parquet', union_by_name = true)
)
group by all
order by 1
"""


@pytest.fixture(scope="module")
def figures(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parity") / "ga4.csv"
    with duckdb.connect() as connection:
        found = connection.execute(FIGURES.format(folder=company.root / "ga4"))
        names = [column[0] for column in found.description]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *found.fetchall()])
    return path


def parity(company: Company, *args: str | Path):
    return command("madang", "--config", company.root, "parity", *args)


def test_every_gap_to_the_shards_own_figures_is_explained(company: Company, figures: Path) -> None:
    ended = parity(company, figures, "--json", "--tolerance", "0")
    told = json.loads(ended.out)
    assert ended.code == 0, [gap for gap in told["gaps"] if not gap["is_explained"]]
    assert len(told["gaps"]) == 4 * len(figures.read_text().splitlines()[1:])
    events = [gap for gap in told["gaps"] if gap["metric"] == "event_count"]
    # every gap in events is copies of one hit, which the demo exports on purpose
    assert sum(gap["gap"] for gap in events) > 0
    assert {cause for gap in events for cause in gap["causes"]} == {"duplicates"}
    final = [day["is_final"] for day in told["days"]]
    assert final[0] and not final[-1]


def test_figures_that_nothing_explains_are_told(
    company: Company, figures: Path, tmp_path: Path
) -> None:
    lines = figures.read_text().splitlines()
    day, events, *rest = lines[5].split(",")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("\n".join([lines[0], ",".join([day, str(2 * int(events)), *rest]), "x,1"]))
    ended = parity(company, wrong)
    assert ended.code == 3, ended.told
    assert "Unexplained, 1 of 4 figures" in ended.out
    assert day in ended.out
    assert "wrong.csv:3: 'x' is not a day. Write it as 2026-10-31" in ended.out.replace("\n", " ")


def test_without_a_file_it_tells_what_became_of_the_export(company: Company) -> None:
    ended = parity(company)
    assert ended.code == 0, ended.told
    assert "duplicates" in ended.out
    assert "madang parity FILE" in ended.out


def test_another_property_is_refused(company: Company, figures: Path) -> None:
    ended = parity(company, figures, "--property", "123")
    assert ended.code == 2, ended.told
    assert "no property 123" in ended.err
