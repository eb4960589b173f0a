"""The notice of an operation that has succeeded, and one of what a caller says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.notices.expense import cost_in_words, operation_cost
from aurora_restore.shared.notices.facts import (
    course,
    data,
    drift,
    places,
    proofs,
    scripts,
    wiring,
)
from aurora_restore.shared.notices.notice import (
    Notice,
    bullets,
    paragraph,
    sections,
    subject_of,
)
from aurora_restore.shared.notices.steps import steps_in_words, steps_taken
from aurora_restore.shared.notices.target import TargetNow, facts_of, target_now
from aurora_restore.shared.notices.way_on import DeployedPipeline
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import RETIRE, ROLL_BACK

SUCCESS_STATUS: Final = "success"

# The keys of the state that a success announces.
_FACTS: Final = (
    "restore",
    "started_by",
    "target_region",
    "cluster_endpoint",
    "cluster_port",
    "source_snapshot_arn",
    "snapshot_created_at",
    "deleted_cluster_id",
    "deleted_beside",
    "disabled_logins",
    "disabled_login_count",
    "open_logins",
    "wiring_removed",
    "wiring_kept",
    "wiring_reported",
    "scripts",
    "masking",
    "handed_over_at",
    "switched_at",
    "interruption_seconds",
    "interruption_granularity_seconds",
    "unanswered_seconds",
    "unanswered_granularity_seconds",
    "verified_at",
    "certificate_matches",
    "certificate",
    "retired_sessions_ended",
    "retired_sessions_left",
    "retired_cluster_id",
    "retired_until",
    "app_secret_endpoint",
    "managed_secret_arn",
    "privileges_beyond_reach",
    "also_used_by",
    "deleted_snapshots",
    "route",
    "final_snapshot",
    "drift",
)

_RESTORED: Final = "Aurora restore completed successfully"
# What a success is called where the run is no restore.
_SENTENCES: Final = {
    ROLL_BACK.name: "The Aurora cluster that served before serves again",
    RETIRE.name: "What was kept beside the Aurora cluster has been deleted",
}
_SHORT: Final = {ROLL_BACK.name: "rolled back", RETIRE.name: "old clusters deleted"}


def success_notice(
    operation_id: str,
    state: OperationState,
    *,
    restore: str,
    target: str,
    restored_cluster: str,
    deployment: DeployedPipeline,
    moment: datetime,
    audit: Sequence[Mapping[str, Any]] = (),
    instance_classes: Sequence[str] = (),
    warnings: Sequence[str] = (),
    later: LaterOperation | None = None,
) -> Notice:
    """Return the notice of an operation that has come to its end.

    ``restored_cluster`` is the name that the restored cluster has, or will have; ``audit`` are the
    operation's events in the audit table, and ``instance_classes`` those of its instances;
    ``later`` is the operation that came to the target since.
    """
    sequence = str(state.sequence)
    sentence = _SENTENCES.get(sequence, _RESTORED)
    details = announced_facts(state, target, restored_cluster, warnings)
    now = target_now(state, operation_id, later=later)
    taken = tuple(steps_taken(audit, state.operation_started_at))
    cost = operation_cost(state, taken, instance_classes, moment)
    if cost is not None:
        details["approximate_cost"] = {"usd": round(cost.usd, 2), "is_complete": cost.is_complete}
    return Notice(
        gist=" ".join((f"{sentence}.", *now.sentences, *warnings)),
        subject=subject_of(
            f"{deployment.name_prefix} {restore}",
            f"success - {_short(sequence, now, _refreshed(target, state))}",
        ),
        text=sections(
            f"{sentence}: {target} (restore {restore} of {deployment.name_prefix}).",
            [
                ("Warnings", [bullets(warnings)]),
                ("The target now", [*map(paragraph, now.sentences), bullets(places(state))]),
                ("Its data", [bullets(data(state, moment))]),
                ("Scripts and checks", [bullets(scripts(state)), bullets(proofs(state))]),
                ("What tied it to production", [bullets(wiring(state))]),
                ("Where it differs from what it should be", [bullets(drift(state))]),
                ("The steps", [bullets(steps_in_words(taken))]),
                ("Approximate cost", [bullets(cost_in_words(cost))]),
                ("The operation", [bullets(course(operation_id, state, audit, moment))]),
            ],
        ),
        document=_document(operation_id, SUCCESS_STATUS, sentence, details, moment),
    )


def announced_facts(
    state: OperationState, target: str, restored_cluster: str, warnings: Sequence[str]
) -> dict[str, Any]:
    """Return the ``details`` of the documented JSON: what is not known is left out."""
    known = state.to_details()
    return {
        "cluster_identifier": target,
        "target_cluster_id": target,
        **{fact: known[fact] for fact in _FACTS if fact in known},
        **facts_of(state, target, restored_cluster),
        **({"warnings": list(warnings)} if warnings else {}),
    }


def notice_in_words(
    operation_id: str,
    *,
    status: str,
    sentence: str | None,
    details: Mapping[str, Any],
    restore: str,
    deployment: DeployedPipeline,
    moment: datetime,
) -> Notice:
    """Return a notice with what a caller says, which is all that it says."""
    sentence = sentence or (_RESTORED if status == SUCCESS_STATUS else "Aurora restore failed")
    return Notice(
        gist=sentence,
        subject=subject_of(f"{deployment.name_prefix} {restore}", _outcome(status)),
        text=sections(sentence, [("The operation", [bullets([f"Operation: {operation_id}"])])]),
        document=_document(operation_id, status, sentence, details, moment),
    )


def _outcome(status: str) -> str:
    return status if status == SUCCESS_STATUS else status.upper()


def _document(
    operation_id: str, status: str, sentence: str, details: Mapping[str, Any], moment: datetime
) -> dict[str, Any]:
    return {
        "operation_id": operation_id,
        "status": status,
        "message": sentence,
        "details": details,
        "timestamp": timestamp(moment),
    }


def _short(sequence: str, now: TargetNow, refreshed: str) -> str:
    """Return what a subject says of a success; the data of one in the past is not the target's."""
    return _SHORT.get(sequence) or (now.short if now.is_of_another else refreshed)


def _refreshed(target: str, state: OperationState) -> str:
    taken = state.snapshot_created_at
    return f"{target} has the data of {taken[:10]}" if taken else f"{target} is refreshed"
