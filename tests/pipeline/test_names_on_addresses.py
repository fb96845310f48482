"""Names on one address: splink's public records as guest orders, and names as Koreans write them.

Of `fake_1000` the cluster is who somebody is. Names are misspelt on purpose, and addresses too: of
all pairs of one human whose addresses both are addresses, 57 % have the same one.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest

from demo_workspace import AS_OF, MARU, madang, tables_of

MOMENT = "2026-10-20T10:00:00+09:00"
ORDERS = "order_id customer_no email phone name status ordered_at updated_at amount currency"
ADDRESS = re.compile(r"[^@ ]+@[^@ ]+[.][^@ ]+")
CUSTOMERS = "customer_no name phone email tier region registered_at"


def built(root: Path, orders: Iterable[tuple], customers: Iterable[tuple] = ()) -> dict[str, str]:
    """The person of each order and customer of a company with these (id, customer, mail, name)."""
    text = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    rows = [[i, c, mail, "", name, "paid", MOMENT, MOMENT, 1, ""] for i, c, mail, name in orders]
    put(root / "inbox/shop/orders.csv", ORDERS, rows)
    rows = [[number, name, "", mail, "", "", "2026-01-01"] for number, mail, name in customers]
    put(root / "inbox/crm/customers.csv", CUSTOMERS, rows)
    for step in ("load", "build"):
        ended = madang(root, step, COLUMNS="200")
        assert ended.code in (0, 3), ended.told
    with tables_of(root) as tables:
        found = tables.rows("""
            select record_id, person_id from madang_identity.record_persons
            where person_id is not null""")
    return dict(found)


def put(path: Path, header: str, rows: Iterable[Iterable]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(), *rows])


@pytest.mark.reference
def test_misspelt_names_leave_an_address_to_its_owner(
    tmp_path: Path, reference: Path, measured: Callable
) -> None:
    with (reference / "fake_1000/fake_1000.csv").open(encoding="utf-8") as file:
        people = {f"O{row['unique_id']}": row for row in csv.DictReader(file)}
    orders = [
        (number, "", one["email"], f"{one['first_name']} {one['surname']}".strip())
        for number, one in people.items()
    ]
    found = built(tmp_path, orders)
    pairs = [(people[a], people[b], found[a] == found[b]) for a, b in combinations(found, 2)]
    right = sum(same and one["cluster"] == other["cluster"] for one, other, same in pairs)
    made = sum(same for *_, same in pairs)
    # Those whose address is none are no orders of anybody, and nobody could tell.
    humans = defaultdict(int)
    for one in people.values():
        humans[one["cluster"]] += bool(ADDRESS.fullmatch(one["email"]))
    true = sum(number * (number - 1) // 2 for number in humans.values())
    measured(f"fake_1000: recall {right / true:.3f} of {true} pairs, precision {right / made:.4f}")
    assert right / true >= 0.55
    assert right == made


def test_names_of_one_address_are_compared_as_people_write_them(tmp_path: Path) -> None:
    """Of each address the first is a customer, the others are guests; the last three are others."""
    names = {
        "typo": ["강오타", "강오탸"],
        "script": ["오영어", "OH YOUNG EO"],
        "title": ["조호칭", "조호칭 고객님", "조 호칭님"],
        "turned": ["Hall Isla", "Isla Hall", "isla hal"],
        "gift": ["이보냄", "최받음"],
        "twice": ["이보냄", "최받음", "최받음"],
        "many": ["이보냄", "최받음", "박하나", "정두리"],
    }
    orders = [
        (f"{kind}{place}", "", f"{kind}@mail.example", name)
        for kind, (_, *others) in names.items()
        for place, name in enumerate(others)
    ]
    customers = [(f"C-{kind}", f"{kind}@mail.example", of[0]) for kind, of in names.items()]
    # Two customers of different names on one address are two people, whatever is alike.
    customers += [("A1", "home@mail.example", "김민아"), ("A2", "home@mail.example", "김민수")]
    customers += [("B1", "twin@mail.example", "김민아"), ("B2", "twin@mail.example", "김민야")]
    found = built(tmp_path, orders, customers)
    of_owner = {
        kind
        for kind in names
        if {found.get(f"{kind}{place}") for place in range(len(names[kind]) - 1)}
        == {found[f"C-{kind}"]}
    }
    assert of_owner == {"typo", "script", "title", "turned", "gift"}
    assert found.keys().isdisjoint({"twice0", "many0"})
    assert found["A1"] != found["A2"]
    assert found["B1"] == found["B2"], "registered twice, once with a slip"
