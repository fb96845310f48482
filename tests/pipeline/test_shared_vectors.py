"""The SQL macros of contacts and keys, rendered by dbt and run, held to vectors written by hand.

`tests/vectors/*.csv` also hold the loader's Python (test_ingest_contacts.py): both sides must bring
one number, one address to one spelling, or a person falls apart.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from demo_workspace import REPOSITORY
from inquiry_texts import inquiries
from madang.build.dbt import run_dbt
from madang.ingest.checks.contacts import is_sha256
from madang.ingest.checks.signs import visible
from madang.ingest.checks.values import fold
from madang.settings.workspace import load_settings

SEED = REPOSITORY / "seeds" / "placeholder_ids.csv"
VECTORS = REPOSITORY / "tests" / "vectors"
MACROS = {
    "phones": "{{ normalize_phone('input') }}",
    "emails": "{{ normalize_email('input') }}",
    "hashes": "{{ hash_as_given('input') }}",
    "google": "{{ hash_by_google('input') }}",
    "meta": "{{ hash_by_meta('input') }}",
    "names": "{{ name_key('input') }}",
    "visible": "{{ visible('input') }}",
    "words": "{{ word_key('input') }}",
    "keys": "{{ surrogate_key(['a', 'b']) }}",
    "placeholders": "{{ is_placeholder_id('input') }}",
    "personal": "{{ ga4_is_personal('text') }}",
    "masked": "{{ ga4_masked('text') }}",
    "inquiries": "{{ masked_inquiry('text') }}",
    "ids": "{{ ga4_masked_id('input') }}",
    "told": "{{ test_without_personal_data('texts', 'input') }}",
    "unhashed": "{{ test_hashed('texts', 'input', only=\"kind = 'email'\") }}",
}
PLATFORMS = {"google": "", "meta": "", "tiktok": "", "openai": "", "openai_conversions": ", true"}
for kind in ("phone", "email"):
    for platform, more in PLATFORMS.items():
        called = f"'{platform.split('_')[0]}', '{kind}', normalize_{kind}('input'){more}"
        MACROS[f"{kind}_{platform}"] = f"{{{{ platform_hash({called}) }}}}"
Query = Callable[[str, str], list[tuple]]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Run SQL in which `{}` is the rendered macro of that name, of Madang's own project."""
    scratch = tmp_path_factory.mktemp("vectors")
    (scratch / "madang.yml").write_text(f"version: 1\nproject: {REPOSITORY}\n", encoding="utf-8")
    text = "\n".join(f"@{name}@{call}" for name, call in MACROS.items())
    run_dbt(load_settings(scratch), ["compile", "--inline", text])
    (path,) = (scratch / "target" / "compiled").rglob("inline_query")
    compiled = path.read_text(encoding="utf-8")
    rendered = dict(re.findall(r"(?s)@(\w+)@(.*?)(?=\n@\w+@|\Z)", compiled))
    assert rendered.keys() == MACROS.keys()

    def run(name: str, sql: str) -> list[tuple]:
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as warehouse")
            connection.execute("create schema warehouse.madang_reference")
            connection.execute(
                "create table warehouse.madang_reference.placeholder_ids as "
                f"from read_csv('{SEED}', all_varchar = true, header = true)"
            )
            return connection.execute(sql.replace("{}", rendered[name])).fetchall()

    return run


@pytest.mark.parametrize("name", ["phones", "emails"])
def test_contacts_come_to_one_spelling(query: Query, name: str):
    file = VECTORS / f"{name}.csv"
    wrong = query(
        name,
        f"""
        select input, nullif(expected, '') as expected, {{}} as got
        from read_csv('{file}', all_varchar = true, header = true)
        where got is distinct from nullif(expected, '')""",
    )
    assert wrong == []
    lines = Path(file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    ((read, refused),) = query(
        name,
        f"""
        select count({{}}), count(*) - count({{}})
        from read_csv('{file}', all_varchar = true, header = true)""",
    )
    assert read + refused == len(lines) - 1
    assert min(read, refused) > 5


@pytest.mark.parametrize("name", ["phones", "emails"])
def test_nothing_stays_nothing(query: Query, name: str):
    for nothing in ("null::varchar", "''", "'   '"):
        assert query(name, f"select {{}} from (select {nothing} as input)") == [(None,)]


def test_what_came_as_a_hash_is_told_as_the_loader_tells_it(query: Query):
    file = VECTORS / "given_hashes.csv"
    rows = query(
        "hashes",
        f"select coalesce(input, ''), nullif(expected, ''), {{}} "
        f"from read_csv('{file}', all_varchar = true, header = true)",
    )
    assert [found for _, _, found in rows] == [expected for _, expected, _ in rows]
    assert [is_sha256(text) for text, *_ in rows] == [found is not None for *_, found in rows]
    assert len({found for *_, found in rows}) == 2


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["phone", "email"])
def test_match_keys_are_the_hashes_that_each_platform_makes(query: Query, kind: str, platform: str):
    """The file has the text that each platform hashes, of numbers and addresses in any spelling."""
    file = VECTORS / "match_keys.csv"
    rows = query(
        f"{kind}_{platform}",
        f"select input, {platform}, {{}} from read_csv('{file}', all_varchar = true, header = true)"
        f" where kind = '{kind}'",
    )
    assert len(rows) > 5
    assert [(text, found) for text, _, found in rows] == [
        (text, sha256(spelled)) for text, spelled, _ in rows
    ]


def test_hashes_of_others_are_those_of_their_spelling(query: Query):
    """Google: dots and tag out of the name at Gmail; Meta: a number without its +."""
    wanted = {
        "mina.kim+news@gmail.com": "minakim@gmail.com",
        "mina.kim@googlemail.com": "minakim@googlemail.com",
        "minakim@gmail.com": "minakim@gmail.com",
        "mina.kim@maru.example": None,
        "mina.kim@notgmail.com": None,
    }
    values = ", ".join(f"('{text}')" for text in wanted)
    found = dict(query("google", f"select input, {{}} from (values {values}) as t (input)"))
    assert found == {text: other and sha256(other) for text, other in wanted.items()}
    number = query("meta", "select {} from (values ('+821012345678')) as t (input)")
    assert number == [(sha256("821012345678"),)]


def test_a_name_is_one_name_in_every_way_to_write_it(query: Query):
    """Composed or not (NFC, NFD), with spaces or without: it only tells names apart."""
    same = ["김마루", "김 마루", " 김마루 ", "김　마루", unicodedata.normalize("NFD", "김마루")]
    same += ["김\u200b마루", "김\u00a0마루\u202c"]
    assert len(set(same)) == 7
    values = ", ".join(f"('{text}')" for text in same)
    ((keys,),) = query("names", f"select count(distinct {{}}) from (values {values}) as t (input)")
    assert keys == 1
    ((others,),) = query(
        "names", "select count(distinct {}) from (values ('김마루'), ('김나루')) as t (input)"
    )
    assert others == 2


def test_keys_of_neighbouring_columns_never_meet(query: Query):
    """Joined without a separator ('a', 'bc') is ('ab', 'c'); null is not the empty text."""
    rows = [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"), ("abc", None), (None, "abc")]
    rows += [("", ""), (None, None), ("", None), (None, ""), ("null", "null"), ("a|b", "c")]
    values = ", ".join(
        "(" + ", ".join("null::varchar" if v is None else f"'{v}'" for v in row) + ")"
        for row in rows
    )
    keys = query("keys", f"select {{}} from (values {values}) as t (a, b)")
    assert len({key for (key,) in keys}) == len(rows)
    assert {len(key) for (key,) in keys} == {32}, "128 bits as hexadecimal digits"


def test_what_stands_for_no_id_is_told_in_any_spelling(query: Query):
    placeholders = """(not set)|not_set|NOT SET| (not set)|[object Object]|object Object|NaN|guest
        |%5Bobject%20Object%5D|%255Bobject%2520Object%255D|[object+Object]|"null"|(null)|<null>
        |'undefined'|“none”|%22null%22|true|FALSE|-1|0|"0"|000|0.0|-|--|n/a|N/A|#N/A|none
        |not_authenticated|{{userId}}|{{ user.id }}|%7B%7BuserId%7D%7D|${userId}|%%USER_ID%%
        |{user_id}|<%= user.id %>|[[uid]]|00000000-0000-0000-0000-000000000000|()|{  }
        |비회원|user_id|anonymous"""
    ids = "T1|C00012345|1|10|0001|-2|1-0|id7|null1|a@b.example|guest_12|trueblue|x{y}|50%|true-a"
    for texts, expected in ((placeholders, True), (ids, False)):
        listed = [text.strip("\n ") for text in texts.split("|")]
        values = ", ".join("('" + text.replace("'", "''") + "')" for text in listed)
        found = query("placeholders", f"select input, {{}} from (values {values}) as t (input)")
        assert [text for text, told in found if told is not expected] == []
    assert query("placeholders", "select {} from (select null::varchar as input)") == [(False,)]


def test_the_same_signs_are_invisible_to_the_loader_and_to_sql(query: Query):
    """Every sign of Unicode that a warehouse can hold, one by one."""
    rows = query(
        "visible",
        """
        select number, {} from (
            select number, 'a' || chr(number) || 'b' as input
            from (select unnest(range(1, 1114112))::int as number)
            where number not between 55296 and 57343
        )""",
    )
    assert len(rows) == 1_114_111 - 2_048
    assert [number for number, text in rows if text != visible(f"a{chr(number)}b")] == []
    gone = {number for number, text in rows if text == "ab"}
    signs_of_format = {at for at in range(0x110000) if unicodedata.category(chr(at)) == "Cf"}
    assert gone >= signs_of_format | {0x115F, 0x1160, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100}
    assert not any(chr(number).isalnum() for number in gone - {0x115F, 0x1160, 0x3164, 0xFFA0})


def test_addresses_and_numbers_are_masked_and_ids_are_not(query: Query):
    """In URLs and titles; what passes the cheap look is exactly what the patterns change."""
    file = VECTORS / "ga4_personal_data.csv"
    vectors = f"read_csv('{file}', all_varchar = true, header = true)"
    got = f"select text, masked, {{}} as got from {vectors}"
    assert query("masked", f"from ({got}) where got is distinct from masked") == []
    assert query("personal", f"from ({got}) where got <> (text <> masked)") == []
    ((changed, kept),) = query(
        "masked", f"select countif(got <> text), countif(got = text) from ({got})"
    )
    assert min(changed, kept) > 12


def test_of_5000_inquiries_all_that_is_personal_is_masked_and_nothing_else(query: Query):
    """Telephones in 30 spellings and in words, accounts, addresses, ids, cards and e-mails."""
    written = list(inquiries(5000, seed=19))
    texts = ", ".join(f"({n}, '{text}')" for n, (text, _, _) in enumerate(written))
    rows = query("inquiries", f"select n, {{}} from (values {texts}) as texts (n, text)")
    found = dict(rows)
    wrong = [(text, found[n]) for n, (text, left, _) in enumerate(written) if found[n] != left]
    assert wrong == []
    planted = [(n, secret) for n, (*_, secrets) in enumerate(written) for secret in secrets]
    assert len(planted) > 3500
    letters = {n: re.sub(r"[^0-9가-힣A-Za-z]", "", text) for n, text in found.items()}
    spelled = [(n, re.sub(r"[^0-9가-힣A-Za-z]", "", secret)) for n, secret in planted]
    assert [(n, secret) for n, secret in spelled if secret in letters[n]] == []


def test_a_user_id_that_is_personal_is_the_hash_of_its_one_spelling(query: Query):
    values = (
        "('kim@example.com'), ('KIM%40Example.com'), (' kim@example.com'), ('010-1234-5678'), "
        "('+821012345678'), ('C01012345'), ('20260101010'), (null)"
    )
    rows = query("ids", f"select input, {{}} from (values {values}) as ids (input)")
    masked = dict(rows)
    address = f"masked:{hashlib.sha256(b'kim@example.com').hexdigest()}"
    number = f"masked:{hashlib.sha256(b'+821012345678').hexdigest()}"
    assert masked["kim@example.com"] == masked["KIM%40Example.com"] == address
    assert masked[" kim@example.com"] == address
    assert masked["010-1234-5678"] == masked["+821012345678"] == number
    kept = ["C01012345", "20260101010", None]
    assert [masked[same] for same in kept] == kept


def test_among_a_million_hashes_and_ids_none_is_taken_for_a_number(query: Query):
    """Some hundred of them begin or end like a telephone number, or hold one between dashes."""
    values = """
        select sha256(n::varchar) as input from range(1000000) as numbers (n)
        union all select md5(n::varchar) from range(1000000) as numbers (n)
        union all select concat('masked:', sha256(n::varchar)) from range(300000) as numbers (n)
        union all select uuid()::varchar from range(1000000)
        union all select unnest([
            '01012345678' || repeat('a', 53), repeat('b', 53) || '01012345678',
            '82101234-5678-abcd-9abc-123456789abc', '0101234567', 'C01012345678', '20260101010',
            '1793286000.0101234567', 'k_01012345678', '01012345678.01012345678'])"""
    assert query("told", f"with texts as ({values}) {{}}") == []


def test_addresses_and_numbers_among_ids_are_found(query: Query):
    planted = ["01012345678", "010-1234-5678", "+82 10 1234 5678", "Tel. 010 1234 5678!"]
    planted += ["kim@maru.example", "KIM@MARU.EXAMPLE"]
    found = query("told", f"with texts as (select unnest({planted}) as input) {{}}")
    assert sorted(text for (text,) in found) == sorted(planted)


def test_what_is_no_hash_is_found_where_hashes_belong(query: Query):
    rows = f"""
        select * from (values
            ('email', '{sha256("kim@maru.example")}'), ('email', 'kim'), ('email', null),
            ('email', '{sha256("kim@maru.example").upper()}'), ('crm_id', 'C1')
        ) as texts (kind, input)"""
    found = query("unhashed", f"with texts as ({rows}) {{}}")
    assert found == [("kim",), (sha256("kim@maru.example").upper(),)]


def test_words_of_lists_are_spelt_alike_by_the_loader_and_the_warehouse(query: Query) -> None:
    vectors = {
        "설치 완료": "설치완료",
        " Test\u00a0Drive\t": "testdrive",
        "ＣＨＡＲＧＥＲ": "charger",
        "노\u200b쇼": "노쇼",
        "노쇼": "노쇼",
        "설\u3000치": "설치",
        "no-show": "no-show",
    }
    values = ", ".join(f"('{text}')" for text in vectors)
    rows = query("words", f"select input, {{}} from (values {values}) as texts (input)")
    assert dict(rows) == vectors
    assert {text: fold(text) for text in vectors} == vectors
