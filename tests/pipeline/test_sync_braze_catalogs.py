"""Items of a catalog at a strict local Braze: made, replaced, deleted, refused one by one."""

import json
from contextlib import closing
from types import SimpleNamespace

import pytest

from madang.erase.lists import memberships
from madang.errors import SpecError
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationRefused, SyncError
from madang.sync.describe import describe
from madang.sync.destinations.braze.destination import BrazeSettings
from madang.sync.destinations.registry import open_by_name
from madang.sync.spec import load_specs
from sync_place import Place

KEY = "11111111-2222-3333-4444-555555555555"
FIELDS = {"name": "string", "price": "number", "in_stock": "boolean", "changed": "time"}
TYPES = ", ".join(f"{name}: {{type: {kind}}}" for name, kind in FIELDS.items())
OPTIONS = f", catalog: products, item_id: product_id, fields: {{{TYPES}}}"


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        sandbox.catalogs.create("products", FIELDS)
        yield sandbox


@pytest.fixture
def place(tmp_path, braze):
    settings = BrazeSettings(url=braze.url, key_env="TEST_BRAZE_KEY")
    environ = {"TEST_BRAZE_KEY": KEY}
    shape = {"name": "catalog_items", "key": "item_id", "more": OPTIONS, "of_persons": False}
    return Place(tmp_path, "braze", settings, environ, **shape)


def item(key, *, held=None, catalog="products", **told):
    return key, catalog, json.dumps(told), held


def calls(braze) -> list[tuple[str, int]]:
    return [(one["path"], one["objects"]) for one in braze.log()]


def test_items_are_made_replaced_whole_and_deleted(place, braze):
    rows = [item(f"p{number}", name="Cable", price="12.5") for number in range(60)]
    first = item("p0", name="Charger", price="1200000", in_stock="true", changed="1793491200123456")
    result = place.sync(first, *rows[1:])
    assert (result.status, result.accepted) == ("succeeded", 60)
    # one question for the catalogs, then 50 items and 10
    assert [objects for _, objects in calls(braze)] == [0, 50, 10]
    items = braze.catalogs.items()["products"]
    assert items["p0"] == {
        "name": "Charger",
        "price": 1200000,
        "in_stock": True,
        "changed": "2026-11-01T00:00:00.123+00:00",
    }
    assert items["p1"] == {"name": "Cable", "price": 12.5}
    assert place.sync(first, *rows[1:]) is None  # nothing changed, nothing is sent
    result = place.sync(item("p0", name=None, price="5"), *rows[2:])
    assert (result.accepted, len(calls(braze))) == (2, 6)  # a question, one put, one delete
    items = braze.catalogs.items()["products"]
    assert (items["p0"], "p1" in items, len(items)) == ({"price": 5}, False, 59)


def test_an_item_that_cannot_be_sent_is_rejected_alone_and_said_by_what_is_wrong(place, braze):
    bad = [
        item("with space", name="a"),
        item("p1", name="x" * 5001),
        item("p2", price="cheap"),
        item("p3", in_stock="perhaps"),
        item("p4", changed="yesterday"),
        item("p5", colour="red"),
        item("p6", price="1e999"),
    ]
    result = place.sync(*bad, item("p7", name="x" * 5000, price="-0.5"))
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 7)
    problems = {row["sync_key"]: row["problem"] for row in place.ledger("sync_rejects")}
    assert problems == {
        "with space": "Its id is not 1 to 250 letters, digits, - and _.",
        "p1": "Its name has more than 5,000 characters.",
        "p2": "Its price is no number.",
        "p3": "Its in_stock is neither true nor false.",
        "p4": "One of its moments is not in microseconds since 1970.",
        "p5": "It has the field 'colour', which the sync does not declare.",
        "p6": "Its price is larger than a number can be.",
    }
    assert braze.catalogs.items()["products"] == {"p7": {"name": "x" * 5000, "price": -0.5}}


def test_an_item_that_braze_names_is_rejected_and_the_others_go_again(place, braze, monkeypatch):
    errors = {"p3": [{"id": "invalid-ids", "message": "No.", "parameter_values": ["p3"]}]}
    write = braze.catalogs.write

    def refusing(catalog, body, *, deletes):
        for key, found in errors.items():
            if f'"{key}"' in body.decode():
                return 400, {"errors": found, "message": "Invalid Request"}
        return write(catalog, body, deletes=deletes)

    monkeypatch.setattr(braze.catalogs, "write", refusing)
    result = place.sync(*[item(f"p{number}", name="a") for number in range(5)])
    assert (result.accepted, result.rejected) == (4, 1)
    (reject,) = place.ledger("sync_rejects")
    assert (reject["sync_key"], reject["problem"]) == ("p3", "invalid-ids: No.")
    # the question, the whole, the four others
    assert len(calls(braze)) == 3


def test_an_item_that_braze_does_not_name_is_found_by_halving(place, braze):
    braze.faults.add("fatal", times=None, keys=("p17",))
    result = place.sync(*[item(f"p{number}", name="a") for number in range(50)])
    assert (result.accepted, result.rejected) == (49, 1)
    assert "p17" not in braze.catalogs.items()["products"]


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 503}])
def test_what_has_no_answer_goes_again(place, braze, fault):
    braze.faults.add(after=1, **fault)
    result = place.sync(*[item(f"p{number}", name="a") for number in range(3)])
    assert (result.status, len(braze.catalogs.items()["products"])) == ("succeeded", 3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "Braze has no catalog 'products'."),
        ({"products": {"name": "string"}}, "has no field changed, in_stock, price."),
        (
            {"products": {**FIELDS, "price": "string"}},
            "price is of the type string there and number here.",
        ),
    ],
)
def test_a_catalog_that_is_missing_or_another_one_stops_the_run_before_anything(
    tmp_path, made, said
):
    with BrazeSandbox(key=KEY) as braze:
        for name, fields in made.items():
            braze.catalogs.create(name, fields)
        settings = BrazeSettings(url=braze.url, key_env="TEST_BRAZE_KEY")
        shape = {"name": "catalog_items", "key": "item_id", "more": OPTIONS, "of_persons": False}
        there = Place(tmp_path, "braze", settings, {"TEST_BRAZE_KEY": KEY}, **shape)
        with pytest.raises(DestinationRefused, match=said) as stop:
            there.sync(item("p1", name="a"))
        assert "Data Settings > Catalogs" in stop.value.fix
        assert [path for path, _ in calls(braze)] == ["/catalogs"]
        with open_by_name_of(there) as destination:
            looks = list(destination.look(load_specs(there.settings.project_dir)))
        assert [(one.status, said in one.detail) for one in looks if "catalog " in one.name] == [
            ("problem", True)
        ]


def open_by_name_of(there):
    return closing(open_by_name("braze", there.settings, environ=there.environ))


def test_doctor_asks_for_the_catalog_and_each_permission(place, braze):
    with open_by_name_of(place) as destination:
        looks = {
            one.name: one.status for one in destination.look(load_specs(place.settings.project_dir))
        }
    wanted = dict.fromkeys(("catalogs.replace_items", "catalogs.delete_items", "users.delete"))
    assert looks == {"catalog products": "ok", **dict.fromkeys(wanted, "ok")}
    braze.permissions = frozenset({"catalogs.get", "catalogs.replace_items"})
    with open_by_name_of(place) as destination:
        looks = {
            one.name: one.status for one in destination.look(load_specs(place.settings.project_dir))
        }
    assert looks["catalogs.delete_items"] == "problem"
    assert braze.catalogs.items() == {"products": {}}


def test_items_of_a_catalog_that_is_gone_need_no_deletion(place, braze):
    # the sync wrote to both; somebody deleted the old one, and its items leave the model
    braze.catalogs.create("old", FIELDS)
    place.sync(item("p1", name="a"), item("p2", name="a", catalog="old"))
    del braze.catalogs._fields["old"]
    result = place.sync(item("p1", name="a"))
    assert (result.status, result.accepted) == ("succeeded", 1)


def test_a_model_with_persons_is_not_sent_to_a_catalog(place):
    place.of_persons = True
    place.want(item("p1", name="a"))
    with pytest.raises(SyncError, match="has the column person_id"):
        place.plan()


def test_items_without_an_id_are_counted_as_rows(place):
    place.want(item("p1", name="a"), *[item(None, name="a", held="no_item_id")] * 2)
    assert place.plan().held_back == {"no_item_id": 2}


def test_keys_about_persons_and_fields_that_braze_cannot_have_are_refused(place):
    path = place.settings.project_dir / "models/activation/_one__exposures.yml"
    text = path.read_text()
    path.write_text(text.replace("key: item_id", "key: item_id, channels: [email]"))
    with pytest.raises(SpecError, match="are of no persons, so 'channels' says nothing"):
        load_specs(place.settings.project_dir)
    path.write_text(text.replace("name: {type: string}", "id: {type: string}"))
    with pytest.raises(SpecError, match="but not id"):
        load_specs(place.settings.project_dir)


def test_describe_says_what_to_make_and_which_rows_do_not_fit(place, capsys):
    place.want(item("p1", name="a"), item("p2", price="cheap"))
    assert describe(place.settings, "one_sync") == 1
    shown = capsys.readouterr().out
    assert "catalog products" in shown
    assert "in_stock" in shown
    assert "1 row of products: Its price is no number." in shown


def test_an_erasure_takes_no_item_whose_id_looks_like_a_persons_number(place):
    place.sync(item("C1", name="a"))
    person = SimpleNamespace(numbers=["C1"], match_keys=lambda: ["C1"])
    with place.warehouse() as warehouse:
        assert memberships(place.settings, warehouse, person) == {}
