"""Looks at audiences in the built warehouse: sizes, losses, channels, overlaps and changes."""

from madang import ui
from madang.build.builds import another_clock
from madang.errors import UsageError, did_you_mean
from madang.settings.workspace import Settings
from madang.specs.audiences import Audience
from madang.specs.check import check_project
from madang.sync import diff, ledger
from madang.sync.destinations.registry import object_of
from madang.sync.spec import SyncSpec, load_specs
from madang.warehouse import Row, Warehouse, WarehouseError, may_be_built, open_warehouse


def find_audience(settings: Settings, name: str) -> tuple[str, Audience]:
    """Return (name, rule) of an audience, with or without `aud_`. Raises UsageError."""
    audiences = check_project(settings.project_dir).audiences
    plain = name.removeprefix("aud_")
    if plain not in audiences:
        raise UsageError(
            f"There is no audience named '{name}'.{did_you_mean(plain, audiences)}",
            fix=f"Audiences: {', '.join(sorted(audiences)) or 'none'}. "
            "If its rule has a mistake, 'madang check' tells.",
        )
    return plain, audiences[plain]


def require(warehouse: Warehouse, *tables: tuple[str, str]) -> None:
    """Raise WarehouseError unless the tables (layer, name) are built."""
    for layer, table in tables:
        if not warehouse.exists(layer, table):
            raise WarehouseError(
                f"The table {layer}.{table} is not built yet.", fix="Run 'madang build'."
            )


def show_list(settings: Settings) -> None:
    """Print the audiences and, where they are built, their sizes."""
    audiences = check_project(settings.project_dir).audiences
    sizes: dict[str, dict[str, int]] = {}
    if may_be_built(settings):
        with open_warehouse(settings, read_only=True) as warehouse:
            show_another_clock(settings, warehouse)
            if warehouse.exists("marts", "audience_waterfall"):
                for name in audiences:
                    steps = waterfall(warehouse, name)
                    sizes[name] = {row["step"]: row["subjects"] for row in steps}
    rows = [
        (
            name,
            rule.label,
            sizes.get(name, {}).get("members"),
            sizes.get(name, {}).get("contactable"),
        )
        for name, rule in sorted(audiences.items())
    ]
    ui.table("Audiences", ("name", "label", "members", "contactable"), rows)
    if len(sizes) < len(audiences):
        ui.line("Sizes are known after 'madang build'.")


def show_preview(settings: Settings, name: str) -> None:
    """Print one audience: size, losses, channels, overlap, change. Raises UsageError."""
    name, rule = find_audience(settings, name)
    with open_warehouse(settings, read_only=True) as warehouse:
        require(
            warehouse,
            ("marts", "audience_waterfall"),
            ("marts", "audience_members"),
            ("marts", "contactability"),
        )
        show_another_clock(settings, warehouse)
        steps = waterfall(warehouse, name)
        channels = by_channel(warehouse, name, rule.contact.purpose)
        shared = overlap(warehouse, name)
        changes = [
            (spec, change_since_sync(settings, warehouse, spec, fields))
            for spec in load_specs(settings.project_dir)
            if (fields := fields_of(warehouse, spec, name))
        ]
    sizes = {row["step"]: row["subjects"] for row in steps}
    rows = [
        ("label", rule.label),
        ("members", f"{sizes.get('members', 0):,}"),
        ("contactable", f"{sizes.get('contactable', 0):,}"),
        *consents(rule),
    ]
    ui.summary(f"Audience {name}", rows)
    show_waterfall(steps)
    reasons = ["allowed", *(row["reason"] for row in steps if row["step"] == "lost")]
    reasons.remove("anonymous")  # nobody knows what they allow
    ui.table(
        "By channel",
        ("channel", "counts", *(reason.replace("_", " ") for reason in reasons)),
        [
            (channel, channel in rule.contact.channels, *(counts.get(name, 0) for name in reasons))
            for channel, counts in channels.items()
        ],
    )
    ui.table(
        "Also in",
        ("audience", "persons", "share"),
        [(row["audience"], row["persons"], f"{row['share']:.0%}") for row in shared],
        empty="nobody is in another audience",
    )
    for spec, change in changes:
        counts = ", ".join(f"{count:,} {what}" for what, count in change.items())
        ui.line(f"Values since the last sync {spec.name} → {spec.destination}: {counts}")


def consents(rule: Audience) -> list[tuple[str, str]]:
    """Return a line for each purpose that an audience names."""
    told = [f"{one.purpose}: any of {', '.join(one.channels)}" for one in rule.consent]
    return [("consent", text) for text in told]


def show_another_clock(settings: Settings, warehouse: Warehouse) -> None:
    """Print it where the tables were built by another clock than the one that is asked by."""
    if found := another_clock(settings, warehouse):
        ui.line(found, "yellow")


def waterfall(warehouse: Warehouse, name: str) -> list[Row]:
    """Return the steps from candidates to contactable: step, reason, subjects."""
    return warehouse.fetch(
        f"""
        select step, reason, subjects from {warehouse.relation("marts", "audience_waterfall")}
        where audience = ? order by step_number""",
        [name],
    )


def show_waterfall(steps: list[Row]) -> None:
    """Print a waterfall: what is lost stands with a minus."""
    rows = []
    for row in steps:
        lost = row["step"] == "lost"
        label = f"- {row['reason']}" if lost else row["step"]
        rows.append(
            (label, f"-{row['subjects']:,}" if lost and row["subjects"] else f"{row['subjects']:,}")
        )
    ui.table("Who is lost, and why", ("step", "subjects"), rows)


def by_channel(warehouse: Warehouse, name: str, purpose: str) -> dict[str, dict[str, int]]:
    """Return per channel, the most allowed first, how many members there are by reason."""
    rows = warehouse.fetch(
        f"""
        select contactability.channel, contactability.reason, count(*) as persons
        from {warehouse.relation("marts", "audience_members")} as members
        inner join {warehouse.relation("marts", "contactability")} as contactability
            on members.person_id = contactability.person_id
        where members.audience = ? and contactability.purpose = ?
        group by contactability.channel, contactability.reason""",
        [name, purpose],
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["channel"], {})[row["reason"]] = row["persons"]
    return dict(sorted(counts.items(), key=lambda one: (-one[1].get("allowed", 0), one[0])))


def overlap(warehouse: Warehouse, name: str) -> list[Row]:
    """Return the other audiences with the persons shared, and their share of this audience."""
    members = warehouse.relation("marts", "audience_members")
    return warehouse.fetch(
        f"""
        select others.audience, count(*) as persons,
            count(*) / (select count(*) from {members} where audience = $name) as share
        from {members} as own
        inner join {members} as others
            on own.person_id = others.person_id and own.audience <> others.audience
        where own.audience = $name
        group by others.audience
        order by persons desc, others.audience""".replace("$name", "?"),
        [name, name],
    )


def fields_of(warehouse: Warehouse, spec: SyncSpec, name: str) -> list[str]:
    """Return the fields (attributes, lists) of an audience that a sync's model has, sorted."""
    if "audience" not in warehouse.columns("activation").get(spec.model, []):
        return []
    relation = warehouse.relation("activation", spec.model)
    rows = warehouse.fetch(
        f"select distinct field from {relation} where audience = ? order by field", [name]
    )
    return [row["field"] for row in rows]


def change_since_sync(
    settings: Settings, warehouse: Warehouse, spec: SyncSpec, fields: list[str]
) -> dict[str, int]:
    """Return what a plan made now would do with these fields' values: add, change, remove."""
    relation = warehouse.relation("activation", spec.model)
    wanted = diff.wanted(relation, settings.warehouse.type)
    if warehouse.exists(ledger.LAYER, "sync_deliveries"):
        deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
        delivered = diff.delivered(deliveries, spec.name, object_of(spec))
    else:
        delivered = "select sync_key, field, value_hash from (" + wanted + ") as none where 1 = 0"
    of_audience = f"where field in ({', '.join('?' * len(fields))})"
    changed = warehouse.fetch(
        f"""
        select operation, count(*) as changes
        from ({diff.changes(wanted, delivered, diff.waiting(relation), object_of(spec))})
        {of_audience} group by operation""",
        fields,
    )
    counts = {row["operation"]: row["changes"] for row in changed}
    kept = warehouse.fetch(f"select count(*) as n from ({wanted}) {of_audience}", fields)[0]["n"]
    return {
        "to add": counts.get("add", 0),
        "to change": counts.get("change", 0),
        "to remove": counts.get("remove", 0),
        "as they are": kept - counts.get("add", 0) - counts.get("change", 0),
    }
