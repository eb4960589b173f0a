"""What lets the state machine call a hook, and what the hook's function is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from aurora_restore.shared.documents.hooks import HookFunction, HookInput
from aurora_restore.shared.documents.restore_secrets import RestoreSecrets
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import HookOutstandingError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import HOOK_KEY_PREFIX
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import AFTER_RUN, Hook
from aurora_restore.shared.protocol import HOOK, HOOK_ITEM


@dataclass(frozen=True, kw_only=True)
class HookedCluster:
    """The cluster that the call of a hook is about."""

    cluster_id: str
    resource_id: str
    endpoint: str | None
    port: int | None


@dataclass(frozen=True, kw_only=True)
class HookedRun:
    """The run that calls a hook."""

    environment: LambdaEnvironment
    operation_id: str
    restore: str
    sequence: str
    run: str
    """The execution's ARN, and the number of its redrives."""
    target_cluster_id: str
    secrets: RestoreSecrets
    database: str | None

    @classmethod
    def of(cls, job: Job, run: str) -> "HookedRun":
        """Return the run that a job is one of."""
        return cls(
            environment=job.environment,
            operation_id=job.operation_id,
            restore=job.restore_name,
            sequence=job.sequence.name,
            run=run,
            target_cluster_id=job.target_cluster_id,
            secrets=job.secrets,
            database=job.application_database,
        )

    def given_to(
        self,
        hook: Hook,
        about: str,
        cluster: HookedCluster | None,
        *,
        status: str | None = None,
        step: str | None = None,
        error_type: str | None = None,
    ) -> HookInput:
        """Return what a hook's function is given. ``about`` distinguishes the hook's calls."""
        return HookInput(
            hook=hook.name,
            idempotency_key=f"{self.operation_id}/{hook.name}/{about}",
            environment=self.environment.name_prefix,
            operation_id=self.operation_id,
            restore=self.restore,
            sequence=self.sequence,
            execution_arn=self.run.rpartition("#")[0],
            target_cluster_id=self.target_cluster_id,
            master_secret_arn=self._secret_arn(self.secrets.master),
            app_secret_arn=self._secret_arn(self.secrets.app),
            database=self.database,
            cluster_id=None if cluster is None else cluster.cluster_id,
            cluster_resource_id=None if cluster is None else cluster.resource_id,
            cluster_endpoint=None if cluster is None else cluster.endpoint,
            cluster_port=None if cluster is None else cluster.port,
            status=status,
            step=step,
            error_type=error_type,
        )

    def after_run(
        self,
        state: OperationState,
        *,
        status: str,
        step: str | None = None,
        error_type: str | None = None,
    ) -> HookInput:
        """Return what the hook ``after-run`` is given: how the run has ended, and where."""
        cluster = None
        if state.new_cluster_id is not None and state.cluster_resource_id is not None:
            cluster = HookedCluster(
                cluster_id=state.new_cluster_id,
                resource_id=state.cluster_resource_id,
                endpoint=state.cluster_endpoint,
                port=state.cluster_port,
            )
        return self.given_to(
            AFTER_RUN,
            self.run.rpartition(":")[2],
            cluster,
            status=status,
            step=step,
            error_type=error_type,
        )

    def _secret_arn(self, name_or_arn: str) -> str:
        if name_or_arn.startswith("arn:"):
            return name_or_arn
        _, partition, _, region, account, *_ = self.environment.state_machine_arn.split(":")
        return f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name_or_arn}"


def hook_due(job: Job, cluster: HookedCluster) -> Answer | None:
    """Return the answer by which the state machine calls the step's hook; None if none is due.

    The state machine writes down a hook that has succeeded, and calls the step again: so a hook
    that has succeeded for a cluster is not called for it again, whatever becomes of the execution.
    Raises HookOutstandingError on a direct call, after which nothing would call the hook.
    """
    hook, function = _configured(job)
    if hook is None or function is None:
        return None
    run = "" if job.execution is None else job.execution.run
    given = HookedRun.of(job, run).given_to(hook, cluster.resource_id, cluster)
    if job.store.item(_record_of(given), HOOK_ITEM) is not None:
        return None
    if job.execution is None:
        raise HookOutstandingError(
            f"the hook {hook.name} of restore {job.restore_name} has not been called yet for "
            f"cluster {cluster.cluster_id}, and only an execution calls it",
            hook=hook.name,
            function=function.function,
        )
    return Answer(
        f"The hook {hook.name} is called first",
        {**job.target_body, HOOK: _asked(job, function, given)},
        _with_hook(job.state, function, given),
        HTTPStatus.ACCEPTED,
    )


def with_after_run(job: Job, answer: Answer, status: str) -> Answer:
    """Return the answer of a run's end, by which the state machine calls ``after-run`` if any."""
    _, function = _configured(job)
    if function is None or job.execution is None:
        return answer
    state = answer.state or job.state
    given = HookedRun.of(job, job.execution.run).after_run(state, status=status)
    return replace(
        answer,
        body={**answer.body, HOOK: _asked(job, function, given)},
        state=_with_hook(state, function, given),
    )


def _configured(job: Job) -> tuple[Hook | None, HookFunction | None]:
    """Return the hook that the step has called, and the restore's function for it, if any."""
    hook = job.sequence.hook_of(job.step.name)
    return hook, None if hook is None else job.restore.hooks.of(hook)


def _asked(job: Job, function: HookFunction, given: HookInput) -> Mapping[str, Any]:
    """Return what the state machine needs for the call, and to write down that it succeeded."""
    return {
        "name": given.hook,
        "function": function.function,
        "timeout_seconds": function.timeout_seconds,
        "input": to_json(given),
        "record": _record_of(given),
        "expires_at": str(int((job.clock() + job.store.retention).timestamp())),
    }


def _with_hook(state: OperationState, function: HookFunction, given: HookInput) -> OperationState:
    asked = {"name": given.hook, "function": function.function, "key": given.idempotency_key}
    return replace(state, hook=asked)


def _record_of(given: HookInput) -> str:
    return f"{HOOK_KEY_PREFIX}{given.idempotency_key}"
