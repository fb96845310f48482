"""What the project's own SQL says of a sync's rows at this moment, from the raw tables up.

Between a build and a sending somebody may say no. So the models tagged `at_sending`, from the
staging of what people said up to what they allow, are compiled as they stand and asked as one
query, with the sync's model at its end. All else is read as it was built: who is who, who is in an
audience. Nothing is written to the warehouse, and no rule is said a second time here.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from madang.config import Settings
from madang.dbt import run_dbt
from madang.sync import SyncError
from madang.sync.clock import utc_now
from madang.sync.spec import SyncSpec

TAG = "at_sending"
ALLOWED = "contactability"
Node = Mapping[str, Any]


def rows_now(settings: Settings, spec: SyncSpec) -> str:
    """Return a query of the rows of a sync's model as they are now, with its columns.

    A row of a channel on which its person may not be contacted is held back, whatever the model
    says. Call it while the warehouse is not open. Raises BuildError where dbt cannot compile the
    project, SyncError where the project has no model that says what is allowed.
    """
    target = settings.root / "target" / "sending"
    # A pinned clock repeats a build; who says no now is not asked by it.
    pinned = settings.as_of and max(settings.now(), utc_now())
    variables = {"as_of": f"{pinned:%Y-%m-%dT%H:%M:%SZ}"} if pinned else None
    args = ["compile", "--select", f"tag:{TAG}", spec.model]
    run_dbt(settings, args, target=target, variables=variables)
    return composed(_nodes(target), spec)


def composed(nodes: Sequence[Node], spec: SyncSpec) -> str:
    """Return one query of compiled models that read each other; `nodes` in the order of reading."""
    names = {node["relation_name"]: f"now_{node['name']}" for node in nodes}
    known = {node["name"] for node in nodes}
    if missing := {ALLOWED, spec.model} - known:
        raise SyncError(
            f"The project cannot say what is allowed now: {', '.join(sorted(missing))} is not "
            f"among the models that are asked at sending.",
            where=spec.where,
            fix=f"Give {ALLOWED}, and the models that it is made of, the tag {TAG}.",
        )
    parts = []
    for node in nodes:
        sql = node["compiled_code"].strip().rstrip(";")
        for relation, name in names.items():
            sql = sql.replace(relation, name)
        parts.append(f"{names[node['relation_name']]} as (\n{sql}\n)")
    return f"""with {", ".join(parts)}
select
    sent.sync_key,
    sent.field,
    sent.value,
    coalesce(
        sent.held_back_reason,
        case when not coalesce(allowed.is_allowed, false) then 'not_allowed' end
    ) as held_back_reason
from now_{spec.model} as sent
left join now_{ALLOWED} as allowed
    on sent.person_id = allowed.person_id
    and sent.channel = allowed.channel
    and sent.purpose = allowed.purpose"""


def _nodes(target: Path) -> list[Node]:
    """The compiled models of a run of dbt, each after those that it reads."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    waiting = {
        result["unique_id"]: manifest["nodes"][result["unique_id"]]
        for result in results
        if result["unique_id"].startswith("model.")
    }
    ordered: list[Node] = []
    while waiting:
        ready = [
            key for key, node in waiting.items() if not waiting.keys() & node["depends_on"]["nodes"]
        ]
        ordered += [waiting.pop(key) for key in ready]
    return ordered
