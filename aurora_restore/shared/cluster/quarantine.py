"""What a message says of the quarantine of a restored cluster."""

from aurora_restore.shared.operation_state import OperationState


def quarantine_notice(state: OperationState, cluster_id: str) -> dict[str, str]:
    """Return what an answer, the audit trail and a notice say of the quarantine.

    Empty as long as no cluster is restored, and for one that an earlier version restored.
    """
    groups = state.quarantine_security_group_ids
    if groups is None:
        return {}
    return {"quarantine": _described(state, cluster_id, groups)}


def _described(state: OperationState, cluster_id: str, groups: tuple[str, ...]) -> str:
    if not groups:
        return (
            f"off: cluster {cluster_id} has had its final security groups since its restore, so it "
            "could be reached, and could reach others, before its databases were set up"
        )
    if state.handed_over_at is not None:
        return f"lifted at {state.handed_over_at}"
    if state.hand_over_started_at is not None:
        return (
            f"being lifted since {state.hand_over_started_at}: the databases of cluster "
            f"{cluster_id} are set up, and its instances get their final security groups"
        )
    return (
        f"in force: if cluster {cluster_id} is there, only the pipeline's functions can connect to "
        "it, and it reaches nothing. Its data may be unmasked. A run that comes to hand-over lifts "
        "the quarantine; do not lift it by hand"
    )
