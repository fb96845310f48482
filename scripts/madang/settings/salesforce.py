"""The part of madang.yml about Salesforce: which org, how to log in, what to ask for."""

from typing import Annotated, Literal

from pydantic import Field

from madang.specs.strict import EnvironmentName, HttpAddress, Strict, matching

ObjectName = Annotated[str, matching(r"[A-Za-z]\w*", "the API name of an object, such as Contact")]
FieldName = Annotated[str, matching(r"[A-Za-z]\w*", "the API name of a field, such as Shop__c")]


class SalesforceSettings(Strict):
    """One org. Secrets are in the environment variables that are named here.

    `url` is My Domain's address. `fields` names the org's own field of a column, by object.
    `overlap_minutes` is how far behind the bookmark each pull asks again, for changes that were
    committed late. From `bulk_from_rows` rows on a query is a job of Bulk API 2.0, whose result
    comes in parts of `page_rows` rows. No request is made once more than `max_api_share` of the
    org's calls of 24 hours are used.
    """

    url: HttpAddress
    auth: Literal["client_credentials", "jwt"] = "client_credentials"
    client_id_env: EnvironmentName = "MADANG_SALESFORCE_CLIENT_ID"
    client_secret_env: EnvironmentName = "MADANG_SALESFORCE_CLIENT_SECRET"
    username_env: EnvironmentName = "MADANG_SALESFORCE_USERNAME"
    private_key_env: EnvironmentName = "MADANG_SALESFORCE_PRIVATE_KEY_FILE"
    jwt_audience: HttpAddress = "https://login.salesforce.com"
    api_version: Annotated[str, matching(r"\d{2,3}\.0", "a version such as 66.0")] = "66.0"
    objects: Annotated[list[ObjectName], Field(min_length=1)] | None = None
    fields: dict[ObjectName, dict[str, FieldName]] = Field(default_factory=dict)
    overlap_minutes: Annotated[float, Field(ge=0)] = 60
    bulk_from_rows: Annotated[int, Field(ge=0)] = 10_000
    page_rows: Annotated[int, Field(ge=1)] = 100_000
    max_api_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    timeout_seconds: Annotated[float, Field(gt=0)] = 60
    job_timeout_minutes: Annotated[float, Field(gt=0)] = 120
