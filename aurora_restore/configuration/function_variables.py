"""The environment variables of the functions of one environment."""

from collections.abc import Iterable

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import (
    audit_table_name,
    config_path,
    state_machine_name,
    state_table_name,
)


def function_variables(
    environment: Environment,
    *,
    topic_arn: str,
    access_group: str,
    quarantine_group: str,
    code_digest: str,
) -> LambdaEnvironment:
    """Return the variables; what has an id of AWS's own is given."""
    prefix = environment.name_prefix
    return LambdaEnvironment(
        name_prefix=prefix,
        state_table=state_table_name(prefix),
        audit_table=audit_table_name(prefix),
        topic_arn=topic_arn,
        state_machine_arn=f"arn:{partition_of(environment.region)}:states:{environment.region}"
        f":{environment.account}:stateMachine:{state_machine_name(prefix)}",
        config_path=config_path(prefix),
        default_restore=_only(environment.restores),
        master_secret=environment.common_secrets.master,
        app_secret=environment.common_secrets.app,
        app_secrets_in_common=",".join(environment.app_secrets_in_common),
        state_retention_days=str(environment.state_retention_days),
        access_security_group=access_group,
        quarantine_security_group=quarantine_group,
        extra_regions=",".join(environment.extra_regions),
        chat_topic_arn=environment.chat_topic_arn or "",
        event_bus=environment.event_bus_arn or "",
        code_digest=code_digest,
    )


def _only(names: Iterable[str]) -> str:
    """Return the name if there is just one, or else an empty text."""
    first, *others = names
    return "" if others else first
