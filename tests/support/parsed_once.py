"""A project is parsed once in a run of the tests, not once a workspace: that takes 14 seconds.

dbt keeps what it parsed in a workspace's target folder, and takes it for another workspace only
where the profile is the same to the letter, path of the file included. Here what was parsed is kept
for all workspaces of a run and handed to those whose vars, dbt_project.yml and warehouse's kind and
schema are the same. dbt still compares every file and parses the changed ones, as it does for its
own; files that read the environment are parsed again where the environment differs.
"""

import gc
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from madang.build import lighter_dbt

MODULE = "dbt.parser.manifest"
WRITING = "dbt_common.clients.system"
#: Commands after which the projects of former ones are given back: each is 50 MB of cycles, and a
#: build hides them from Python's own count of when to look (`lighter_dbt.collected_seldom`).
KEPT_COMMANDS = 20


def keep(folder: Path) -> None:
    """Keep in `folder` what dbt parses in this process, and read it from there; make dbt lighter.

    dbt itself is not imported before somebody needs it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, change in (
        (MODULE, lambda module: _change(module, folder)),
        (WRITING, _write_at_once),
        *lighter_dbt.CHANGES,
    ):
        if name in sys.modules:
            change(sys.modules[name])
        else:
            sys.meta_path.insert(0, _Waiting(name, change))


def _write_at_once(writing: ModuleType) -> None:
    """The same JSON from Python's fast encoder: dbt writes its manifest twice in every command."""

    def dump(data: Any, file: Any, **options: Any) -> None:
        file.write(json.dumps(data, **options))

    writing.json = SimpleNamespace(**{**vars(json), "dump": dump})


class _Waiting(MetaPathFinder):
    """Changes a module once it is imported."""

    def __init__(self, name: str, change: Callable[[ModuleType], None]) -> None:
        self.name, self.change = name, change

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            self.change(module)

        spec.loader.exec_module = load_and_change
        return spec


def _change(parsing: ModuleType, folder: Path) -> None:
    loader = parsing.ManifestLoader
    read, write = loader.read_manifest_for_partial_parse, loader.write_manifest_for_partial_parse
    commands = count(1)

    def read_kept(self: Any) -> Any:
        if next(commands) % KEPT_COMMANDS == 0:
            gc.collect()
        found = read(self)
        path = folder / _name(self)
        if found is not None or not path.exists():
            return found
        kept = parsing.Manifest.from_msgpack(
            _moved(path.read_bytes(), _places(self)), decoder=parsing.extended_mashumuro_decoder
        )
        kept.state_check = self.manifest.state_check
        kept.metadata.generated_at = parsing.datetime.now(parsing.timezone.utc).replace(tzinfo=None)
        kept.metadata.invocation_id = parsing.get_invocation_id()
        return kept

    def write_kept(self: Any) -> None:
        import msgpack

        write(self)
        path = folder / _name(self)
        if not path.exists():
            content = self.manifest.to_msgpack(parsing.extended_mashumaro_encoder)
            written = path.with_suffix(f".{os.getpid()}")
            written.write_bytes(msgpack.packb([_places(self), content]))
            written.replace(path)

    loader.read_manifest_for_partial_parse = read_kept
    loader.write_manifest_for_partial_parse = write_kept


def _name(loader: Any) -> str:
    """A name for all parses that give the same from the same files."""
    state, target = loader.manifest.state_check, loader.root_project.credentials
    parts = (
        state.vars_hash.checksum,
        *(f"{name}:{one.checksum}" for name, one in sorted(state.project_hashes.items())),
        *(target.type, target.database, target.schema),
    )
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def _places(loader: Any) -> list[str]:
    """The project's folder, and the workspace's decisions, which are a list of the project."""
    environment = loader.root_project.project_env_vars
    return [loader.root_project.project_root, environment.get("MADANG_DECISIONS_PATH", "decisions")]


def _moved(kept: bytes, places: list[str]) -> bytes:
    """What was parsed elsewhere, as if it had been parsed here."""
    import msgpack

    before, content = msgpack.unpackb(kept)
    (old_root, old_decisions), (root, decisions) = before, places
    if before == places:
        return content

    def move(value: Any) -> Any:
        if isinstance(value, str):
            if value == old_root or value.startswith(f"{old_root}/"):
                value = root + value[len(old_root) :]
            return value.replace(old_decisions, decisions) if old_decisions[0] == "/" else value
        if isinstance(value, dict):
            return {move(key): move(one) for key, one in value.items()}
        if isinstance(value, list):
            return [move(one) for one in value]
        return value

    return msgpack.packb(move(msgpack.unpackb(content, strict_map_key=False)))
