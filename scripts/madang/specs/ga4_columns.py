"""What the project asks of the GA4 export in `vars` of dbt_project.yml: names with their types."""

from typing import Annotated, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching

Name = Annotated[
    str, matching(r"[A-Za-z][A-Za-z0-9_]*", "a name of GA4: a letter, then letters, digits and _")
]
Columns = Annotated[dict[Name, Literal["string", "int64", "float64"]], Field(default_factory=dict)]


class Ga4Columns(Strict):
    """Parameters of events, properties of users and parameters of items to read as columns."""

    ga4_params: Columns
    ga4_user_properties: Columns
    ga4_item_params: Columns
