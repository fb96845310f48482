"""Decides which stored plan may be sent now: the latest of its sync, whole, fresh and unguarded."""

from madang.settings.workspace import Settings
from madang.sync import SyncError, files, ledger
from madang.sync.clock import utc_now
from madang.sync.plan import Plan, read_plan, verify_rows
from madang.warehouse import Warehouse


def latest_plans(warehouse: Warehouse) -> list[dict]:
    """Return the latest plan of every sync, oldest first: plan_id, sync, is_applied.

    A plan with nothing to send counts as applied.
    """
    plans, runs = (warehouse.relation(ledger.LAYER, name) for name in ("sync_plans", "sync_runs"))
    return warehouse.fetch(
        f"""
    select plans.plan_id, plans.sync,
        plans.status = 'empty' or runs.plan_id is not null as is_applied
    from (
        select plan_id, sync, status, coalesce(ledger_no, 0) as ledger_no,
            row_number() over (
                partition by sync order by coalesce(ledger_no, 0) desc, plan_id desc
            ) as recency
        from {plans}
    ) as plans
    left join (
        select distinct plan_id from {runs} where status in ('succeeded', 'partial')
    ) as runs on plans.plan_id = runs.plan_id
    where plans.recency = 1
    order by plans.ledger_no, plans.plan_id"""
    )


def choose(settings: Settings, warehouse: Warehouse, plan_id: str | None) -> tuple[Plan, bool]:
    """Return the plan to send and whether it is already applied."""
    latest = latest_plans(warehouse)
    if plan_id is None:
        if not latest:
            raise SyncError("Nothing is planned.", fix="Run 'madang plan' first.")
        waiting = [row for row in latest if not row["is_applied"]]
        chosen = (waiting or latest)[-1]
        return read_plan(settings, chosen["plan_id"]), chosen["is_applied"]
    plan = read_plan(settings, plan_id)
    for row in latest:
        if row["plan_id"] == plan_id:
            return plan, row["is_applied"]
        if row["sync"] == plan.sync:
            raise SyncError(
                f"The plan {plan_id} is overtaken: {row['plan_id']} was made after it.",
                fix=f"Apply that one, with 'madang sync --apply --plan {row['plan_id']}'.",
            )
    raise SyncError(
        f"The warehouse does not know the plan {plan_id}: it belongs to another one.",
        where=str(plan.folder),
        fix="Make a new plan with 'madang plan'.",
    )


def was_begun(warehouse: Warehouse, plan: Plan) -> bool:
    """Say whether an earlier run has sent a part of a plan."""
    sent = warehouse.relation(ledger.LAYER, "sync_deliveries")
    sql = f"select 1 as found from {sent} where plan_id = {files.text(plan.plan_id)} limit 1"
    return bool(warehouse.fetch(sql))


def check(settings: Settings, plan: Plan, allow_guards: bool) -> None:
    """Raise SyncError when a plan is too old, guarded, or not as it was made."""
    verify_rows(plan)
    hours = (utc_now() - plan.created_at).total_seconds() / 3600
    limit = settings.sync.max_plan_age_hours
    if hours > limit:  # below zero the clock was ahead then or is behind now: no reason to wait
        raise SyncError(
            f"The plan {plan.plan_id} is {hours:.1f} hours old; the limit is {limit:g}.",
            where=f"{settings.config_path}, sync.max_plan_age_hours",
            fix="Build and plan again: 'madang build', 'madang plan'.",
        )
    if plan.guards and not allow_guards:
        told = "\n".join(f"- {guard.message}" for guard in plan.guards)
        raise SyncError(
            f"A guard stops this plan. Nothing was sent.\n{told}",
            where=f"plan {plan.plan_id} of {plan.sync}",
            fix="Look at what changed. If it is meant, apply the plan with --force.",
        )
