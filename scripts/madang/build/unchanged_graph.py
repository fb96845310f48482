"""Which nodes of a dbt project may give something else than last time, read from its manifest.

Whatever is not known for sure counts as changed: a node too many costs a moment, one too few would
leave yesterday's table in its place.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Tags by which a node says that it may differ although all that it names is as it was: at every
#: moment, on another day, until all that it holds has happened, or where the export has changed.
CLOCK, DAY, UNTIL_HAPPENED = "clock", "clock_day", "clock_until_happened"
EXPORT = "ga4_export"
#: The tag of tables that ask which days there are to build, and hang on nothing else.
BY_DAY = "by_day"
#: Macros of dbt through which a node reads what ref() and source() do not name.
ASKING = frozenset({"run_query", "statement", "load_relation", "load_cached_relation"})
#: Macros of this project that ask only about what the node itself names, about what dbt writes
#: (the ledgers of days and tables), or about erased people, which unchanged.py looks at.
KNOWN = frozenset(
    {
        *(
            "as_of_day",
            "builds_ledger",
            "default__get_where_subquery",
            "erased_identifiers",
            "ga4_changed_days",
        ),
        *(
            "ga4_days_built_last",
            "ga4_days_ledger",
            "has_happened",
            "logged",
            "nothing_lies_ahead",
            "without_erased",
        ),
        # they note when a day was built, or give a table the types of the variables
        *("ga4_record_days", "ga4_record_user_days", "ga4_retype_columns"),
    }
)
#: What compiled SQL holds that says another thing in another run: the clock, chance, files, or a
#: table that neither ref() nor source() named.
RESTLESS = re.compile(
    r"\b(current_(timestamp|datetime|date|time)|localtimestamp|sysdate)\b"
    r"|\b(now|today|random|rand|setseed|uuid(v\d)?|gen_random_uuid|generate_uuid)\s*\("
    r"|\b(read_\w+|glob|parquet_\w+|sniff_csv|external_query|\w+_scan)\s*\("
    r"|\binformation_schema\b|__tables__",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"\b(?:from|join)\s+((?:[`\"]?[\w-]+[`\"]?\s*\.\s*){1,2}[`\"]?\w+[`\"]?)(?!\s*\()",
    re.IGNORECASE,
)
#: Why a node is built whose rules ask for the moment.
AT_EACH_CLOCK = "the clock"
#: A moment, as the macro as_of writes it.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
#: Built from the same, a table of these kinds is the same; of others nobody knows.
KINDS = frozenset(
    {
        *("append_when_changed", "connected_components", "days_when_changed", "markov_fits"),
        *("ephemeral", "never_link_cuts", "seed", "table", "table_when_changed", "test", "view"),
    }
)
#: It is compared with the ledger of days to tell what a shard has lost, and for nothing else; a
#: build in which one has lost something is no whole one.
COMPARES = frozenset({"base_ga4__shards"})


@dataclass(frozen=True)
class Moved:
    """What is not as it was in the last whole build."""

    sources: set[str] = field(default_factory=set)
    export: bool = False
    #: The clock is another one, and its day is.
    clock: bool = True
    day: bool = True
    #: Nodes without a tag whose compiled SQL said that they differ from run to run.
    restless: set[str] = field(default_factory=set)
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

    def to_build(self, moved: Moved) -> dict[str, str]:
        """Return the nodes that may give something else than in the last whole build, and why."""
        why = {key: told for key in self.nodes if (told := self._restless(key, moved))}
        for key in moved.warned & self.nodes.keys():  # what it looks at may have settled since
            for one in {key, *self.reads(key)} & self.nodes.keys():
                why.setdefault(one, f"{self.nodes[key].name} warned")
        for key in moved.sources:
            why[key] = f"new rows in {self.sources[key].identifier}"
        readers: dict[str, set[str]] = {}
        for key in self.nodes:
            for name in self.reads(key):
                readers.setdefault(name, set()).add(key)
        ledgers = {key for key, source in self.sources.items() if source.source_name == "builds"}
        for key in self._behind(ledgers, readers):
            why.setdefault(key, "the ledger of builds")
        # what moved of itself is said first, the clock last: it moves at each build
        waiting = deque(sorted(why, key=lambda key: (why[key] == AT_EACH_CLOCK, key)))
        told = {}
        while waiting:
            key = waiting.popleft()
            if key not in told:
                told[key] = why[key]
                for reader in sorted(readers.get(key, ())):
                    why.setdefault(reader, why[key])
                    waiting.append(reader)
        return {key: reason for key, reason in told.items() if key in self.nodes}

    def has_tag(self, key: str, tag: str) -> bool:
        """Say whether a node declares something of itself, see `CLOCK`."""
        return tag in self.nodes[key].tags

    def is_log(self, key: str) -> bool:
        """Say whether a node appends what is new, and notes the clock beside it alone."""
        return self.nodes[key].config.materialized == "append_when_changed"

    def is_restless(self, key: str, compiled: str, moments: Iterable[str]) -> bool:
        """Say whether compiled SQL differs from run to run; `moments` are the run's, as texts.

        What declares itself by a tag is taken at its word.
        """
        if {CLOCK, DAY, UNTIL_HAPPENED, EXPORT, BY_DAY} & set(self.nodes[key].tags):
            return False
        text = COMMENT.sub("", compiled)
        if RESTLESS.search(text) or any(moment in text for moment in moments):
            return True
        named = {_plain(name) for name in NAMED.findall(text)}
        known = {_plain(self._relation_name(name)) for name in self.reads(key)}
        own = {_plain(self._relation_name(key)), ""}
        return any(name.count(".") and name not in known | own for name in named)

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

    def _restless(self, key: str, moved: Moved) -> str:
        """Why a node may differ although all that it names is as it was; else an empty text."""
        is_of_export = self.has_tag(key, EXPORT)
        if moved.export and (is_of_export or self._reads_export_source(key)):
            return "the export changed"
        if self.has_tag(key, DAY) and moved.day:
            return "another day"
        if moved.clock and self.has_tag(key, UNTIL_HAPPENED) and key not in moved.happened:
            return "something lay ahead"
        if moved.clock and self.has_tag(key, CLOCK) and not self.is_log(key):
            return AT_EACH_CLOCK
        is_known = self._is_of_known_kind(key) and key not in moved.restless
        if not is_known or (self._asks(key) and not is_of_export):
            return "what it reads is not known"
        return ""

    def _is_of_known_kind(self, key: str) -> bool:
        node = self.nodes[key]
        if str(getattr(node, "language", "sql")) not in ("sql", "ModelLanguage.sql"):
            return False
        if node.config.materialized == "incremental":
            return self.has_tag(key, EXPORT) or self.has_tag(key, BY_DAY)
        return node.config.materialized in KINDS

    def _reads_export_source(self, key: str) -> bool:
        sources = (self.sources[name] for name in self.reads(key) if name in self.sources)
        return any(source.source_name == "ga4" for source in sources)

    def _asks(self, key: str) -> bool:
        """Whether the node reaches a macro that asks the warehouse, as dbt found when it parsed."""
        found: set[str] = set()
        waiting = [*self.nodes[key].depends_on.macros, *self._called_at_execution(key)]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._macros or self._macros[name].name in KNOWN:
                continue
            if self._macros[name].name in ASKING:
                return True
            found.add(name)
            waiting += self._macros[name].depends_on.macros
        return False

    def _called_at_execution(self, key: str) -> set[str]:
        """The macros that a node calls where dbt does not come by when it parses: `if execute`."""
        text = getattr(self.nodes[key], "raw_code", "")
        if "execute" not in text:
            return set()
        from dbt.clients.jinja_static import statically_extract_macro_calls

        names = {name.rpartition(".")[2] for name in statically_extract_macro_calls(text, {})}
        return {name for name, macro in self._macros.items() if macro.name in names}

    def _relation_name(self, key: str) -> str:
        node = self.nodes.get(key) or self.sources.get(key)
        return str(getattr(node, "relation_name", None) or "")


def kind_of(node: Any) -> str:
    """Return model, seed, snapshot or test."""
    return str(getattr(node.resource_type, "value", node.resource_type))


def _plain(relation: str) -> str:
    """The schema and the name of a relation, without quotes."""
    parts = [part.strip(' `"\n\t') for part in relation.split(".")]
    return ".".join(parts[-2:]).lower()
