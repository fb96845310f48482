"""Who we are to another machine: a key in a header or address, a token of OAuth, or a signature.

Each sets its header itself, because requests lets a .netrc entry replace a plain one. Tokens by
OAuth 2.0: client credentials (RFC 6749, 4.4), a refresh token (6), a signed JWT (RFC 7523).
"""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from requests import PreparedRequest
from requests.auth import AuthBase

from madang.errors import ConfigError
from madang.http.address import read_address
from madang.http.exchange import read_json

if TYPE_CHECKING:
    from madang.http.client import Client

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EARLY = 60.0  # seconds before its end that a token is renewed


class Auth(AuthBase):
    """What a request carries to say who sends it. By itself nothing."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def prepare(self, client: "Client") -> None:
        """Get what the next request needs, such as a token."""

    def renew(self) -> bool:
        """Forget what was refused with 401; say whether there may be another one."""
        return False

    def redact(self, text: str) -> str:
        """Take the secret out of a text: some answers to a wrong key repeat it."""
        return text


class Header(Auth):
    """A key in a header of the given name."""

    def __init__(self, name: str, value: str, prefix: str = "") -> None:
        self._name, self._value, self._prefix = name, value, prefix

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers[self._name] = self._prefix + self._value
        return request

    def redact(self, text: str) -> str:
        return text.replace(self._value, "[key]")


class Bearer(Header):
    """A key as `Authorization: Bearer`."""

    def __init__(self, key: str) -> None:
        super().__init__("Authorization", key, "Bearer ")


class Query(Auth):
    """A key in the address, for those who take it nowhere else, beside parameters that are none.

    Libraries write addresses into their logs; it is taken out there.
    """

    def __init__(self, params: Mapping[str, str], name: str, value: str) -> None:
        self._params, self._value = {**params, name: value}, value
        logging.getLogger("urllib3.connectionpool").addFilter(self._hide)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.prepare_url(request.url, self._params)
        return request

    def redact(self, text: str) -> str:
        return text.replace(self._value, "[key]").replace(quote(self._value, safe=""), "[key]")

    def _hide(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.redact(record.getMessage()), ()
        return True


class Signature(Auth):
    """An HMAC-SHA256 over the moment and the body: `t=1767225600,v1=<hex>` in one header.

    What is signed is the moment, a point and the body, so that an old request cannot be repeated.
    """

    def __init__(
        self, secret: str, header: str = "X-Madang-Signature", wall: Callable[[], float] = time.time
    ) -> None:
        self._secret, self._header, self._wall = secret.encode(), header, wall

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        moment = str(int(self._wall()))
        signed = moment.encode() + b"." + (body.encode() if isinstance(body, str) else body)
        digest = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        request.headers[self._header] = f"t={moment},v1={digest}"
        return request


@dataclass(frozen=True)
class ClientCredentials:
    """The form of a token request by id and secret; `account_id` where there are several."""

    client_id: str
    client_secret: str = field(repr=False)
    account_id: str | None = None

    def hidden(self) -> tuple[str, ...]:
        """Return what no text may repeat."""
        return (self.client_secret,)

    def form(self) -> dict[str, str]:
        account = {"account_id": self.account_id} if self.account_id else {}
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            **account,
        }


@dataclass(frozen=True)
class RefreshToken:
    """The form of a token request by a refresh token that a person once allowed."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def hidden(self) -> tuple[str, ...]:
        """Return what no text may repeat."""
        return (self.client_secret, self.refresh_token)

    def form(self) -> dict[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }


@dataclass(frozen=True)
class SignedJwt:
    """The form of a token request by a JWT, signed anew (RS256) each time.

    `where` names the place of the key in an error.
    """

    claims: Mapping[str, str]
    private_key: bytes | str = field(repr=False)
    seconds: int
    where: str
    key_id: str | None = None

    def hidden(self) -> tuple[str, ...]:
        """Return nothing: the key itself never leaves."""
        return ()

    def form(self) -> dict[str, str]:
        """Raises ConfigError where the package is missing or the key is none."""
        try:
            import jwt
        except ImportError as error:
            raise ConfigError(
                "Logging in with a signed JWT needs packages that are not installed.",
                where=self.where,
                fix="pip install 'madang[salesforce]', or log in another way.",
            ) from error
        now = int(time.time())
        claims = {**self.claims, "iat": now, "exp": now + self.seconds}
        headers = {"kid": self.key_id} if self.key_id else None
        try:
            told = jwt.encode(claims, self.private_key, algorithm="RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigError(
                "The private key cannot be used: it is no unencrypted RSA key in PEM.",
                where=self.where,
                fix="Make one: openssl genrsa -out private.key 2048",
            ) from error
        return {"grant_type": JWT_GRANT, "assertion": told}


class Token(Auth):
    """A token that a token endpoint gives for a form; renewed before it ends and when refused.

    `names_host`: the endpoint's answer says where the token is good (`instance_url`).
    """

    def __init__(
        self,
        url: str,
        grant: ClientCredentials | RefreshToken | SignedJwt,
        *,
        fix: str,
        names_host: bool = False,
    ) -> None:
        self._url, self._grant, self._fix, self._names_host = url, grant, fix, names_host
        self._token: str | None = None
        self._good_until = 0.0

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def prepare(self, client: "Client") -> None:
        """Log in where there is no token that is still good."""
        if self._token is not None and client.clock() < self._good_until:
            return
        self._token = None
        asked_at = client.clock()
        reply = client.send("POST", self._url, auth=Auth(), data=self._grant.form())
        said = read_json(reply.content)
        if not reply.is_good or not isinstance(said, dict):
            why = self.redact(_why(said)) or reply.status
            raise client.refused(f"refused the login ({why})", self._fix)
        token, seconds = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise client.refused("'s login gave no access token", self._fix)
        if self._names_host and said.get("instance_url"):
            client.url = self._host(client, said["instance_url"])
        lasts = float(seconds) if type(seconds) in (int, float) else float("inf")
        self._token, self._good_until = token, asked_at + max(0.0, lasts - EARLY)

    def renew(self) -> bool:
        self._token = None
        return True

    def redact(self, text: str) -> str:
        for secret in filter(None, (self._token, *self._grant.hidden())):
            text = text.replace(secret, "[key]")
        return text

    def _host(self, client: "Client", told: Any) -> str:
        try:
            is_safe = read_address(str(told)).is_safe
        except ValueError:
            raise client.refused(" named an address that cannot be read", self._fix) from None
        if not is_safe:
            raise client.refused(" named an address without encryption", self._fix)
        return str(told).rstrip("/")


def _why(said: Any) -> str:
    told = said if isinstance(said, dict) else {}
    names = ("error", "error_description")
    return ": ".join(str(told[name])[:300] for name in names if told.get(name))
