"""The stack of one environment."""

import aws_cdk as cdk
from constructs import Construct

from aurora_restore.capacity.fit import require_capacity
from aurora_restore.configuration.checks.warnings import warnings_of_environment
from aurora_restore.configuration.function_variables import function_variables
from aurora_restore.configuration.loading import LoadedEnvironment
from aurora_restore.deployed_code import code_digest
from aurora_restore.infra.dashboard import RestoresDashboard
from aurora_restore.infra.dead_letters import DeadLetterQueue
from aurora_restore.infra.failure_alerts import FailureAlarms, FailureRule
from aurora_restore.infra.feature_flags import set_feature_flags
from aurora_restore.infra.functions import StepLambdas
from aurora_restore.infra.hourly_metrics import HourlyMetrics
from aurora_restore.infra.network import PipelineNetwork
from aurora_restore.infra.notifications import Notifications
from aurora_restore.infra.outcome_events import OutcomeEvents
from aurora_restore.infra.parameters import RestoreParameters
from aurora_restore.infra.permissions.functions import FunctionPermissions
from aurora_restore.infra.permissions.state_machine import StateMachineRole
from aurora_restore.infra.schedules import Schedules
from aurora_restore.infra.secrets import PipelineSecrets
from aurora_restore.infra.state_machine import PipelineStateMachine
from aurora_restore.infra.tables import Tables
from aurora_restore.shared.names import config_path
from aurora_restore.shared.sequences import SEQUENCES


class AuroraRestoreStack(cdk.Stack):
    """Everything that the pipeline is in one account and Region, for one or more restores.

    What must outlive it (tables, secrets) is retained, so the stack itself needs no protection
    from termination. Account, Region and tags are those of the environment's file, also in a Stage
    of another account.

    Raises ConfigurationError if AWS would refuse the stack for its size, or if a file that the
    environment names has left its folder since it was loaded.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: LoadedEnvironment,
        stack_name: str | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
        permissions_boundary: cdk.PermissionsBoundary | None = None,
        termination_protection: bool | None = None,
    ) -> None:
        require_capacity(environment)
        super().__init__(
            scope,
            construct_id,
            env=cdk.Environment(account=environment.account, region=environment.region),
            description="Refreshes Aurora PostgreSQL clusters from the day's snapshot",
            tags=dict(environment.tags) or None,
            suppress_template_indentation=True,
            stack_name=stack_name,
            synthesizer=synthesizer,
            permissions_boundary=permissions_boundary,
            termination_protection=termination_protection,
        )
        set_feature_flags(self)
        prefix = environment.name_prefix

        tables = Tables(
            self, "Tables", name_prefix=prefix, streams_audit=environment.event_bus_arn is not None
        )
        secrets = PipelineSecrets(self, "Credentials", environment=environment)
        notifications = Notifications(self, "Notifications", environment=environment)
        RestoreParameters(self, "Restores", path=config_path(prefix), restores=environment.restores)

        for warning in warnings_of_environment(environment):
            cdk.Annotations.of(self).add_warning_v2(f"aurora-restore:{warning.path}", str(warning))
        network = PipelineNetwork(
            self,
            "Network",
            settings=environment.network,
            ports={restore.target.listens_on for restore in environment.restores.values()},
        )
        network.warn_of_regions(
            own=environment.region,
            sources={restore.source.region for restore in environment.restores.values()},
        )
        lambdas = StepLambdas(
            self,
            "Steps",
            environment=environment,
            variables=function_variables(
                environment,
                topic_arn=notifications.topic.topic_arn,
                access_group=network.access_group_id,
                quarantine_group=network.quarantine_group_id,
                code_digest=code_digest(),
            ),
            network=network,
            permissions=FunctionPermissions(
                environment=environment, tables=tables, notifications=notifications
            ),
        )
        functions = lambdas.by_step
        machine = PipelineStateMachine(
            self,
            "Pipeline",
            name_prefix=prefix,
            sequences=SEQUENCES,
            functions=functions,
            hooks=environment.hooks,
            state_table=tables.state,
            role=StateMachineRole(
                self,
                "Execution",
                environment=environment,
                functions=functions,
                state_table_arn=tables.state.table_arn,
            ).role,
            timeout=cdk.Duration.hours(environment.timeout_hours),
            log_retention_days=environment.log_retention_days,
        ).machine

        dead_letters = DeadLetterQueue(self, "DeadLetters")
        if lambdas.event_publisher is not None:
            OutcomeEvents(
                self,
                "Events",
                audit=tables.audit,
                publisher=lambdas.event_publisher,
                dead_letters=dead_letters.queue,
            )
        schedules = Schedules(
            self,
            "Schedules",
            name_prefix=prefix,
            restores=environment.restores,
            machine=machine,
        )
        FailureRule(
            self,
            "Failures",
            machine=machine,
            notifier=functions["sns-notification"],
            dead_letters=dead_letters,
        )
        alarms = FailureAlarms(
            self,
            "Alarms",
            name_prefix=prefix,
            machine=machine,
            dead_letters=dead_letters.queue,
            missed_starts=schedules.missed_starts,
            unwaited=lambdas.unwaited if environment.monitoring.error_alarms else {},
            topic=notifications.topic,
        ).alarms
        if lambdas.metrics_publisher is not None:
            alarms |= HourlyMetrics(
                self,
                "Metrics",
                name_prefix=prefix,
                with_own_alarm=environment.with_own_alarm,
                has_common_alarm=environment.has_common_alarm,
                publisher=lambdas.metrics_publisher,
                topic=notifications.topic,
            ).common_alarms
        if lambdas.dashboard_renderer is not None:
            RestoresDashboard(
                self,
                "Dashboard",
                name_prefix=prefix,
                renderer=lambdas.dashboard_renderer,
                alarms=alarms.values(),
                machine=machine,
                functions={**functions, **lambdas.unwaited},
                dead_letters=dead_letters.queue,
                has_metrics=lambdas.metrics_publisher is not None,
            )

        for name, value in {
            "StateMachineArn": machine.state_machine_arn,
            "TopicArn": notifications.topic.topic_arn,
            "StateTable": tables.state.table_name,
            "AuditTable": tables.audit.table_name,
            "AccessSecurityGroup": network.access_group_id,
            "QuarantineSecurityGroup": network.quarantine_group_id,
            **secrets.outputs,
        }.items():
            exported = f"{prefix}-access-security-group" if name == "AccessSecurityGroup" else None
            cdk.CfnOutput(self, name, value=value, export_name=exported)
