"""Reads which columns stand for a person (`config.meta.identifies`), and which tables are logs.

A column that some model declares stands for the same in every table that has a column of this name,
also in one that a company added.
"""

from dataclasses import dataclass, field

from madang.errors import did_you_mean
from madang.specs.project import Project

#: What a column may stand for: each has values of its own in an erasure (`Known.by_kind`).
KINDS = (
    *("crm_id", "person", "identifier_key", "identifier", "device", "email", "phone", "record"),
    "destination_key",
)


@dataclass(frozen=True)
class Identifying:
    """Kinds by the name of the column, and the names of tables that no build makes anew."""

    kinds: dict[str, str] = field(default_factory=dict)
    logs: set[str] = field(default_factory=set)


def read_identifying(project: Project) -> Identifying:
    """Read it of models and snapshots.

    A kind that is not known, and two kinds for one name, become problems of the project.
    """
    found, first = Identifying(), {}
    found.logs.update(one.name for one in project.models if one.meta("is_log"))
    found.logs.update(one.name for one in project.snapshots)
    for model in (*project.models, *project.snapshots):
        for number, (name, column) in enumerate(model.columns().items()):
            config = column.get("config")
            meta = config.get("meta") if isinstance(config, dict) else None
            kind = meta.get("identifies") if isinstance(meta, dict) else None
            if kind is None:
                continue
            message = None
            if kind not in KINDS:
                message = f"'identifies: {kind}' is not known.{did_you_mean(str(kind), KINDS)}"
            elif found.kinds.setdefault(name, kind) != kind:
                message = f"'{name}' identifies {found.kinds[name]} in {first[name]}, here {kind}."
            first.setdefault(name, model.name)
            if message:
                fix = f"One name stands for one thing. Known: {', '.join(KINDS)}."
                place = (*model.at, "columns", number, "config", "meta", "identifies")
                project.problems.append(model.problem(place, message, fix))
    return found
