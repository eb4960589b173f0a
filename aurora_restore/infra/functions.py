"""The Lambda functions, one for each step."""

from collections.abc import Iterable, Mapping

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.configuration.loading import LoadedEnvironment
from aurora_restore.infra.bundles.compiling import find_interpreter
from aurora_restore.infra.bundles.database_assets import DatabaseLayer
from aurora_restore.infra.bundles.dependencies import DependencyLayer
from aurora_restore.infra.bundles.handler_code import handler_code
from aurora_restore.infra.bundles.runtime import RUNTIME
from aurora_restore.infra.log_groups import RetainedLogGroup
from aurora_restore.infra.network import PipelineNetwork, Placement
from aurora_restore.infra.permissions.functions import FunctionPermissions
from aurora_restore.infra.permissions.roles import add_statements, attach_policies
from aurora_restore.permissions.packing import RolePolicy
from aurora_restore.permissions.restores import RestorePermissions
from aurora_restore.permissions.statements import RoleStatement
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.pipeline import (
    DASHBOARD_RENDERER,
    EVENT_PUBLISHER,
    METRICS_PUBLISHER,
    STEPS,
    PipelineFunction,
)


class StepLambda(Construct):
    """A Lambda function with a log group and a role of its own.

    The role may write to that log group, send X-Ray traces, and do what ``statements`` and
    ``policies`` allow. Its name is given, so that roles and keys of other accounts can name it
    before it is there.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        function: PipelineFunction,
        name_prefix: str,
        role_name: str,
        code: lambda_.Code,
        layers: Iterable[lambda_.ILayerVersion],
        variables: Mapping[str, str],
        placement: Placement,
        statements: Iterable[RoleStatement],
        policies: Iterable[RolePolicy],
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, function.title)
        name = function.function_name(name_prefix)
        log_group = RetainedLogGroup(
            self, "Logs", name=f"/aws/lambda/{name}", days=log_retention_days
        )
        role = iam.Role(
            self,
            "Role",
            role_name=role_name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"The function {name}",
        )
        log_group.grant_write(role)
        add_statements(role, statements)
        attach_policies(role, policies)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=function.purpose,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=function.handler,
            code=code,
            layers=list(layers),
            environment=dict(variables),
            role=role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=Duration.seconds(function.timeout_seconds),
            memory_size=function.memory_mb,
            **placement,
        )


class StepLambdas(Construct):
    """The function of every step, over one asset of code and one layer of dependencies.

    There is one more each that publishes events, that publishes metrics and that renders the
    dashboard, unless the environment has none of that; then it is None.

    A step that reaches the database has a second layer: the certificate authorities and the SQL
    scripts.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: LoadedEnvironment,
        variables: LambdaEnvironment,
        network: PipelineNetwork,
        permissions: FunctionPermissions,
    ) -> None:
        super().__init__(scope, construct_id)
        interpreter = find_interpreter() if environment.compile_python else None
        code = handler_code(interpreter)
        dependencies = DependencyLayer(self, "Dependencies", interpreter=interpreter)
        database = DatabaseLayer(self, "Database", environment=environment)
        for_restores = RestorePermissions(environment=environment)

        def made(function: PipelineFunction) -> lambda_.Function:
            placement = network.placement(function)
            return StepLambda(
                self,
                function=function,
                name_prefix=environment.name_prefix,
                role_name=function.role_name(environment.name_prefix, environment.region),
                code=code,
                layers=[dependencies, database] if function.reaches_database else [dependencies],
                variables=variables.to_env(),
                placement=placement,
                statements=permissions.of(function, attached=bool(placement)),
                policies=for_restores.policies_of(function),
                log_retention_days=environment.log_retention_days,
            ).function

        self.by_step = {step.name: made(step) for step in STEPS}
        self.event_publisher = made(EVENT_PUBLISHER) if environment.event_bus_arn else None
        watching = environment.monitoring
        self.metrics_publisher = made(METRICS_PUBLISHER) if watching.metrics else None
        self.dashboard_renderer = made(DASHBOARD_RENDERER) if watching.dashboard else None

    @property
    def unwaited(self) -> dict[str, lambda_.IFunction]:
        """Return the functions by name whose errors are no failure of a run.

        The step that announces the end of a run is one, because EventBridge calls it, too. An error
        of what renders the dashboard is shown to who looks at it.
        """
        found = {
            EVENT_PUBLISHER.name: self.event_publisher,
            METRICS_PUBLISHER.name: self.metrics_publisher,
            **{step.name: self.by_step[step.name] for step in STEPS if step.publishes},
        }
        return {name: function for name, function in found.items() if function is not None}
