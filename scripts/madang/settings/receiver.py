"""The part of madang.yml about the receiver: where it listens and what a request may hold."""

from typing import Annotated

from pydantic import Field

from madang.specs.strict import Strict


class ReceiverSettings(Strict):
    """Where `madang receive` listens and its limits; who may call is in `paths.receiver_keys`."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    max_request_kib: Annotated[int, Field(ge=1, le=8192)] = 1024
    max_items: Annotated[int, Field(ge=1, le=10_000)] = 1000
    requests_per_minute: Annotated[int, Field(ge=1)] = 1200
    connections: Annotated[int, Field(ge=2, le=10_000)] = 512
    connections_per_address: Annotated[int, Field(ge=1)] = 256
    at_once_per_key: Annotated[int, Field(ge=1)] = 128
    max_hours_ahead: Annotated[float, Field(ge=0, le=8760)] = 24
    remember_days: Annotated[int, Field(ge=1, le=3650)] = 7
