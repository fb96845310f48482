"""Which nodes of a dbt project may give something else than last time, read from its manifest.

Whatever is not known for sure counts as changed: a node too many costs a moment, one too few would
leave yesterday's table in its place.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: What names the run, its moment or chance.
CLOCK = re.compile(
    r"\b(as_of|run_started_at|invocation_id|current_(timestamp|datetime|date|time)|localtimestamp"
    r"|sysdate)\b"
    r"|\b(now|utcnow|today|random|rand|setseed|uuid(v\d)?|gen_random_uuid|generate_uuid)\s*\("
)
#: What reads things that ref() and source() do not name, such as a table by its own name.
ASKS = re.compile(
    r"\b(run_query|statement|execute_macro|get_relation|load_relation|load_cached_relation"
    r"|list_relations\w*|location_exists|read_\w+|glob|parquet_\w+|sniff_csv|external_query"
    r"|\w+_scan)\s*\(|\badapter\.execute\b|\binformation_schema\b|__tables__"
    r"|\b(?:from|join)\s+(?:[`\"]?[\w-]+[`\"]?\s*\.\s*){1,2}[`\"]?\w+\b(?!\s*\()",
    re.IGNORECASE,
)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
HEAD = re.compile(r"\{%-?\s*(macro|test|materialization)\s+\w+")
CALLED = re.compile(r"\b(\w+)\s*\(")
DISPATCHED = re.compile(r"dispatch\(\s*['\"](\w+)")

#: They note when a day was built, or turn the table's own columns into the types of the variables,
#: which are looked at: what is built does not hang on anything else that they ask.
NOTES = frozenset({"ga4_record_days", "ga4_record_user_days", "ga4_retype_columns"})
#: Says nothing of the clock where all has happened: then it says the same at any later moment.
HAPPENED = "has_happened"
#: What a compiled model holds that does hang on the clock: a moment, as the macro as_of writes it.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
#: Macros of this project that ask only about what the node itself names, about what dbt writes
#: (the ledgers of days and tables), or about erased people, which unchanged.py looks at.
KNOWN = frozenset(
    {
        *("builds_ledger", "default__get_where_subquery", "erased_identifiers", "ga4_changed_days"),
        *("ga4_days_built_last", "ga4_days_ledger", "has_happened", "logged", "without_erased"),
    }
)
#: Macros about the GA4 export, which is looked at as a whole.
EXPORT = "macros/ga4/"
#: Built from the same, a table of these kinds is the same; of others nobody knows.
KINDS = frozenset(
    {
        *("append_when_changed", "connected_components", "days_when_changed", "markov_fits"),
        *("ephemeral", "never_link_cuts", "seed", "table", "table_when_changed", "test", "view"),
    }
)
#: So is an incremental one that asks these which days there are to build.
BY_DAYS = frozenset({"ga4_changed_days", "ga4_changed_shards", "ga4_changed_user_shards"})
#: It is compared with the ledger of days to tell what a shard has lost, and for nothing else; a
#: build in which one has lost something is no whole one.
COMPARES = frozenset({"base_ga4__shards"})


@dataclass(frozen=True)
class Moved:
    """What is not as it was in the last whole build."""

    sources: set[str] = field(default_factory=set)
    export: bool = False
    #: Nodes that said nothing of the clock when they were built, at an earlier moment than now.
    happened: set[str] = field(default_factory=set)
    #: Tests that warned.
    warned: set[str] = field(default_factory=set)


class Graph:
    """The nodes of a manifest that a build may run: models, seeds, snapshots and tests."""

    def __init__(self, manifest: Any) -> None:
        self.nodes: Mapping[str, Any] = {
            key: node
            for key, node in manifest.nodes.items()
            if kind_of(node) in ("model", "seed", "snapshot", "test")
        }
        self.sources: Mapping[str, Any] = manifest.sources
        self._macros: Mapping[str, Any] = manifest.macros
        self._project = manifest.metadata.project_name
        self._texts = {
            key: HEAD.sub("", COMMENT.sub("", macro.macro_sql))
            for key, macro in self._macros.items()
        }
        self._named: dict[str, set[str]] = {}
        for key, macro in self._macros.items():
            name = macro.name
            self._named.setdefault(name, set()).add(key)
            if "__" in name:  # adapter.dispatch finds default__x, duckdb__x, bigquery__x
                self._named.setdefault(name.split("__", 1)[1], set()).add(key)
        self._calls: dict[str, set[str]] = {}

    def reads(self, key: str) -> set[str]:
        """Return the nodes and sources that a node reads."""
        return set(getattr(self.nodes[key].depends_on, "nodes", ()))

    def sources_read(self) -> set[str]:
        """Return the sources that any node reads."""
        return {name for key in self.nodes for name in self.reads(key) if name in self.sources}

    def relations(self, keys: Iterable[str]) -> set[tuple[str, str]]:
        """Return schema and name of the tables and views among the nodes."""
        return {
            (node.schema, node.alias)
            for node in (self.nodes[key] for key in keys)
            if kind_of(node) != "test" and node.config.materialized != "ephemeral"
        }

    def selectors(self, keys: Iterable[str]) -> list[str]:
        """Return what selects the nodes for dbt: each by its place in the project."""
        return sorted("fqn:" + ".".join(self.nodes[key].fqn) for key in keys)

    def to_build(self, moved: Moved) -> set[str]:
        """Return the nodes that may give something else than in the last whole build."""
        restless = {key for key in self.nodes if self._is_restless(key, moved)}
        for key in moved.warned & self.nodes.keys():  # what it looks at may have settled since
            restless |= {key, *self.reads(key)} & self.nodes.keys()
        readers: dict[str, set[str]] = {}
        for key in self.nodes:
            for name in self.reads(key):
                readers.setdefault(name, set()).add(key)
        found, waiting = set(), list(restless | moved.sources)
        ledgers = {key for key, source in self.sources.items() if source.source_name == "builds"}
        behind = self._behind(ledgers, readers)
        waiting += behind
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting += readers.get(key, ())
        return found & self.nodes.keys()

    def hangs_on_happening(self, key: str) -> bool:
        """Say whether the node asks whether all has happened."""
        return any(map(self._asks_whether_happened, self._reached(key)))

    def _behind(self, ledgers: set[str], readers: Mapping[str, set[str]]) -> set[str]:
        """What reads the ledgers that dbt itself writes, through views too: ever different."""
        found: set[str] = set()
        waiting = [key for ledger in ledgers for key in readers.get(ledger, ())]
        while waiting:
            key = waiting.pop()
            if key in found or self.nodes[key].name in COMPARES:
                continue
            if self.nodes[key].config.materialized == "view":
                waiting += readers.get(key, ())
            else:
                found.add(key)
        return found

    def _is_restless(self, key: str, moved: Moved) -> bool:
        """Whether a node may differ although all that it names is as it was."""
        node = self.nodes[key]
        reached = self._reached(key)
        names = {self._macros[name].name for name in reached}
        asked = self._asked(key, reached)
        is_of_export = any(name.startswith(EXPORT) for name in asked)
        return (
            not self._is_of_known_kind(node, names)
            or bool(CLOCK.search(_text(node)))
            or any(
                CLOCK.search(self._texts[name])
                for name in reached
                if not self._asks_whether_happened(name)
            )
            or (HAPPENED in names and key not in moved.happened)
            or any(not name.startswith(EXPORT) for name in asked)
            or (moved.export and (is_of_export or self._reads_export_source(key)))
            or not (is_of_export or self.reads(key) or kind_of(node) == "seed")
        )

    def _asks_whether_happened(self, name: str) -> bool:
        return self._macros[name].name == HAPPENED

    def _is_of_known_kind(self, node: Any, names: set[str]) -> bool:
        if str(getattr(node, "language", "sql")) not in ("sql", "ModelLanguage.sql"):
            return False
        if node.config.materialized == "incremental":
            return bool(BY_DAYS & names) and node.config.incremental_strategy != "microbatch"
        return node.config.materialized in KINDS

    def _reads_export_source(self, key: str) -> bool:
        sources = (self.sources[name] for name in self.reads(key) if name in self.sources)
        return any(source.source_name == "ga4" for source in sources)

    def _asked(self, key: str, reached: set[str]) -> set[str]:
        """The files of macros through which the node reads what it does not name."""
        asking = {
            self._macros[name].original_file_path
            for name in reached
            if self._macros[name].package_name not in ("dbt", "dbt_duckdb", "dbt_bigquery")
            and self._macros[name].name not in KNOWN
            and ASKS.search(self._texts[name])
        }
        node = self.nodes[key]
        return asking | ({node.original_file_path} if ASKS.search(_text(node)) else set())

    def _reached(self, key: str) -> set[str]:
        """The macros that a node may call, directly or through others, but for `NOTES`."""
        node = self.nodes[key]
        found: set[str] = set()
        waiting = [*node.depends_on.macros, *self._called(_text(node))]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._macros or self._macros[name].name in NOTES:
                continue
            found.add(name)
            if self._asks_whether_happened(name):
                continue
            if name not in self._calls:
                own = set(self._macros[name].depends_on.macros)
                self._calls[name] = own | self._called(self._texts[name])
            waiting += self._calls[name]
        return found

    def _called(self, text: str) -> set[str]:
        """The macros whose names a text calls, wherever they come from."""
        names = {*CALLED.findall(text), *DISPATCHED.findall(text)}
        return {key for name in names for key in self._named.get(name, ())}


def kind_of(node: Any) -> str:
    """Return model, seed, snapshot or test."""
    return str(getattr(node.resource_type, "value", node.resource_type))


def _text(node: Any) -> str:
    """All of a node in which something may be called: its code, its hooks, its configuration."""
    config = node.config
    hooks = [*getattr(config, "pre_hook", ()), *getattr(config, "post_hook", ())]
    tested = getattr(node, "test_metadata", None)
    parts = [node.raw_code if hasattr(node, "raw_code") else "", *(hook.sql for hook in hooks)]
    parts += [str(getattr(node, "unrendered_config", "")), str(tested.kwargs if tested else "")]
    return COMMENT.sub("", "\n".join(parts))
