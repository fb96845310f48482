"""Checks that rules are data: Jinja stands only where dbt needs it, and reads no secret.

dbt renders every value of its YAML, so `{{ env_var('MADANG_BRAZE_KEY') }}` in a label would be
published with the label. Where Jinja belongs: a description's `{{ doc('…') }}`, where a source
lies, a test's SQL, and dbt's own configuration of a model (`config` but `config.meta`).
"""

import re
from collections.abc import Collection, Iterator

from madang.errors import Problem
from madang.settings.secrets import looks_secret
from madang.specs.located_yaml import JINJA
from madang.specs.project import Project

#: Folders whose YAML and SQL dbt reads.
FOLDERS = ("models", "seeds", "snapshots", "macros", "analyses", "tests")
NAME = r"""(?:'[^'{}]*'|"[^"{}]*")"""
DOC = re.compile(rf"\{{\{{-?\s*doc\(\s*{NAME}(?:\s*,\s*{NAME})?\s*\)\s*-?\}}\}}")
#: Keys at any depth below which dbt takes code: a test's arguments, configuration.
CODE = {"tests", "data_tests", "unit_tests", "config", "overrides"}
#: Keys of a source, or of a table of one, that say where it lies.
PLACES = {"database", "schema", "identifier", "enabled"}
ENV_VAR = re.compile(r"""\benv_var\b(?:\s*\(\s*(['"])(\w+)\1\s*[,)])?""")
DATA_FIX = "Rules are data: write the value itself. Only a description may hold {{ doc('…') }}."
SECRET_FIX = "Madang takes secrets out of dbt's environment. Read another variable, or none."


def check_jinja(project: Project, named: Collection[str] = ()) -> None:
    """Tell Jinja in values that are data, and reads of secrets: `named` are more of their names."""
    tell = project.problems
    for file, lines in project.yaml.items():
        for place, (line, text) in lines.jinja.items():
            if (file == "dbt_project.yml" and place[:1] != ("vars",)) or _is_code(place, text):
                tell += _secrets(file, line, text, named)
            elif place[-1:] != ("description",) or JINJA.search(DOC.sub("", text)):
                name = next((part for part in reversed(place) if isinstance(part, str)), "a value")
                message = f"{name}: Jinja stands where data is meant."
                tell.append(Problem(file, line, message, DATA_FIX))
    for folder in FOLDERS:
        for path in sorted((project.folder / folder).rglob("*.sql")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if "env_var" in text:
                tell += _secrets(project.shown(path), 1, text, named)


def _is_code(place: tuple, text: str) -> bool:
    """Say whether dbt takes code at this place of its YAML."""
    keys = [part for part in place if isinstance(part, str)]
    if "meta" in keys or keys[-1:] == ["description"]:
        return False
    if keys[:1] == ["sources"] and keys[-1] in PLACES:
        return True
    return bool({*keys[:-1]} & CODE) and ("env_var" not in text or keys[-1] == "enabled")


def _secrets(file: str, line: int, text: str, named: Collection[str]) -> Iterator[Problem]:
    """Tell each env_var() of a text that names a secret, or whose name cannot be seen."""
    for found in ENV_VAR.finditer(text):
        at = line + text.count("\n", 0, found.start())
        if found[2] is None:
            message = "What env_var reads cannot be seen: its name is not in quotes."
            yield Problem(file, at, message, "Write env_var('NAME').")
        elif looks_secret(found[2]) or found[2] in named:
            message = f"env_var('{found[2]}') reads a secret."
            yield Problem(file, at, message, SECRET_FIX)
