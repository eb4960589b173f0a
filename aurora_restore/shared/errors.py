"""Every error of the pipeline, and what to do about it.

AuroraRestoreError                     500
├── ValidationError                    400  an event, a parameter or the stored state is wrong
│   ├── ConfigurationError             400  the deployed configuration or a secret is wrong
│   └── TargetNotRecordedError         400  the target record does not show the operation's cluster
├── CorruptStateError                  500  an item of the state table is not one that was written
├── NotFoundError                      404
│   ├── SnapshotNotFoundError
│   │   ├── TargetSnapshotNotFoundError     what is to be restored is gone
│   │   └── ArchiveNotFoundError            what was restored is gone
│   └── ClusterNotFoundError
├── RefusedError                       409  right in form, but it would do harm
│   ├── OperationInProgressError            another operation holds the target
│   ├── UnreadablePauseError                the schedule may be paused
│   ├── OperationIdReusedError              the operation is one of another restore
│   ├── SnapshotNotAvailableError           what is to be restored cannot be restored now
│   ├── ForeignClusterError                 this operation did not restore the target
│   ├── NameTakenError                      something else has the name of what is to be made
│   ├── NotSetUpError                       the restored cluster's databases are not set up
│   ├── SwitchInProgressError               the target is being switched
│   ├── NotSwitchedError                    the target is not switched, or not verified since
│   ├── NothingToRollBackError              no cluster is left that served before
│   ├── HookOutstandingError                a hook has to be called first, by an execution
│   ├── StillInQuarantineError              the restored cluster has not been handed over
│   └── PreflightError                 409  a check before the first change found obstacles
│       ├── UnsuitableInputError            at least one of them is in the input
│       └── SupersededError                 a later operation has restored the target
├── OperationFailedError               500  AWS ended an operation in a terminal status
│   ├── SnapshotFailedError
│   ├── CopyFailedError
│   ├── DeletionFailedError
│   ├── RestoreFailedError
│   └── NotPutBackError                     it serves, and has not got back what it had before
├── HookFailedError                    500  the function of a hook has failed, or was too slow
├── SwitchError                        500
│   ├── SwitchUndoneError                   the target serves as before
│   └── SwitchStuckError                    no cluster can serve as the target
├── DatabaseError                      500
│   ├── DatabaseConnectionError
│   │   ├── InvalidPasswordError
│   │   ├── ForeignCertificateError         the server's certificate is another cluster's
│   │   ├── SwitchedLoginError              a user of the secrets is not let in after a switch
│   │   └── WrongClusterError               the cluster that answers was not set up by the operation
│   ├── JournalNotOwnError                  something else is in the journal's place
│   ├── NeutraliseError                     something still ties the copy to production
│   ├── ScriptFailedError
│   ├── ScriptChangedError                  its text is not the one that ran
│   ├── TriggersNotSkippedError
│   ├── AfterMaskingError                   copies of the values of before may be left
│   └── PrivilegeCheckError
├── MaskingError                       500  the data is not proven to be masked: nobody gets in
│   ├── UnclassifiedColumnsError            nobody has said what to do with a column
│   ├── MaskingUnprovableError              the original values are not known any more
│   ├── OriginalDataLeftError               an original value is left, or a column is not empty
│   ├── PersonalDataFoundError              a sample looks like addresses or numbers of people
│   └── CheckFailedError                    a configured check has found rows, or cannot run
├── AwsError                           500  AWS refused a call
│   ├── InsufficientCapacityError           it had no capacity for longer than is configured
│   ├── CopiesInProgressError               it had too many copies in progress for that long
│   └── NotificationError
└── RetryableError                     503  worth trying again soon
    ├── AwsThrottledError
    ├── AwsUnavailableError
    ├── SecretContestedError                others keep changing a secret that is to be completed
    └── SnapshotNotVisibleError             shared a moment ago, and not seen by this account yet

Every class that is raised declares its remedy itself: what needs different remedies is different
classes. The notice, the state, the answer and the runbook read that declaration. Every class also
declares, or inherits, whether it is a refusal: the step did nothing, so a call that was not the
operation's own run leaves the operation's state as it is.

Step Functions matches the *name* of the class that a Lambda raises, never its bases, so renaming a
leaf of ``RetryableError`` changes what the deployed state machine retries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, ClassVar, Final, assert_never


class Action(StrEnum):
    """How an operation that failed is brought to an end."""

    REDRIVE = "redrive"
    """The failed execution continues at the state that failed, with the input that it had."""
    RESUME = "resume"
    """A new execution of the same operation, which enters at an earlier step."""
    START_AGAIN = "start again"
    """A new execution, with an input of its own."""
    WAIT = "wait for another operation"
    NOTHING = "nothing"


HOLDER: Final = "holder"
"""The detail of an error that names the operation to wait for."""

HOLDER_GIVES_WAY: Final = "holder_gives_way"
"""The detail that says that the operation to wait for is one that gives way to others."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What a person does about an error: what is particular to it, then one of a few actions."""

    action: Action
    first: str = ""
    """What has to be done or known before, as whole sentences."""
    step: str | None = None
    """With RESUME: the step to enter at."""

    def what_to_do(self, details: Mapping[str, Any], *, direct_call: bool = False) -> str:
        """Return the remedy as sentences.

        ``details`` are the error's, which may name the operation to wait for. A direct call has no
        execution to redrive: it is repeated.
        """
        action = self._of_a_call(details) if direct_call else self._of_an_execution(details)
        return " ".join(filter(None, (self.first, action)))

    def _of_an_execution(self, details: Mapping[str, Any]) -> str:
        match self.action:
            case Action.REDRIVE:
                return (
                    "Then redrive the execution, within 14 days of its failure: it continues at "
                    "the step that failed."
                )
            case Action.RESUME:
                return (
                    "Then start a new execution with this operation_id and with "
                    f'"start_at": "{self.step}".'
                )
            case Action.START_AGAIN:
                return "Then start a new execution."
            case Action.WAIT:
                return (
                    f"Wait until {_operation(details)} is over. If it has refreshed the target, "
                    "nothing is left to do; otherwise start a new execution. Do not redrive this "
                    "one: that is refused once the other has refreshed the target."
                )
            case Action.NOTHING:
                return ""
            case _:
                assert_never(self.action)

    def _of_a_call(self, details: Mapping[str, Any]) -> str:
        match self.action:
            case Action.REDRIVE | Action.START_AGAIN:
                return "Then repeat the call."
            case Action.RESUME:
                return f"Then call {self.step} with this operation_id, and the steps after it."
            case Action.WAIT:
                return f"Wait until {_operation(details)} is over. Then repeat the call."
            case Action.NOTHING:
                return ""
            case _:
                assert_never(self.action)


def _operation(details: Mapping[str, Any]) -> str:
    holder = details.get(HOLDER)
    return f"operation {holder}" if holder else "the other operation"


def described(
    remedy: Remedy, details: Mapping[str, Any], *, direct_call: bool = False
) -> dict[str, str]:
    """Return a remedy as the notice, the state and the envelope hold it."""
    found = {"remedy": remedy.action.value}
    if remedy.step is not None:
        found["resume_at"] = remedy.step
    return {**found, "what_to_do": remedy.what_to_do(details, direct_call=direct_call)}


_MADE_AGAIN: Final = (
    "Look at the events of RDS for the reason, and remove it. What has failed is made again."
)
_RETRIED: Final = (
    "In an execution the step is repeated by itself, up to six times. If that was not enough, wait "
    "until AWS recovers."
)


class AuroraRestoreError(Exception):
    """An unexpected error, and the base of all errors of the pipeline.

    ``details`` are the facts a person or a program acts on; they go to the state and audit tables
    and must never hold a secret.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    remedy: ClassVar[Remedy] = Remedy(
        action=Action.REDRIVE,
        first="Read the stack trace in the function's log, fix the fault, and deploy.",
    )
    is_refusal: ClassVar[bool] = False
    """Whether it says that the step did nothing, for which a direct call is not a failed step."""

    def __init__(self, message: str, *, summary: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.summary = summary or message
        """The sentence that the API reference documents, where it has one."""
        self.details: Mapping[str, Any] = details

    @property
    def error_type(self) -> str:
        """Return the name by which Step Functions and callers know the error."""
        return type(self).__name__


class ValidationError(AuroraRestoreError):
    """The input is wrong, or the operation has not done what the step builds on."""

    status = HTTPStatus.BAD_REQUEST
    remedy = Remedy(
        action=Action.START_AGAIN,
        first="Correct the input as the message says: a redrive would use the same input.",
    )
    is_refusal = True


class ConfigurationError(ValidationError):
    """The deployed configuration or a secret is wrong."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Correct the secret, or correct the configuration and deploy: both are read when a "
        "step runs.",
    )


class TargetNotRecordedError(ValidationError):
    """The target record does not say where the cluster of this operation is reached."""

    remedy = Remedy(
        action=Action.RESUME,
        first="check-restore-status proves that the cluster is this operation's, and writes the "
        "record.",
        step="check-restore-status",
    )


class CorruptStateError(AuroraRestoreError):
    """An item of the state table is not as the pipeline writes it."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Correct the item that the message names, or delete it: the operation then continues "
        "with the item of the step before. An item of the target's lock may be deleted while no "
        "execution works on the target.",
    )
    is_refusal = True


class NotFoundError(AuroraRestoreError):
    """Something that the run needs is not there."""

    status = HTTPStatus.NOT_FOUND


class SnapshotNotFoundError(NotFoundError):
    """The source has no such snapshot, or does not share it with this account."""

    remedy = Remedy(
        action=Action.START_AGAIN,
        first="Wait until the snapshot is there and shared with this account, or choose another "
        "with date or snapshot_id.",
    )
    is_refusal = True


class TargetSnapshotNotFoundError(SnapshotNotFoundError):
    """The snapshot to restore from was there, and has been deleted or is no longer shared."""

    remedy = Remedy(
        action=Action.RESUME,
        first="Find out who deletes the snapshot. copy-snapshot copies it again.",
        step="copy-snapshot",
    )


class ArchiveNotFoundError(SnapshotNotFoundError):
    """The cluster is complete and usable, but the snapshot that it was restored from is gone."""

    remedy = Remedy(
        action=Action.RESUME,
        first="There is nothing left to archive.",
        step="sns-notification",
    )


class ClusterNotFoundError(NotFoundError):
    """The cluster vanished while it was being restored, too often to try again."""

    remedy = Remedy(
        action=Action.REDRIVE, first="Find out who deletes the cluster. It is restored again."
    )


class RefusedError(AuroraRestoreError):
    """To continue would do harm, so nothing was done."""

    status = HTTPStatus.CONFLICT
    is_refusal = True


class OperationInProgressError(RefusedError):
    """Another operation is in progress on the target; this one has changed nothing."""

    remedy = Remedy(action=Action.WAIT)


class UnreadablePauseError(RefusedError):
    """The item that pauses the schedule cannot be read, so the scheduled run has done nothing."""

    remedy = Remedy(
        action=Action.NOTHING,
        first="Pause the schedule again or end the pause, with the command line: either replaces "
        "the item. The next scheduled run reads it again. Redrive this one only if it is to "
        "refresh the target now: no pause holds a redriven run back.",
    )


class OperationIdReusedError(RefusedError):
    """The operation of that id restores something else, and this call has changed nothing."""

    remedy = Remedy(
        action=Action.START_AGAIN,
        first="Leave operation_id out, so that the restore gets an operation of its own. To "
        "continue the operation, give what it restores, or nothing.",
    )


class SnapshotNotAvailableError(RefusedError):
    """The snapshot to restore from is not available, so nothing was done."""

    remedy = Remedy(
        action=Action.RESUME,
        first="Look at the snapshot in RDS. copy-snapshot takes the copy once it is available, and "
        "replaces one that has failed.",
        step="copy-snapshot",
    )


class ForeignClusterError(RefusedError):
    """Something else has made a cluster with the target's name."""

    remedy = Remedy(
        action=Action.RESUME,
        first="Find out who has made the cluster. If it is to be replaced, enter at delete-rds, "
        "which first checks that it may be.",
        step="delete-rds",
    )


class NameTakenError(RefusedError):
    """Something else has the name of the snapshot or instance that is to be made."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Rename or delete what has the name, if it is not needed.",
    )


class NotSetUpError(RefusedError):
    """The databases of the restored cluster are not set up, so nobody is let in."""

    remedy = Remedy(
        action=Action.RESUME,
        first="The cluster stays in quarantine. setup-db-users does what is missing.",
        step="setup-db-users",
    )


class SwitchInProgressError(RefusedError):
    """The target is being switched, so no earlier step may work on its clusters."""

    remedy = Remedy(
        action=Action.RESUME,
        first="The switch has begun, and has to be finished or undone first.",
        step="switch-cluster",
    )


class NotSwitchedError(RefusedError):
    """The operation has not switched the target, or the switch is not verified."""

    remedy = Remedy(
        action=Action.RESUME,
        first="The switch, and what verifies it, come first.",
        step="switch-cluster",
    )


class NothingToRollBackError(RefusedError):
    """No cluster is left that served before the last switch."""

    remedy = Remedy(
        action=Action.NOTHING,
        first="A roll-back is possible as long as the cluster that served before is kept: see "
        "switch.keep_old_hours. The data of an earlier day is restored by a new execution that "
        "names its snapshot.",
    )


class HookOutstandingError(RefusedError):
    """A hook is to be called before the step does its work, and a direct call calls none."""

    remedy = Remedy(
        action=Action.NOTHING,
        first="Start an execution with this operation_id and with this step as start_at: it calls "
        "the hook.",
    )


class StillInQuarantineError(RefusedError):
    """The restored cluster has not been handed over, so there is no success to announce."""

    remedy = Remedy(
        action=Action.RESUME,
        first="An execution that began before the pipeline was deployed with hand-over does not "
        "come to it.",
        step="hand-over",
    )


class PreflightError(RefusedError):
    """A check has found obstacles, and nothing was changed."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Remove every obstacle; the message says how.",
    )


class UnsuitableInputError(PreflightError):
    """A check has found an obstacle that only another input removes, and nothing was changed."""

    remedy = Remedy(
        action=Action.START_AGAIN,
        first="Remove every obstacle and correct the input; the message says how. A redrive would "
        "use the same input.",
    )


class SupersededError(PreflightError):
    """Another operation has refreshed the target since, and this one must leave it alone."""

    remedy = Remedy(
        action=Action.NOTHING,
        first="Nothing has to be done: the target has been refreshed since. Start a new execution "
        "only if it is to be refreshed again.",
    )


class OperationFailedError(AuroraRestoreError):
    """AWS accepted an operation, and the operation failed."""


class SnapshotFailedError(OperationFailedError):
    """The source's snapshot has failed, or is being deleted."""

    remedy = Remedy(
        action=Action.START_AGAIN, first="Choose another snapshot with date or snapshot_id."
    )


class CopyFailedError(OperationFailedError):
    """A copy of the snapshot has failed, too often to try again."""

    remedy = Remedy(action=Action.REDRIVE, first=_MADE_AGAIN)


class DeletionFailedError(OperationFailedError):
    """The target was to be deleted, and is not being deleted."""

    remedy = Remedy(action=Action.REDRIVE, first=_MADE_AGAIN)


class RestoreFailedError(OperationFailedError):
    """The restored cluster or one of its instances is unusable, too often to try again."""

    remedy = Remedy(action=Action.REDRIVE, first=_MADE_AGAIN)


class NotPutBackError(OperationFailedError):
    """The cluster serves, and cannot be given the managed password that the old one had."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="The cluster was handed over before, and stays so. Make it available.",
    )


class HookFailedError(AuroraRestoreError):
    """The function of a hook has failed, has not returned in time, or could not be called.

    Step Functions reports what the function has raised; this is what the pipeline calls it.
    """

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Nothing was changed since the hook was called: a restored cluster that was not "
        "handed over stays in quarantine. Read the log of the hook's function, and correct it. A "
        "redrive calls the same function with the same idempotency key; if the configuration names "
        "another function since, start an execution with this operation_id and with the failed "
        "step as start_at instead.",
    )


class SwitchError(AuroraRestoreError):
    """The target could not be switched to the other cluster."""


class SwitchUndoneError(SwitchError):
    """The switch could not be finished, and the target serves as before."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="The target serves as before. Look at the events of RDS for the reason; the switch "
        "is tried again.",
    )


class SwitchStuckError(SwitchError):
    """In the middle of a switch: none of the target's clusters can serve."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="No cluster serves as the target. If another one has taken its name, rename or "
        "delete that; otherwise do what the message says.",
    )


class DatabaseError(AuroraRestoreError):
    """PostgreSQL has refused a statement."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Fix what PostgreSQL's code and message name. What is fixed in the source comes only "
        "with a new snapshot, and so with a new execution.",
    )


class DatabaseConnectionError(DatabaseError):
    """The function could not log in, or the connection was lost."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Look at the cluster's status, and at the security groups between it and the "
        "function. A restored cluster that is gone is restored again.",
    )


class InvalidPasswordError(DatabaseConnectionError):
    """The password of the cluster's user is not the one in the secret."""

    remedy = Remedy(
        action=Action.RESUME,
        first="Find out who changes the secret, or the password in the cluster. "
        "check-restore-status sets the secret's password again; the restored cluster stays.",
        step="check-restore-status",
    )


class ForeignCertificateError(DatabaseConnectionError):
    """The certificate at the target's endpoint is of none of the cluster's names."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Compare the resource id of live in the target record with what RDS shows, and find "
        "out in the DNS where the target's endpoint leads. The message says which names the "
        "certificate has.",
    )


class SwitchedLoginError(DatabaseConnectionError):
    """A user of the secrets cannot log in to the cluster that was switched to."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Find out who has changed the password in the cluster or in the secret since the "
        "cluster was set up, and let them agree again.",
    )


class WrongClusterError(DatabaseConnectionError):
    """The cluster at the target's endpoint is not the one that was set up and proven."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Compare the resource id of live in the target record with what RDS shows, and find "
        "out in the DNS where the target's endpoint leads: where answers are cached, it may still "
        "be the old cluster.",
    )


class JournalNotOwnError(DatabaseError):
    """Something else is in the place of the journal that is kept in the restored databases."""

    remedy = Remedy(
        action=Action.START_AGAIN,
        first="Find out who made the schema aurora_restore in the source, and drop it there; a new "
        "execution takes a snapshot of then.",
    )


class NeutraliseError(DatabaseError):
    """Something that ties the restored cluster to production could not be removed."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Remove what the message names, or let the master user do so; it says what "
        "PostgreSQL refused. What is changed in the source comes only with a new snapshot, and so "
        "with a new execution. What is to stay is named in database.neutralise.",
    )


class ScriptFailedError(DatabaseError):
    """A SQL script has failed, and was rolled back."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Fix the script and deploy. Scripts that are done do not run again. What PostgreSQL "
        "says of a value is left out of the message; the restored cluster's log has it.",
    )


class ScriptChangedError(DatabaseError):
    """A SQL script that has run in the restored cluster was changed since."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Put the script back as it was, and the change into a script under another path, "
        "which then runs; deploy. Or start a new execution instead, in which the changed script "
        "runs.",
    )


class TriggersNotSkippedError(DatabaseError):
    """The master user may not let scripts run without triggers."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Remove database.triggers and deploy, so that triggers fire; or, on PostgreSQL 15 "
        "and later, let GRANT SET ON PARAMETER session_replication_role be run in the source.",
    )


class AfterMaskingError(DatabaseError):
    """Materialized views, statistics or files of tables may still hold the values of before."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Add a script that removes what is in the way, and deploy. A materialized view that "
        "cannot be refreshed can be emptied (REFRESH MATERIALIZED VIEW ... WITH NO DATA) or "
        "dropped; a column whose statistics stay, in an empty table, can be dropped and added "
        "again.",
    )


class PrivilegeCheckError(DatabaseError):
    """An application role can do too little or too much."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Correct the ownership or the grants with a script, or name another role in the "
        "application's secret.",
    )


class MaskingError(AuroraRestoreError):
    """The data is not proven to be masked as configured, so nobody can log in."""


class UnclassifiedColumnsError(MaskingError):
    """A table or a column has come that the classification does not name."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Decide for each column, add the lines to the file that database.columns names, mask "
        "what must be masked in a script, and deploy.",
    )


class MaskingUnprovableError(MaskingError):
    """A script has run before the original values of a masked column were remembered."""

    remedy = Remedy(
        action=Action.START_AGAIN,
        first="What the column held in production is known only in a newly restored cluster.",
    )


class OriginalDataLeftError(MaskingError):
    """A masked column holds a value that it had before, or a cleared column is not empty."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Add a script that masks what is left, and deploy: one that is done does not run "
        "again in this cluster. Where a masked value can by chance be one that production has, "
        "mask it with a recognisable one.",
    )


class PersonalDataFoundError(MaskingError):
    """Values look like e-mail addresses, telephone numbers or card numbers."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Add a script that masks the columns, or allow them or such values in "
        "database.personal_data_check, and deploy.",
    )


class CheckFailedError(MaskingError):
    """A configured check has returned rows, or PostgreSQL has refused it."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Add a script that corrects the data, or correct the check, and deploy.",
    )


class AwsError(AuroraRestoreError):
    """AWS has refused a call."""

    remedy = Remedy(
        action=Action.REDRIVE, first="Remove the reason that AWS gives; it is in the message."
    )


class InsufficientCapacityError(AwsError):
    """AWS had no capacity for the restored cluster for longer than is configured."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Wait until AWS has capacity again, or configure another class, "
        "target.fallback_instance_classes, or a subnet group with other zones or more free "
        "addresses, and deploy.",
    )


class CopiesInProgressError(AwsError):
    """AWS had as many copies in progress as it allows for longer than is configured."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="Wait until copies to the Region have ended, cancel those that nobody needs by "
        "deleting them (`aurora-restore snapshots` shows which ones restores use), or configure a "
        "longer source.copy_wait_minutes and deploy.",
    )


class NotificationError(AwsError):
    """The message could not be published; the restore itself is complete."""

    remedy = Remedy(action=Action.REDRIVE, first="Look at the topic and its key.")


class RetryableError(AuroraRestoreError):
    """AWS could not do it now: the state machine repeats the step by itself."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class AwsThrottledError(RetryableError):
    """AWS has refused a call because of too many requests."""

    remedy = Remedy(action=Action.REDRIVE, first=_RETRIED)


class AwsUnavailableError(RetryableError):
    """AWS could not be reached, or is unavailable."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first=f"{_RETRIED} If only functions in the VPC fail, add the missing endpoint or route.",
    )


class SecretContestedError(RetryableError):
    """A secret is changed by others so often that no change to it can be completed."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="In an execution the step is repeated by itself, up to six times. If that was not "
        "enough, find out in CloudTrail who keeps storing versions of the secret.",
    )


class SnapshotNotVisibleError(RetryableError):
    """A snapshot was shared with this account a moment ago, and is not shown here yet."""

    remedy = Remedy(
        action=Action.REDRIVE,
        first="In an execution the step is repeated by itself, up to six times. If that was not "
        "enough, find out whether the source account still shares the snapshot.",
    )


def classes(base: type[AuroraRestoreError]) -> Iterator[type[AuroraRestoreError]]:
    """Yield ``base`` and every class below it, depth first, in order of declaration."""
    yield base
    for child in base.__subclasses__():
        yield from classes(child)


def leaves(base: type[AuroraRestoreError]) -> Iterator[type[AuroraRestoreError]]:
    """Yield the classes below ``base`` that have no subclass, in order of declaration."""
    return (cls for cls in classes(base) if cls is not base and not cls.__subclasses__())


def error_named(name: str) -> type[AuroraRestoreError] | None:
    """Return the class that Step Functions reports by ``name``, or None if there is none."""
    return next((cls for cls in classes(AuroraRestoreError) if cls.__name__ == name), None)


def retryable_error_names() -> list[str]:
    """Return the error names that the state machine retries: one per leaf of ``RetryableError``."""
    return [leaf.__name__ for leaf in leaves(RetryableError)]
