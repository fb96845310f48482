"""What the project's own SQL says of a sync's rows at this moment, from the raw tables up.

Between a build and a sending somebody may say no. So the models tagged `at_sending`, from the
staging of what people said up to what they allow, are compiled as they stand and asked as one
query, with the sync's model at its end. All else is read as it was built: who is who, who is in an
audience. Nothing is written to the warehouse, and no rule is said a second time here.
"""

from collections.abc import Sequence

from madang.build.dbt import Node, run_dbt
from madang.settings.workspace import Settings
from madang.sync import SyncError
from madang.sync.spec import SyncSpec

TAG = "at_sending"
ALLOWED = "contactability"


class RowsNow:
    """Asks for the rows of syncs as they are now; dbt compiles once for all syncs of a run.

    Called with settings and a sync it returns a query of the sync's rows: sync_key, field, value,
    held_back_reason. A row of a channel on which its person may not be contacted is held back,
    whatever the model says. Call it while the warehouse is not open. Raises BuildError where dbt
    cannot compile the project, SyncError where the project has no model that says what is allowed.
    """

    def __init__(self, specs: Sequence[SyncSpec] = ()) -> None:
        """`specs` are the syncs that will be asked for; any other is compiled when it comes."""
        self._models = {spec.model for spec in specs}
        self._compiled: Sequence[Node] = ()

    def __call__(self, settings: Settings, spec: SyncSpec) -> str:
        if spec.model not in {node.name for node in self._compiled}:
            self._models.add(spec.model)
            args = ["compile", "--select", f"tag:{TAG}", *sorted(self._models), "--no-write-json"]
            self._compiled = run_dbt(settings, args).nodes
        return composed(self._compiled, spec)


def rows_now(settings: Settings, spec: SyncSpec) -> str:
    """Return the query of one sync's rows as they are now; see `RowsNow`."""
    return RowsNow()(settings, spec)


def composed(compiled: Sequence[Node], spec: SyncSpec) -> str:
    """Return one query of compiled models, each under a name of its own after those it reads."""
    models = [node for node in compiled if node.kind == "model"]
    if missing := {ALLOWED, spec.model} - {node.name for node in models}:
        raise SyncError(
            f"What is allowed now cannot be asked: {', '.join(sorted(missing))} was not compiled.",
            where=spec.where,
            fix=f"Give {ALLOWED}, and the models of consent that it reads, the tag {TAG}.",
        )
    models = _read_by({ALLOWED, spec.model}, models)
    steps = []
    for node in models:
        sql = node.compiled
        for read in models:
            sql = sql.replace(read.relation, f"now_{read.name}")
        steps.append(f"now_{node.name} as (\n{sql}\n)")
    return f"""with {", ".join(steps)}

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


def _read_by(names: set[str], compiled: Sequence[Node]) -> list[Node]:
    """The models of these names and what they read of the compiled, each after what it reads."""
    nodes = {node.unique_id: node for node in compiled}
    ordered: dict[str, Node] = {}

    def place(key: str) -> None:
        if key in nodes and key not in ordered:
            for read in sorted(nodes[key].reads):
                place(read)
            ordered[key] = nodes[key]

    for key, node in nodes.items():
        if node.name in names:
            place(key)
    return list(ordered.values())
