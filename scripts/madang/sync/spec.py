"""Reads the syncs of a project: dbt exposures with `config.meta.sync`, checked before use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from madang.errors import Problem, SpecError, UsageError, did_you_mean
from madang.specs import package
from madang.specs.audiences import Channels
from madang.specs.located_yaml import Lines, line_of, load_located
from madang.specs.policy import policy_fix, policy_problem, read_policy
from madang.specs.strict import Strict, matching, validated
from madang.sync.destinations.base import NoOptions
from madang.sync.destinations.registry import MODULES, entry_of

FOLDER = Path("models") / "activation"
AUDIENCES = "models/**/aud_*.sql"
Cadence = Annotated[
    str,
    matching(
        r"on_change|once|every [1-9][0-9]{0,3} (minute|hour|day)s?",
        "on_change, once, or every and a time, such as 'every 1 hour' or 'every 2 days'",
    ),
]
Name = Annotated[str, matching(r"[a-z][a-z0-9_]*", "a plain name (a-z, 0-9, _)")]
OF_PERSONS = {"person_key", "purpose", "channels", "audiences"}  # keys that say who may be sent


class PersonKey(Strict):
    """Which of several customer numbers is a person's key; macros/activation reads it."""

    among: Literal["current", "all"] = "current"
    registered: Literal["first", "last"] = "first"


class SyncMeta(Strict):
    """What may stand under `config.meta.sync` of an exposure, beside the options of its object.

    The model that is sent applies `purpose`, `channels`, `audiences` and `person_key`
    (macros/activation).
    """

    destination: str
    object: str
    model: Name
    key: str
    person_key: PersonKey | None = None
    purpose: Name = "marketing"
    channels: Channels | None = None
    audiences: Annotated[list[Name], Field(min_length=1)] | None = None
    max_change_share: Annotated[float, Field(gt=0, le=1)] | None = None
    cadence: Cadence = "on_change"


@dataclass(frozen=True)
class SyncSpec:
    """One sync: which activation model goes where. `where` is the file and line of its exposure.

    `options` are the keys that the destination's object has of its own.
    """

    name: str
    destination: str
    object: str
    model: str
    key: str
    max_change_share: float | None = None
    cadence: str = "on_change"
    where: str = ""
    options: NoOptions | None = None


def load_specs(project_dir: Path) -> list[SyncSpec]:
    """Return every sync of the project by name. Raises SpecError that tells every problem."""
    specs: dict[str, SyncSpec] = {}
    problems: list[Problem] = []
    for path, file in package.files(project_dir, f"{FOLDER.as_posix()}/**/*.y*ml"):
        data, lines = load_located(path, shown_as=file)
        for at, exposure in _exposures(data):
            found = _read(exposure, at, file, lines, project_dir, problems)
            if found is None:
                continue
            if found.name in specs:
                message = f"Another exposure is named '{found.name}': {specs[found.name].where}."
                problems.append(Problem(file, line_of(lines, (*at, "name")), message))
            specs[found.name] = found
    if problems:
        raise SpecError.of(problems)
    return [specs[name] for name in sorted(specs)]


def find_spec(specs: list[SyncSpec], name: str) -> SyncSpec:
    """Return the sync of that name. Raises UsageError with the closest name that exists."""
    for spec in specs:
        if spec.name == name:
            return spec
    known = [spec.name for spec in specs]
    raise UsageError(
        f"There is no sync named '{name}'.{did_you_mean(name, known)}",
        fix=f"Syncs of this project: {', '.join(known) or 'none'}.",
    )


def _exposures(data: Any) -> Iterator[tuple[tuple, dict]]:
    listed = data.get("exposures") if isinstance(data, dict) else None
    for number, exposure in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(exposure, dict):
            yield ("exposures", number), exposure


def _read(
    exposure: dict,
    at: tuple,
    file: str,
    lines: Lines,
    project_dir: Path,
    problems: list[Problem],
) -> SyncSpec | None:
    """Check one exposure. None when it is no sync, or when `problems` got longer."""
    meta = exposure
    for key in ("config", "meta", "sync"):
        meta = meta.get(key) if isinstance(meta, dict) else None
    if meta is None:
        return None
    place = (*at, "config", "meta", "sync")
    before = len(problems)
    options = _options(meta)
    if options is None and isinstance(meta, dict):  # which keys are its own is not known
        meta = {key: value for key, value in meta.items() if key in SyncMeta.model_fields}
    read, found = validated(_shape(options or NoOptions), meta, file, lines, place)
    problems += found
    if read is None:
        return None

    def problem(key: str, message: str, fix: str | None = None) -> None:
        problems.append(Problem(file, line_of(lines, (*place, key)), message, fix))

    objects = entry_of(read.destination).objects if read.destination in MODULES else None
    if objects is None:
        hint = did_you_mean(read.destination, MODULES)
        problem("destination", f"Unknown destination '{read.destination}'.{hint}", _known(MODULES))
    elif read.object not in objects:
        hint = did_you_mean(read.object, objects)
        message = f"{read.destination} has no object '{read.object}'.{hint}"
        problem("object", message, _known(objects))
    elif read.key not in objects[read.object].keys:
        keys = objects[read.object].keys
        message = f"{read.destination} {read.object} cannot be keyed by '{read.key}'."
        problem("key", message + did_you_mean(read.key, keys), _known(keys))
    policy = read_policy(project_dir)
    is_of_persons = (
        objects is None or read.object not in objects or objects[read.object].is_of_persons
    )
    for key in () if is_of_persons else sorted(OF_PERSONS & read.model_fields_set):
        problem(
            key, f"{read.destination} {read.object} are of no persons, so '{key}' says nothing."
        )
    known = read.channels or [channel for purpose, channel in policy if purpose == read.purpose]
    for channel in (known or [""]) if is_of_persons else ():
        if message := policy_problem(policy, read.purpose, channel):
            key = "channels" if read.channels and "no channel" in message else "purpose"
            problem(key, message, policy_fix(policy))
    if read.audiences:
        built = {
            path.stem.removeprefix("aud_") for path, _ in package.files(project_dir, AUDIENCES)
        }
        for audience in (one for one in read.audiences if one not in built):
            hint = did_you_mean(audience, built)
            problem("audiences", f"There is no audience '{audience}'.{hint}", _known(built))
    sql = package.files(project_dir, f"{FOLDER.as_posix()}/**/*.sql")
    models = {path.stem for path, _ in sql}
    if read.model not in models:
        message = f"There is no activation model '{read.model}'.{did_you_mean(read.model, models)}"
        problem("model", message, f"Add {FOLDER.as_posix()}/{read.model}.sql, or correct the name.")
    elif not _depends_on(exposure, read.model):
        message = f"The exposure does not depend on ref('{read.model}'), which it sends."
        problem("model", message, f"Add ref('{read.model}') to depends_on, so lineage shows it.")
    name = str(exposure.get("name") or "")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        message = f"The exposure's name '{name}' is not a plain name (a-z, 0-9, _)."
        problems.append(Problem(file, line_of(lines, (*at, "name")), message))
    if options is None or len(problems) > before:
        return None
    where = f"{file}:{line_of(lines, at)}"
    given_keys = read.model_fields_set & options.model_fields.keys()
    own = {key: getattr(read, key) for key in given_keys}
    given = read.model_dump(include=set(SyncSpec.__dataclass_fields__))
    return SyncSpec(name=name, where=where, **given, options=options(**own))


@cache  # to make a model costs more than to check a sync by it
def _shape(options: type[NoOptions]) -> type[SyncMeta]:
    return create_model("SyncMeta", __base__=(options, SyncMeta))


def _options(meta: Any) -> type[NoOptions] | None:
    """Return what the object of a sync knows of its own; None where there is no such object."""
    told = meta if isinstance(meta, dict) else {}
    destination, name = told.get("destination"), told.get("object")
    if not isinstance(destination, str) or destination not in MODULES:
        return None
    objects = entry_of(destination).objects
    return objects[name].options if isinstance(name, str) and name in objects else None


def _depends_on(exposure: dict, model: str) -> bool:
    depends = exposure.get("depends_on")
    pattern = re.compile(rf"ref\(\s*['\"]{re.escape(model)}['\"]\s*\)")
    return any(pattern.search(str(entry)) for entry in depends if entry) if depends else False


def _known(names: Any) -> str:
    return f"Known: {', '.join(sorted(names))}."
