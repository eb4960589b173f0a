"""What the Lambda functions have in common; the documented utilities are offered here.

They are loaded when first asked for, so that the CDK app can read ``shared.pipeline`` without any
of the Lambdas' dependencies.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aurora_restore.shared.aws_utils import (
        get_secret,
        get_ssm_parameter,
        handle_aws_error,
        send_notification,
    )
    from aurora_restore.shared.common import get_config, update_metrics
    from aurora_restore.shared.function_utils import trigger_next_step
    from aurora_restore.shared.state_utils import (
        get_operation_id,
        load_state,
        log_audit_event,
        save_state,
    )
    from aurora_restore.shared.validation import (
        validate_cluster_id,
        validate_db_credentials,
        validate_region,
        validate_required_params,
        validate_snapshot_id,
        validate_vpc_config,
    )

__all__ = [
    "get_config",
    "get_operation_id",
    "get_secret",
    "get_ssm_parameter",
    "handle_aws_error",
    "load_state",
    "log_audit_event",
    "save_state",
    "send_notification",
    "trigger_next_step",
    "update_metrics",
    "validate_cluster_id",
    "validate_db_credentials",
    "validate_region",
    "validate_required_params",
    "validate_snapshot_id",
    "validate_vpc_config",
]

_MODULES: Final = ("aws_utils", "common", "function_utils", "state_utils", "validation")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = getattr(import_module(f"{__name__}.{module}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
