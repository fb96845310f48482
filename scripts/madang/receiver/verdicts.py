"""Every item of a request gets a verdict; the answer has a bound, whatever was sent."""

from datetime import datetime

from madang.receiver.answers import Answer, Verdict
from madang.receiver.fields import Clock
from madang.receiver.findings import MOST, Finding, Findings
from madang.receiver.kinds import Kind, Texts

Good = list[tuple[int, Texts]]


def judge(
    kind: Kind, items: list[object], request_id: str, now: datetime, max_hours_ahead: float
) -> tuple[Answer, Good]:
    """Check every item: the answer, and the texts of the good ones with their numbers.

    The first findings are told and the rest is counted: to put a finding into words costs far more
    than to send what it is about.
    """
    clock = Clock.around(now, max_hours_ahead)
    verdicts: list[Verdict] = []
    good: Good = []
    found = told = 0
    for number, item in enumerate(items, start=1):
        checked = kind.check(item, clock) if told < MOST else kind.read(item, clock)
        problems: list[Finding] = []
        more = 0
        if isinstance(checked, tuple):
            good.append((number, checked))
        else:
            if not isinstance(checked, Findings):
                checked = kind.findings(checked, most=0)
            problems = checked[: MOST - told]
            more = checked.in_all - len(problems)
            found += checked.in_all
            told += len(problems)
        verdict = Verdict(
            item=number,
            id=kind.key_of(item),
            status="accepted" if isinstance(checked, tuple) else "refused",
            problems=problems,
            more_problems=more,
        )
        verdicts.append(verdict)
    answer = Answer(
        request_id=request_id,
        received_at=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        accepted=len(good),
        refused=len(items) - len(good),
        problems=found,
        items=verdicts,
    )
    return answer, good
