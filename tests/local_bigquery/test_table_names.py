"""Table paths are found in SQL however they are written, and nothing else is touched."""

import pytest

from local_bigquery.names import join_paths

DATASETS = {("p-1", "d"), ("other", "x")}


@pytest.mark.parametrize(
    ("written", "joined"),
    [
        ("select * from `p-1`.`d`.`t`", "select * from `p-1.d.t` as `t`"),
        ("select * from p-1.d.t as a", "select * from `p-1.d.t` as a"),
        ("select t.a from d.t where t.a = 1", "select t.a from `p-1.d.t` as `t` where t.a = 1"),
        ("from `p-1.d`.t a join other.x.u using (k)",
         "from `p-1.d.t` a join `other.x.u` as `u` using (k)"),
        ("select * from d.`events_*`", "select * from `p-1.d.events_*`"),
        ("insert into d.t (a) values (1)", "insert into `p-1.d.t` (a) values (1)"),
        ("create table if not exists `p-1`.`d`.`t` (a int64)",
         "create table if not exists `p-1.d.t` (a int64)"),
        ("from `p-1`.`d`.INFORMATION_SCHEMA.COLUMNS c",
         "from `p-1.d.INFORMATION_SCHEMA.COLUMNS` c"),
        ("select 'from d.t', d.t -- from d.t", "select 'from d.t', d.t -- from d.t"),
        ("select `a`.`b` from nowhere.t", "select `a`.`b` from nowhere.t"),
        ("select r'\\x{2010}' from d.t as t", "select r'\\x{2010}' from `p-1.d.t` as t"),
    ],
)  # fmt: skip
def test_a_path_is_one_name(written: str, joined: str) -> None:
    assert join_paths(written, "p-1", DATASETS) == joined
