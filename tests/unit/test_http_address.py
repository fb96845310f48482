"""One reading of an address: what two parsers may read in two ways is refused."""

from urllib.parse import urlsplit

import pytest
from urllib3.util import parse_url

from madang.http.address import checked, is_loopback, read_address

PLAIN = [
    ("https://rest.kr-01.braze.com", "rest.kr-01.braze.com", False),
    ("https://maru.my.salesforce.com/", "maru.my.salesforce.com", False),
    ("HTTPS://Rest.Braze.Example:8443/api", "rest.braze.example", False),
    ("https://xn--3e0b707e.example", "xn--3e0b707e.example", False),
    ("https://1.example", "1.example", False),
    ("http://127.0.0.1:8123", "127.0.0.1", True),
    ("http://127.8.0.1", "127.8.0.1", True),
    ("http://localhost:1", "localhost", True),
    ("HTTP://LOCALHOST", "localhost", True),
    ("http://[::1]:80", "::1", True),
    ("http://10.0.0.1", "10.0.0.1", False),
    ("http://localhost.evil.example", "localhost.evil.example", False),
]
ODD = [
    "http://evil.example\\@127.0.0.1",
    "http://127.0.0.1\\.evil.example",
    "http:\\\\127.0.0.1",
    "http://127.0.0.1@evil.example",
    "http://user:word@127.0.0.1",
    "http://127.0.0.1:80@evil.example",
    "http://127.0.0.1#@evil.example",
    "http://127.0.0.1?@evil.example",
    "http://127.0.0.1 .evil.example",
    " http://127.0.0.1",
    "http://127.0.0.1\n",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\u200b",
    "http://１２７.0.0.1",
    "http://127。0。0。1",
    "http://①②⑦.0.0.1",
    "http://한국.example",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0x7f000001",
    "http://127.1",
    "http://0177.0.0.1",
    "http://127.0.0.256",
    "http://127.0.0.1.",
    "http://[::1%25lo]",
    "http://[::1%lo]",
    "http://[::1",
    "http://[1]",
    "http://[v1.x]",
    "http://::1",
    "http://-a.example",
    "http://a..example",
    "http://.example",
    "http://a.example:0",
    "http://a.example:99999",
    "http://a.example:",
    "http://",
    "http:/a.example",
    "http:a.example",
    "//a.example",
    "ftp://a.example",
    "file:///etc/passwd",
    "https:///a.example",
    f"https://{'a' * 64}.example",
]


@pytest.mark.parametrize(("text", "host", "is_here"), PLAIN)
def test_a_plain_address_is_what_every_parser_reads(text: str, host: str, is_here: bool) -> None:
    found = read_address(text)
    assert (found.host, found.is_loopback, is_loopback(text)) == (host, is_here, is_here)
    assert found.is_safe == (is_here or text.lower().startswith("https"))
    assert urlsplit(text).hostname == host
    assert (parse_url(text).host or "").strip("[]") == host


@pytest.mark.parametrize("text", ODD)
def test_an_odd_address_is_none_and_never_this_machine(text: str) -> None:
    with pytest.raises(ValueError, match="is not an http"):
        checked(text)
    assert not is_loopback(text)


def test_what_is_wrong_is_told_without_a_password() -> None:
    with pytest.raises(ValueError, match="holds an @ or a backslash") as told:
        checked("https://user:word@braze.example")
    assert "word" not in str(told.value)
