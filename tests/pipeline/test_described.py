"""Who reads a table of activity, marts or activation finds every column of it described.

dbt-bouncer holds the columns that the YAML lists; here the YAML is held to the tables.
"""

import json

from demo_workspace import Company, tables_of

LAYERS = ("models/activity/", "models/marts/", "models/activation/")
COLUMNS = """
    select schema_name, table_name, list(column_name order by column_index)
    from duckdb_columns()
    where not internal
    group by all
"""


def test_the_yaml_describes_the_columns_that_the_tables_have(company: Company) -> None:
    manifest = json.loads((company.root / "target" / "manifest.json").read_text(encoding="utf-8"))
    with tables_of(company.root) as tables:
        built = {(schema, name): set(columns) for schema, name, columns in tables.rows(COLUMNS)}
    seen, wrong = 0, []
    for node in manifest["nodes"].values():
        if (
            node["resource_type"] != "model"
            or node["package_name"] != "madang"
            or not node["original_file_path"].replace("\\", "/").startswith(LAYERS)
        ):
            continue
        columns = built[node["schema"], node["alias"]]
        described = {
            name.lower() for name, column in node["columns"].items() if column["description"]
        }
        seen += len(columns)
        wrong += [f"{node['name']}.{column} is not described" for column in columns - described]
        wrong += [f"{node['name']} has no column {column}" for column in described - columns]
    assert seen > 2500
    assert wrong == []
