"""Who we are to Salesforce: OAuth client credentials or a signed JWT, for an access token.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
"""

import time
from collections.abc import Mapping
from pathlib import Path

from madang.errors import ConfigError
from madang.http.address import read_address
from madang.settings.salesforce import SalesforceSettings
from madang.settings.secrets import given
from madang.settings.workspace import Settings

TOKEN_PATH = "/services/oauth2/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 180  # Salesforce takes at most five minutes


class Login:
    """The form that the token endpoint wants, with secrets from the environment alone."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None) -> None:
        """Raises ConfigError when madang.yml has no `salesforce:`, a secret is not set or cannot be
        used, or it would travel unencrypted to another machine.
        """
        self.org = org_of(settings)
        self._where = f"{settings.config_path}, salesforce"
        self._environ = given() if environ is None else environ
        if not read_address(self.org.url).is_safe:
            raise ConfigError(
                "Secrets and personal data would be sent unencrypted over the network.",
                where=f"{self._where}.url",
                fix="Use https://.",
            )
        self._client_id = self._secret("client_id_env", "the consumer key of the client app")
        if self.org.auth == "client_credentials":
            self._client_secret = self._secret("client_secret_env", "its consumer secret")
        else:
            self._username = self._secret("username_env", "the user that the app runs as")
            self._private_key = self._key()
        self.form()

    def form(self) -> dict[str, str]:
        """Return the fields of a token request; a JWT is signed anew each time."""
        if self.org.auth == "client_credentials":
            return {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": self._client_secret,
            }
        return {"grant_type": JWT_GRANT, "assertion": self._assertion()}

    def _assertion(self) -> str:
        try:
            import jwt
        except ImportError as error:
            raise ConfigError(
                "Logging in to Salesforce with a JWT needs packages that are not installed.",
                where=f"{self._where}.auth",
                fix="pip install 'madang[salesforce]', or use auth: client_credentials.",
            ) from error
        claims = {
            "iss": self._client_id,
            "sub": self._username,
            "aud": self.org.jwt_audience,
            "exp": int(time.time()) + JWT_SECONDS,
        }
        try:
            return jwt.encode(claims, self._private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigError(
                "The private key cannot be used: it is no unencrypted RSA key in PEM.",
                where=f"the file named by {self.org.private_key_env}",
                fix="Make one: openssl genrsa -out salesforce.key 2048",
            ) from error

    def _key(self) -> bytes:
        path = Path(self._secret("private_key_env", "the path of the private key (PEM)"))
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"The private key cannot be read: {error.strerror}.",
                where=f"the file named by {self.org.private_key_env}",
                fix="Correct the path, or the file's permissions.",
            ) from error

    def _secret(self, setting: str, meaning: str) -> str:
        name = getattr(self.org, setting)
        value = self._environ.get(name, "").strip()
        if not value:
            raise ConfigError(
                f"The login to Salesforce is not complete: the environment variable {name} is "
                "empty.",
                where=f"{self._where}.{setting}",
                fix=f"Set it to {meaning}. Secrets are never read from madang.yml.",
            )
        return value


def org_of(settings: Settings) -> SalesforceSettings:
    """Return what madang.yml says about Salesforce. Raises ConfigError when it says nothing."""
    if settings.salesforce is None:
        raise ConfigError(
            "madang.yml does not say which Salesforce to pull from.",
            where=str(settings.config_path),
            fix="Add salesforce: {url: https://<your domain>.my.salesforce.com}.",
        )
    return settings.salesforce
