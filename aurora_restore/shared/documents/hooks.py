"""The hooks of a restore: functions of your own that a run calls, and what they are given."""

from dataclasses import dataclass
from typing import Annotated, Final

from aurora_restore.shared.documents.fields import FunctionArn
from aurora_restore.shared.documents.schema import Rule
from aurora_restore.shared.pipeline import AFTER_RUN, AFTER_SETUP, BEFORE_REPLACE, HOOKS, Hook

LONGEST_FUNCTION_SECONDS: Final = 900
"""How long a Lambda function may run:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html"""

INPUT_VERSION: Final = "1"


@dataclass(frozen=True, kw_only=True)
class HookFunction:
    """A Lambda function that the state machine calls, and whose answer it ignores."""

    function: Annotated[
        FunctionArn, Rule(help="The function, in the environment's account and Region.")
    ]
    timeout_seconds: Annotated[
        int,
        Rule(
            help="After how many seconds the call has failed. The function's own time-out ends "
            "its work, and this does not.",
            minimum=1,
            maximum=LONGEST_FUNCTION_SECONDS,
        ),
    ] = 300


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Lambda functions of your own that a run calls at certain points.

    Only what is deployed here is ever called: no event can name another function.
    """

    before_replace: Annotated[HookFunction | None, Rule(help=BEFORE_REPLACE.purpose)] = None
    after_setup: Annotated[HookFunction | None, Rule(help=AFTER_SETUP.purpose)] = None
    after_run: Annotated[HookFunction | None, Rule(help=AFTER_RUN.purpose)] = None

    def of(self, hook: Hook) -> HookFunction | None:
        """Return the function that is configured for a hook; None if there is none."""
        found: HookFunction | None = getattr(self, hook.field)
        return found

    @property
    def functions(self) -> dict[str, HookFunction]:
        """Return the functions by the fields that name them."""
        found = {hook.field: self.of(hook) for hook in HOOKS}
        return {field: function for field, function in found.items() if function is not None}


@dataclass(frozen=True, kw_only=True)
class HookInput:
    """What a hook's function is called with. It holds no secret; what is not known is absent."""

    version: Annotated[str, Rule(help=f"The version of this schema, now {INPUT_VERSION}.")] = (
        INPUT_VERSION
    )
    hook: Annotated[str, Rule(help="The hook, as `after-setup`.")]
    idempotency_key: Annotated[
        str,
        Rule(
            help="The same in every call for the same thing, in a redrive and after a resumption, "
            "too. Do nothing if you have done the work of this key already."
        ),
    ]
    environment: Annotated[str, Rule(help="The environment's `name_prefix`.")]
    operation_id: Annotated[str, Rule(help="The operation.")]
    restore: Annotated[str, Rule(help="The restore.")]
    sequence: Annotated[str, Rule(help="`replace`, `switch` or `roll-back`.")]
    execution_arn: Annotated[str, Rule(help="The execution of the state machine.")]
    target_cluster_id: Annotated[str, Rule(help="The cluster that is refreshed.")]
    master_secret_arn: Annotated[
        str,
        Rule(
            help="The master secret. Where the configuration has a name, the ARN lacks the six "
            "characters at its end, which Secrets Manager takes, too."
        ),
    ]
    app_secret_arn: Annotated[str, Rule(help="The application's secret, likewise.")]
    cluster_id: Annotated[
        str | None,
        Rule(
            help="The cluster that the call is about: with `before-replace` the one that is to "
            "be deleted or switched away, otherwise the restored one."
        ),
    ] = None
    cluster_resource_id: Annotated[str | None, Rule(help="Its resource id.")] = None
    cluster_endpoint: Annotated[str | None, Rule(help="Its writer endpoint.")] = None
    cluster_port: Annotated[int | None, Rule(help="Its port.")] = None
    database: Annotated[str | None, Rule(help="The database that the application uses.")] = None
    status: Annotated[str | None, Rule(help="With `after-run`, `success` or `failed`.")] = None
    step: Annotated[
        str | None, Rule(help="With `after-run` of a failed run, the step that failed.")
    ] = None
    error_type: Annotated[
        str | None, Rule(help="With `after-run` of a failed run, the error's class.")
    ] = None
