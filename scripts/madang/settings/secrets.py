"""Secrets of the environment: read once as a command starts, and taken out of it.

dbt renders models, macros and YAML with the environment of its process, so what it does not have
there no rule can read. What stays is what a library reads itself: BigQuery's credentials, and
`DBT_ENV_SECRET_…`, which dbt gives to profiles.yml alone and hides in its log.
"""

import ctypes
import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from madang.settings.workspace import Settings

#: Names that hold a secret, whatever they are for.
SECRET = re.compile(
    r"((^|_)(API)?KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|WEBHOOK)S?(_|$)", re.I
)
#: `MADANG_BIGQUERY_TOKEN` is no secret: 'none', for a local server in tests.
LEFT = ("DBT_ENV_SECRET_", "GOOGLE_APPLICATION_CREDENTIALS", "MADANG_BIGQUERY_")
#: A workload of AWS that is a service account of Google: google-auth reads these itself.
FEDERATED = ("AWS_",)

_taken: dict[str, str] = {}


def looks_secret(name: str) -> bool:
    """Say whether an environment variable of this name is kept from dbt."""
    return bool(SECRET.search(name)) and not name.startswith(LEFT)


def secret_names(settings: "Settings") -> set[str]:
    """Return the variables that hold secrets: those that madang.yml names, and by their names."""
    left = FEDERATED if settings.warehouse.type == "bigquery" else ()
    by_name = {name for name in os.environ if looks_secret(name) and not name.startswith(left)}
    return by_name | set(_named(settings))


def take(settings: "Settings") -> None:
    """Read the secrets and remove them from the environment, for the rest of the process."""
    for name in secret_names(settings) & {*os.environ}:
        _taken[name] = os.environ[name]
        _overwrite(name)
        del os.environ[name]


def given() -> Mapping[str, str]:
    """Return the environment with which the command was started, secrets among it."""
    return ChainMap(os.environ, _taken)  # type: ignore[arg-type]


def hold(name: str, value: str) -> str:
    """Give a secret a value where the environment has none; return what it then is."""
    return given().get(name) or _taken.setdefault(name, value)


def _named(part: BaseModel) -> Iterator[str]:
    """The environment variables that settings name, in every part of them."""
    for key, value in part:
        for one in value.values() if isinstance(value, dict) else [value]:
            if isinstance(one, BaseModel):
                yield from _named(one)
            elif key.endswith("_env") and isinstance(one, str):
                yield one


def _overwrite(name: str) -> None:
    """Blank the value where the process was given it: /proc/self/environ shows that place."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    if place := libc.getenv(os.fsencode(name)):
        ctypes.memset(place, ord("-"), len(os.fsencode(os.environ[name])))
