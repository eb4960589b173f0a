"""What a message says of the target while a cluster beside it is prepared and switched to."""

from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import ROLL_BACK, SWITCH


def target_notice(state: OperationState, target: str) -> dict[str, str]:
    """Return what an answer, the audit trail and a notice say of the cluster that serves.

    Empty for an operation that switches nothing.
    """
    if state.sequence not in (SWITCH.name, ROLL_BACK.name):
        return {}
    return {"target_serves": _described(state, target)}


def _described(state: OperationState, target: str) -> str:
    if state.switched_at is not None:
        kept = ""
        if state.retired_cluster_id is not None:
            is_shut = state.quarantine_security_group_ids != ()
            kept = (
                f"; what served before is {state.retired_cluster_id}"
                f"{', out of reach,' if is_shut else ''} and is kept until {state.retired_until}"
            )
        where = ""
        if state.new_cluster_id not in (None, target) and state.cluster_endpoint:
            where = f" to {state.new_cluster_id}, which is reached at {state.cluster_endpoint}"
        return f"{target} has been switched at {state.switched_at}{where}{kept}"
    if state.switch_started_at is not None:
        return (
            f"the switch of {target} has begun at {state.switch_started_at} and is not finished: "
            "a re-run finishes or undoes it, and until then perhaps nothing serves, or clients are "
            "led to different clusters"
        )
    return f"{target} serves as before: nothing of it has been changed"
