"""Makes a folder into a workspace: madang.yml, the folders for data, a profile for plain dbt."""

from dataclasses import dataclass
from pathlib import Path

from madang import private
from madang.build.dbt_environment import PROFILE_EXAMPLE
from madang.settings.workspace import CONFIG_NAME, load_settings

TEMPLATE = """\
# Every path is relative to this file. docs/configuration.md explains every key.
version: 1
timezone: Asia/Seoul
currency: KRW

# Which Salesforce 'madang pull' asks. The secrets are in environment variables: docs/salesforce.md.
# salesforce:
#   url: https://<your domain>.my.salesforce.com

# Where syncs send to. The key itself is in the environment variable named by key_env.
# destinations:
#   braze:
#     url: https://rest.iad-01.braze.com
#     key_env: MADANG_BRAZE_KEY
"""


@dataclass(frozen=True)
class Initialised:
    """What `init` wrote and what was there before."""

    root: Path
    written: list[Path]
    kept: list[Path]
    inbox: Path
    ga4: Path


def init_workspace(folder: Path) -> Initialised:
    """Write what a workspace lacks; never overwrite. Raises ConfigError for a broken madang.yml."""
    written: list[Path] = []
    kept: list[Path] = []
    config = folder / CONFIG_NAME
    folder.mkdir(parents=True, exist_ok=True)
    (written if _written(config, TEMPLATE) else kept).append(config)
    settings = load_settings(config)
    for place in (settings.paths.ga4, settings.paths.inbox):
        (kept if place.is_dir() else written).append(place)
        place.mkdir(parents=True, exist_ok=True)
    example = settings.project_dir / PROFILE_EXAMPLE
    profile = settings.project_dir / "profiles.yml"
    if example.is_file():
        text = example.read_text(encoding="utf-8")
        (written if _written(profile, text) else kept).append(profile)
    elif profile.exists():
        kept.append(profile)
    return Initialised(settings.root, written, kept, settings.paths.inbox, settings.paths.ga4)


def _written(path: Path, text: str) -> bool:
    """Write a file that is missing, whole or not at all; False where there is one."""
    if path.exists():
        return False
    try:
        with private.whole(path, mode=0o666, is_new=True) as file:  # no data: as the umask says
            file.write(text)
    except FileExistsError:
        return False
    return True
