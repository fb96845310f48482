"""Makes a folder a company's dbt project with Madang as its package; renews it after an upgrade."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from madang import private
from madang.build.dbt import require_package
from madang.build.dbt_environment import PROFILE_EXAMPLE
from madang.errors import UsageError
from madang.settings.workspace import CONFIG_NAME, Settings, load_settings
from madang.specs import package

STARTER = Path(__file__).parent / "starter"
#: Files that are Madang's alone, and so are written anew.
RENEWED = ("packages.yml", "selectors.yml")
#: In dbt_project.yml what is between these lines is Madang's.
BLOCK = re.compile(r"^# >>> .*?^# <<<$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass
class Initialised:
    """What `init` wrote, what it wrote anew, and what was there before."""

    settings: Settings
    written: list[Path] = field(default_factory=list)
    renewed: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)


def init_project(folder: Path, name: str | None = None) -> Initialised:
    """Write what the folder lacks of a company's project, and anew what is Madang's in it.

    A folder that has a madang.yml or a dbt_project.yml of its own gets no other project: only what
    a workspace needs. Raises ConfigError for a broken madang.yml, UsageError for a bad name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG_NAME
    is_new = not config.exists() and not (folder / "dbt_project.yml").exists()
    is_ours = is_new or package.package_of(folder) is not None
    files = _files(folder, name) if is_ours else {config: _starter(CONFIG_NAME)}
    written = [path for path, text in files.items() if _written(path, text)]
    done = Initialised(load_settings(config), written)
    for path, text in files.items() if is_ours else ():
        if path not in written:
            (done.renewed if _renewed(folder, path, text) else done.kept).append(path)
    if not is_ours:
        done.kept += [path for path in files if path not in written]
    for place in (done.settings.paths.ga4, done.settings.paths.inbox):
        (done.kept if place.is_dir() else done.written).append(place)
        place.mkdir(parents=True, exist_ok=True)
    _profile(done)
    if is_ours:
        require_package(done.settings.project_dir)
    return done


def _files(folder: Path, name: str | None) -> dict[Path, str]:
    """The files of a new project with their texts; of one that is there, those it may lack."""
    main = folder / "dbt_project.yml"
    if main.exists():
        found = re.search(r"^name:\s*(\w+)", main.read_text(encoding="utf-8"), re.MULTILINE)
        names = (*RENEWED, main.name, CONFIG_NAME)
        return {folder / one: _starter(one, found[1] if found else "") for one in names}
    wanted = name or re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    if not NAME.fullmatch(wanted) or wanted in (package.NAME, "dbt"):
        raise UsageError(
            f"'{wanted}' cannot be the name of a dbt project.",
            fix="Give another one (a-z, 0-9, _; a letter first): madang init FOLDER --name NAME",
        )
    return {folder / place: text for place, text in _tree(wanted)}


def _tree(name: str) -> Iterator[tuple[str, str]]:
    for path in sorted(STARTER.rglob("*")):
        if path.is_file():
            place = path.relative_to(STARTER).as_posix()
            yield place.replace("gitignore", ".gitignore"), _starter(place, name)


def _starter(place: str, name: str = "") -> str:
    text = (STARTER / place).read_text(encoding="utf-8")
    for sign, value in (("name", name), ("timezone", "Asia/Seoul"), ("currency", "KRW")):
        text = text.replace(f"__{sign}__", value)
    return text


def _renewed(folder: Path, path: Path, text: str) -> bool:
    """Bring what is Madang's in a file up to date; False where it is."""
    before = path.read_text(encoding="utf-8")
    if path.name == "dbt_project.yml":
        block = BLOCK.search(text)
        after = BLOCK.sub(lambda _: block[0] if block else "", before)
    elif path.relative_to(folder).as_posix() in RENEWED:
        after = text
    else:
        return False
    if after == before:
        return False
    with private.whole(path, mode=0o666) as file:
        file.write(after)
    return True


def _profile(done: Initialised) -> None:
    """A profile for plain dbt, where the project has none."""
    project = done.settings.project_dir
    example, profile = package.home(project) / PROFILE_EXAMPLE, project / "profiles.yml"
    if example.is_file() and _written(profile, example.read_text(encoding="utf-8")):
        done.written.append(profile)
    elif profile.exists():
        done.kept.append(profile)


def _written(path: Path, text: str) -> bool:
    """Write a file that is missing, whole or not at all; False where there is one."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with private.whole(path, mode=0o666, is_new=True) as file:  # no data: as the umask says
            file.write(text)
    except FileExistsError:
        return False
    return True
