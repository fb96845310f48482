"""Who we are to Salesforce: OAuth client credentials or a signed JWT, for an access token.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
"""

from collections.abc import Mapping
from pathlib import Path

from madang.errors import ConfigError
from madang.http.address import read_address
from madang.http.auth import ClientCredentials, SignedJwt
from madang.settings.salesforce import SalesforceSettings
from madang.settings.secrets import given
from madang.settings.workspace import Settings

TOKEN_PATH = "/services/oauth2/token"
LOGIN_FIX = (
    "Check the client app: its key and secret, the flow that auth names, the user that it runs as, "
    "and that salesforce.url is My Domain's address."
)
JWT_SECONDS = 180  # Salesforce takes at most five minutes


class Login:
    """What the token endpoint wants (`grant`), with secrets from the environment alone."""

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
        client_id = self._secret("client_id_env", "the consumer key of the client app")
        self.grant: ClientCredentials | SignedJwt
        if self.org.auth == "client_credentials":
            secret = self._secret("client_secret_env", "its consumer secret")
            self.grant = ClientCredentials(client_id, secret)
        else:
            user = self._secret("username_env", "the user that the app runs as")
            self.grant = SignedJwt(
                {"iss": client_id, "sub": user, "aud": self.org.jwt_audience},
                self._key(),
                JWT_SECONDS,
                f"the file named by {self.org.private_key_env}",
            )
        self.grant.form()  # a key that cannot sign is told before anything is asked

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
            "madang.yml does not say which Salesforce is the company's.",
            where=str(settings.config_path),
            fix="Add salesforce: {url: https://<your domain>.my.salesforce.com}.",
        )
    return settings.salesforce
