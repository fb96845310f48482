"""Where a project's rules lie: the company's own dbt project, and Madang's, which it reads."""

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from madang.errors import Problem
from madang.specs.located_yaml import load_located

NAME = "madang"
INSTALLED = Path("dbt_packages") / NAME
#: The environment variable by which packages.yml names the folder of Madang's dbt project.
VARIABLE = "MADANG_PACKAGE"
#: Files in which a dbt project names its packages.
NAMING = ("packages.yml", "dependencies.yml")


def shipped() -> Path:
    """Return Madang's dbt project: the variable's, else the one that came with this command.

    In an installed package it lies beside the modules, in a checkout it is the repository.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given).absolute()
    beside = Path(__file__).resolve().parents[1] / "package"
    if (beside / "dbt_project.yml").is_file():
        return beside
    return Path(__file__).resolve().parents[3]


def package_of(project: Path) -> Path | None:
    """Return Madang's dbt project as a company's project reads it; None where it names none."""
    if not any((project / name).is_file() for name in NAMING):
        return None
    installed = project / INSTALLED
    return installed if (installed / "dbt_project.yml").is_file() else shipped()


def home(project: Path) -> Path:
    """Return where Madang's own files are: the package, or the project itself."""
    return package_of(project) or project


def folders(project: Path) -> list[Path]:
    """Return the folders of dbt projects whose rules hold: Madang's first, the company's last."""
    package = package_of(project)
    return [package, project] if package else [project]


def files(project: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    """Walk to the files of both, each with its path as problems name it."""
    for folder in folders(project):
        for path in sorted(folder.glob(pattern)):
            yield path, shown(project, path)


def shown(project: Path, path: Path) -> str:
    """Return a path as problems name it: from the company's project."""
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path)


def found(project: Path, name: str) -> Path:
    """Return a file or folder of the company's project; where it has none, Madang's own."""
    return project / name if (project / name).exists() else home(project) / name


def models_off(project: Path) -> set[str]:
    """Return the models and folders of Madang that are off: as shipped, or by the company.

    A company's dbt_project.yml turns a folder on, or single models of it.
    """
    off = set(_set(home(project), False)) - set(_set(project, True))
    return off | set(_set(project, False))


def models_on(project: Path) -> set[str]:
    """Return the models and folders of Madang that a company's dbt_project.yml turns on."""
    return set(_set(project, True))


def _set(project: Path, is_on: bool) -> Iterator[str]:
    main = project / "dbt_project.yml"
    data = load_located(main)[0] if main.is_file() else None
    given = ((data or {}).get("models") or {}).get(NAME) if isinstance(data, dict) else None
    yield from _enabled(given, is_on)


def _enabled(given: object, is_on: bool) -> Iterator[str]:
    for name, config in given.items() if isinstance(given, dict) else ():
        if isinstance(config, dict):
            if config.get("+enabled", config.get("enabled")) is is_on:
                yield name
            yield from _enabled(config, is_on)


def disagreement(project: Path) -> Problem | None:
    """Return a problem where dbt would read another version of Madang than this command is."""
    folder = home(project)
    main = folder / "dbt_project.yml"
    data = load_located(main)[0] if main.is_file() else None
    if not isinstance(data, dict) or data.get("name") != NAME:
        return None
    there, here = data.get("version"), version(NAME)
    if there is None or str(there) == here:
        return None
    return Problem(
        shown(project, main),
        0,
        f"The dbt project of Madang is version {there}, the command is {here}.",
        "Run 'madang init' in the project: it makes dbt read the version of the command."
        if folder != project
        else "Install the command from this folder: pip install --editable .",
    )
