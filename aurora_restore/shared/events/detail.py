"""The details of the events, declared once: every field, and what it means.

A field is added without a new version; one that changes its meaning, or goes, makes a new one.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from aurora_restore.shared.documents.schema import Rule

SOURCE: Final = "aurora-restore"
VERSION: Final = "1"

SUCCEEDED: Final = "success"
FAILED: Final = "failed"


@dataclass(frozen=True, kw_only=True)
class EventDetail:
    """What every event says."""

    version: Annotated[str, Rule(help=f"The version of this schema, now {VERSION}.")] = VERSION
    environment: Annotated[str, Rule(help="The environment's `name_prefix`.")]
    operation_id: Annotated[str, Rule(help="The operation.")]
    status: Annotated[str, Rule(help="`success` or `failed`.")]
    at: Annotated[str, Rule(help="When it was recorded.")]
    restore: Annotated[str | None, Rule(help="The restore.")] = None
    sequence: Annotated[
        str | None, Rule(help="Which sequence of steps it takes: `replace`, `switch` and so on.")
    ] = None
    target_cluster_id: Annotated[str | None, Rule(help="The cluster that is refreshed.")] = None
    execution_arn: Annotated[
        str | None, Rule(help="The execution of the state machine; absent for a direct call.")
    ] = None
    error_type: Annotated[str | None, Rule(help="After a failure, the error's class.")] = None
    remedy: Annotated[
        str | None,
        Rule(
            help="After a failure, what to do: `redrive`, `resume`, `start again`, `wait for "
            "another operation` or `nothing`."
        ),
    ] = None
    resume_at: Annotated[str | None, Rule(help="The step to resume at, if that is what to do.")] = (
        None
    )
    what_to_do: Annotated[str | None, Rule(help="The same in a sentence.")] = None


@dataclass(frozen=True, kw_only=True)
class StepEvent(EventDetail):
    """A call of a step that has done its work, or that has failed. A wait is no outcome."""

    step: Annotated[str, Rule(help="The step, as `hand-over`.")]
    message: Annotated[str, Rule(help="What the step has done, or why it has failed.")]
    is_retried: Annotated[
        bool | None,
        Rule(help="After a failure in an execution, whether it repeats the step by itself."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RunEvent(EventDetail):
    """The end of a run: what the notice says of it, without the lists that are in the notice."""

    message: Annotated[str, Rule(help="The notice's sentence.")]
    execution_status: Annotated[
        str | None, Rule(help="After a failure, how Step Functions says that it ended.")
    ] = None
    step: Annotated[str | None, Rule(help="After a failure, the step that it failed at.")] = None
    quarantine: Annotated[
        str | None, Rule(help="What is to be known of the restored cluster's quarantine.")
    ] = None
    target_serves: Annotated[
        str | None, Rule(help="With `switch` and `roll-back`, which cluster serves.")
    ] = None
    started_by: Annotated[str | None, Rule(help="Who or what has started the operation.")] = None
    cluster_endpoint: Annotated[str | None, Rule(help="Where the restored cluster is reached.")] = (
        None
    )
    cluster_port: Annotated[int | None, Rule(help="Its port.")] = None
    source_snapshot_arn: Annotated[str | None, Rule(help="The snapshot.")] = None
    snapshot_created_at: Annotated[
        str | None, Rule(help="When it was taken: how old the data is.")
    ] = None
    handed_over_at: Annotated[
        str | None, Rule(help="When the restored cluster was handed over.")
    ] = None
    switched_at: Annotated[
        str | None, Rule(help="With `switch` and `roll-back`, when it was switched.")
    ] = None


DETAIL_TYPES: Final[dict[type, str]] = {
    StepEvent: "Aurora Restore Step Outcome",
    RunEvent: "Aurora Restore Run Outcome",
}
"""The ``detail-type`` of each kind of event."""
