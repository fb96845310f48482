"""docs/tables.md says of the tables what their YAML says."""

import tables_page


def test_the_page_of_tables_is_made_from_the_yaml():
    text = tables_page.PAGE.read_text(encoding="utf-8")
    assert len(tables_page.MARKS.findall(text)) == 4
    made = tables_page.page(text)
    assert made.count("\n| `stg_") > 20
    assert made == text, "docs/tables.md is not up to date: python tools/tables_page.py"


def test_every_page_that_a_table_names_is_of_a_table_that_there_is():
    known = {path.stem for path in (tables_page.ROOT / "models").rglob("*.sql")}
    assert set(tables_page.PAGES) <= known


def test_a_cell_keeps_to_its_column():
    assert tables_page.line("a | b\n  c") == "a \\| b c"
