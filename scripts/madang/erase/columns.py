"""Which columns of the built tables hold an erased person, as the models' YAML says."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from madang.erase.values import Known
from madang.specs.identifying import Identifying, read_identifying
from madang.specs.project import read_project


@dataclass(frozen=True)
class Columns:
    """The columns that are declared. One that is named as a kind of record, such as order_id, which
    the sources declare, stands for that record.
    """

    declared: Identifying

    def wanted(self, known: Known, kinds: Container[str] = ()) -> dict[str, list[str]]:
        """Return the person's values to look for in a column, by its name; of some kinds only."""
        values = known.by_kind()
        found = {} if kinds else dict(known.records)
        for name, kind in self.declared.kinds.items():
            if not kinds or kind in kinds:
                found[name] = values[kind]
        return found


def read_columns(project_dir: Path) -> Columns:
    """Read the models' YAML; what is wrong there, `madang check` has told before the build."""
    return Columns(read_identifying(read_project(project_dir)))
