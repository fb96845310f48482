"""What the receiver answers: verdicts for what it read, else a problem (RFC 9457)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from madang.receiver.findings import MOST, Finding

PROBLEM_TYPE = "application/problem+json"


class Verdict(BaseModel):
    """What became of one item."""

    model_config = ConfigDict(frozen=True)

    item: int = Field(description="The number of the item in the request, from 1.", ge=1)
    id: str | None = Field(description="Its number as the partner knows it.")
    status: Literal["accepted", "refused"]
    problems: list[Finding] = Field(default_factory=list)
    more_problems: int = Field(
        default=0,
        description="How many problems of the item are not told; left out where there are none.",
        exclude_if=lambda count: not count,
    )


class Answer(BaseModel):
    """What became of a request. Accepted items are on disk; refused ones must be sent again."""

    model_config = ConfigDict(frozen=True)

    request_id: str = Field(description="Quote it when you ask about this request.")
    received_at: str
    accepted: int
    refused: int
    problems: int = Field(
        default=0,
        description=f"How many problems were found in all items; the first {MOST} are told.",
    )
    items: list[Verdict]


class ProblemBody(BaseModel):
    """Why nothing of a request was taken."""

    model_config = ConfigDict(frozen=True)

    type: Literal["about:blank"] = "about:blank"
    title: Annotated[str, Field(description="The kind of problem.")]
    status: int
    code: Annotated[str, Field(description="A stable name of the problem, for programs.")]
    detail: Annotated[str, Field(description="What is wrong, for people.")]
    fix: Annotated[str, Field(description="What to do about it.")]


class Refused(Exception):
    """A request of which nothing is taken; `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        fix: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.body = ProblemBody(title=title, status=status, code=code, detail=detail, fix=fix)

    def response(self) -> Response:
        """Return the answer."""
        return Response(
            self.body.model_dump_json(),
            status_code=self.status,
            headers=self.headers,
            media_type=PROBLEM_TYPE,
        )
