"""Where a request goes: one reading of an address, for the checks and for the connection alike.

Parsers disagree about what is odd: `http://a.example\\@127.0.0.1` is this machine to one and
a.example to the next, which has the key then. So only what all of them read alike is an address.
"""

import ipaddress
import re
from dataclasses import dataclass

PLAIN = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[a-z0-9._~+=,:%-]*)*)",
    re.IGNORECASE | re.ASCII,
)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A readable address. `host` is in lower case, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int | None

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_safe(self) -> bool:
        """Whether a key may go there: encrypted, or not over a network."""
        return self.scheme == "https" or self.is_loopback


def read_address(text: str) -> Address:
    """Read an address. Raises ValueError, with what is wrong, for all that is not plain."""
    found = PLAIN.fullmatch(text)
    if found is None:
        raise ValueError(_oddity(text))
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    if port and not 0 < int(port) < 65536:
        raise ValueError("has a port that no machine has")
    if host.startswith("["):
        host = str(ipaddress.IPv6Address(host[1:-1]))  # its error is a ValueError
    else:
        labels = host.removesuffix(".").split(".")
        if NUMBER.fullmatch(labels[-1]):
            host = str(ipaddress.IPv4Address(host))
        elif len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
            raise ValueError("has a host name that is none")
    return Address(scheme, host, int(port) if port else None)


def is_loopback(url: str) -> bool:
    """Say whether an address is this machine; what cannot be read is not."""
    try:
        return read_address(url).is_loopback
    except ValueError:
        return False


def checked(text: str) -> str:
    """Return an address as it is. Raises ValueError in words for a person."""
    try:
        read_address(text)
    except ValueError as error:
        shown = "The address" if "@" in text else f"'{text}'"  # a password may stand before the @
        message = f"{shown} is not an http(s) address: it {error}."
        if isinstance(error, ipaddress.AddressValueError):
            message = f"{shown} is not an http(s) address: its number is not a plain IP address."
        raise ValueError(message) from None
    return text


def _oddity(text: str) -> str:
    """Say what keeps a text from being an address."""
    if not re.match(r"https?://", text, re.IGNORECASE):
        return "does not begin with https://"
    rest = text.partition("://")[2]
    if not rest.isascii():
        return "holds a letter outside ASCII (write such a host name as xn--…)"
    if any(sign.isspace() or not sign.isprintable() for sign in rest):
        return "holds a space or a character that cannot be seen"
    if "@" in rest or "\\" in rest:
        return "holds an @ or a backslash, which may hide where it leads"
    if "?" in rest or "#" in rest:
        return "goes on with ? or #; give it without"
    return "has a host, port or path that is not plain"
