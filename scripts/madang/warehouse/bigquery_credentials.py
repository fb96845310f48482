"""Who Madang is to Google: a key file that the settings name, else the default credentials."""

from typing import Any

from google.auth import default as default_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from madang.settings.secrets import given
from madang.settings.workspace import Settings
from madang.warehouse import WarehouseError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def credentials(settings: Settings) -> Any:
    """Return the credentials of the settings. Raises WarehouseError, or Google's own errors."""
    reach = settings.bigquery
    if reach.api_endpoint:
        return AnonymousCredentials()
    if reach.keyfile_env is None:
        return default_credentials(scopes=SCOPES)[0]
    where = f"{settings.config_path}, warehouse.bigquery.keyfile_env"
    path = given().get(reach.keyfile_env)
    if not path:
        raise WarehouseError(
            f"The environment variable {reach.keyfile_env} is not set.",
            where=where,
            fix="Set it to the path of the service account's key file, or remove keyfile_env to "
            "use Google's default credentials.",
        )
    try:
        return service_account.Credentials.from_service_account_file(path, scopes=SCOPES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a JSON key"
        raise WarehouseError(
            f"The key file cannot be read: {reason}.",
            where=f"the file that {reach.keyfile_env} names",
            fix="Make a new JSON key for the service account, or correct the path.",
        ) from None
