"""Follows a person through the landed tables: by number, by address, and by what rows refer to.

The same rules as the macro `sweep_conditions`, which deletes: here they tell beforehand which rows
and files are meant, and what else the person is known by. A contact of Salesforce with the person's
customer number makes the cases of that contact theirs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from madang.erase.values import Known, sha256
from madang.ingest.checks.contacts import normalize_email, normalize_phone
from madang.ingest.sources import read_sources
from madang.ingest.tables import SourceTable
from madang.people.identifiers import chunks, key_of
from madang.warehouse import Row, Warehouse

NORMAL = {"email": normalize_email, "phone": normalize_phone}
SIGNS = ("-", " ", ".", "(", ")")  # that people write into telephone numbers
ROUNDS = 20


@dataclass
class Found:
    """Where the landed rows are: how many by table, and the files they came from."""

    rows: dict[str, int] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


@dataclass
class _Columns:
    """A landed table's columns that stand for a person, by name."""

    relation: str
    owners: list[str]
    contacts: dict[str, str]
    own: dict[str, str]
    refers: dict[str, str]
    reusable: frozenset[str]
    """Keys that may stand for two things, see `key_means` in docs/loading.md."""

    @property
    def names(self) -> list[str]:
        return [*self.owners, *self.contacts, *self.own, *self.refers]


def follow(warehouse: Warehouse, project_dir: Path, known: Known) -> Found:
    """Find the person's landed rows; add to `known` what else these are known by."""
    declared = read_sources(project_dir)
    landed = warehouse.columns("raw")
    tables = {
        one.identifier: _columns(warehouse, one, landed[one.identifier])
        for one in declared
        if one.identifier in landed
    }
    look = _Look(warehouse, _homes(warehouse, declared, landed), known)
    for kind in look.homes:
        known.records[kind] = look.at_home(kind, known.records.get(kind, []))
    for _ in range(ROUNDS):
        before = known.size()
        look.found = Found()
        for name, table in tables.items():
            look.at(name, table)
        if known.size() == before:
            break
    return look.found


def _columns(warehouse: Warehouse, table: SourceTable, landed: list[str]) -> _Columns:
    there = [column for column in table.columns if column.name in landed]
    kinds = {one.name: one.stands_for for one in there if one.stands_for}
    return _Columns(
        relation=warehouse.relation("raw", table.identifier),
        owners=[name for name, kind in kinds.items() if kind == "crm_id"],
        contacts={name: kind for name, kind in kinds.items() if kind in NORMAL},
        own={name: kind for name, kind in kinds.items() if kind not in (*NORMAL, "crm_id")},
        refers={one.name: one.refers_to for one in there if one.refers_to},
        reusable=frozenset(table.key if table.key_means else ()),
    )


def _homes(
    warehouse: Warehouse, declared: list[SourceTable], landed: dict[str, list[str]]
) -> dict[str, str]:
    """For kinds that are a person's only sometimes: a query of the values that are."""
    quoted = warehouse.dialect.quoted
    return {
        column.identifies: f"select {quoted(column.name)} as value "
        f"from {warehouse.relation('raw', table.identifier)} "
        f"where lower({quoted(column.only_where)}) = 'true' and {quoted(column.name)}"
        for table in declared
        if table.identifier in landed
        for column in table.columns
        if column.identifies and column.only_where
    }


@dataclass
class _Look:
    """What was found so far."""

    warehouse: Warehouse
    homes: dict[str, str]
    known: Known
    found: Found = field(default_factory=Found)

    def at(self, name: str, table: _Columns) -> None:
        """Look at one table once."""
        known, theirs = self.known, []
        addresses: dict[str, set[str]] = {"email": set(), "phone": set()}
        for row in _candidates(self.warehouse, table, known):
            owners = [row[one] for one in table.owners if row[one] is not None]
            is_owned = any(one in known.numbers for one in owners)
            meant = _meant(row, table, known)
            if is_owned or (not owners and meant == "theirs"):
                theirs.append(row)
            if is_owned or meant:
                self.found.rows[name] = self.found.rows.get(name, 0) + row["row_count"]
                self.found.files.add(row["file"])
            if is_owned:
                for column, kind in table.contacts.items():
                    if row[column] and (plain := NORMAL[kind](row[column])):
                        addresses[kind].add(plain)
        for column, kind in table.own.items():
            values = {row[column] for row in theirs if row[column]}
            values -= set(known.records.get(kind, []))
            values -= self.of_others(table, column, values)
            known.add_records(kind, self.at_home(kind, sorted(values)))
        for kind, values in addresses.items():
            known.add_addresses(kind, _nobody_elses(self.warehouse, known, kind, values))

    def of_others(self, table: _Columns, column: str, values: set[str]) -> set[str]:
        """Of values of a column those in another customer's row: they lead nowhere.

        Those of a key that may stand for two things also in a row with another address.
        """
        quoted, found = self.warehouse.dialect.quoted, set()
        names = ", ".join(map(quoted, table.names))
        for piece, marks in chunks(sorted(values)):
            sql = f"select distinct {names} from {table.relation}"
            for row in self.warehouse.fetch(f"{sql} where {quoted(column)} in ({marks})", piece):
                owners = {row[one] for one in table.owners} - {None}
                is_strange = column in table.reusable and _has_strange(row, table, self.known)
                if not owners & set(self.known.numbers) if owners else is_strange:
                    found.add(row[column])
        return found

    def at_home(self, kind: str, values: list[str]) -> list[str]:
        """Of values of a kind that is a person's only sometimes, those that are."""
        if kind not in self.homes:
            return values
        there: set[str] = set()
        for piece, marks in chunks(values):
            rows = self.warehouse.fetch(f"{self.homes[kind]} in ({marks})", piece)
            there |= {row["value"] for row in rows}
        return sorted(there)


def _candidates(warehouse: Warehouse, table: _Columns, known: Known) -> list[Row]:
    """Every row that may be the person's, each content and file once, with how often."""
    quoted = warehouse.dialect.quoted
    asked = list(_conditions(table, known, quoted))
    if not asked:
        return []
    names = ", ".join(map(quoted, table.names))
    either = " or ".join(condition for condition, _ in asked)
    values = [value for _, some in asked for value in some]
    sql = f"""
        select {names}, _file as file, count(*) as row_count
        from {table.relation} where {either} group by {names}, _file"""
    return warehouse.fetch(sql, values)


def _conditions(table: _Columns, known: Known, quoted) -> Iterator[tuple[str, list[str]]]:
    wanted = [(column, known.numbers) for column in table.owners]
    wanted += [(column, known.records.get(kind, [])) for column, kind in table.own.items()]
    wanted += [(column, known.records.get(kind, [])) for column, kind in table.refers.items()]
    for column, values in wanted:
        for piece, marks in chunks(values):
            yield f"{quoted(column)} in ({marks})", piece
    for column, kind in table.contacts.items():
        plain = known.emails if kind == "email" else []
        for piece, marks in chunks([*plain, *known.hashes(kind)]):
            yield f"lower(trim({quoted(column)})) in ({marks})", piece
        if kind == "phone":
            digits = quoted(column)
            for sign in SIGNS:
                digits = f"replace({digits}, '{sign}', '')"
            for number in known.phones:
                yield f"{digits} like ?", [f"%{number[-8:]}"]


def _meant(row: Row, table: _Columns, known: Known) -> str | None:
    """What a row without an owner would be: 'theirs', or somebody else's that mentions them."""
    contacts = table.contacts.items()
    if any(row[one] is not None and known.has_address(kind, row[one]) for one, kind in contacts):
        return "theirs"
    hits = {
        column
        for column, kind in (*table.own.items(), *table.refers.items())
        if row[column] in known.records.get(kind, [])
    }
    if hits - table.reusable - set(table.refers):
        return "theirs"
    is_strange = _has_strange(row, table, known)
    if hits & set(table.refers):
        return "mentioned" if is_strange else "theirs"
    return "theirs" if hits and not is_strange else None


def _has_strange(row: Row, table: _Columns, known: Known) -> bool:
    """Whether a row has an address that is not the person's."""
    return any(
        row[column] is not None and not known.has_address(kind, row[column])
        for column, kind in table.contacts.items()
    )


def _nobody_elses(warehouse: Warehouse, known: Known, kind: str, values: set[str]) -> list[str]:
    """Of addresses in the person's rows those that identity gives to nobody else.

    Those in quarantine are shared: they are the person's only where whoever erases says so.
    """
    left = sorted(value for value in values if not known.has_address(kind, value))
    keys = {key_of(kind, sha256(value)): value for value in left}
    taken = set()
    for piece, marks in chunks(keys):
        sql = f"""
            select seen.identifier_key, seen.quarantine_reason, named.person_id
            from {warehouse.relation("identity", "identifiers")} as seen
            left join {warehouse.relation("identity", "person_identifiers")} as named
                on seen.identifier_key = named.identifier_key
            where seen.identifier_key in ({marks})"""
        for row in warehouse.fetch(sql, piece):
            is_shared = row["quarantine_reason"] is not None
            if is_shared and not known.takes_shared:
                known.shared = sorted({*known.shared, row["identifier_key"]})
            if not known.takes_shared if is_shared else row["person_id"] != known.person_id:
                taken.add(row["identifier_key"])
    return [value for key, value in keys.items() if key not in taken]
