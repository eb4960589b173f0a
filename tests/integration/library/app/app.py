"""A CDK app of another team: a stage for each environment, and rules of their own for all."""

import aws_cdk as cdk
import jsii
from constructs import IConstruct

from aurora_restore.cdk import AuroraRestoreStack, load_environment


@jsii.implements(cdk.IAspect)
class PatientQueues:
    """An aspect that looks at everything, and changes what the team wants otherwise."""

    def visit(self, node: IConstruct) -> None:
        """Let queues keep messages for ten days."""
        if isinstance(node, cdk.CfnResource) and node.cfn_resource_type == "AWS::SQS::Queue":
            node.add_property_override("MessageRetentionPeriod", 864_000)


app = cdk.App()
for name in ("staging", "acceptance"):
    # Aspects do not reach into a stage from outside of it.
    stage = cdk.Stage(app, name.title())
    cdk.Tags.of(stage).add("team", "shop")
    cdk.Aspects.of(stage).add(PatientQueues())
    AuroraRestoreStack(
        stage,
        "Refresh",
        environment=load_environment(name, "environments"),
        stack_name=f"shop-{name}-refresh",
    )
app.synth()
