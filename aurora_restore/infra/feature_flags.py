"""The CDK's feature flags that decide what the stacks' templates say.

An app of one's own has flags of its own, in its ``cdk.json``. A stack sets those that matter for
itself, so that its template, which the permissions and their sizes follow from, is the same in
every app.
"""

from typing import Final

from aws_cdk import Stack

FEATURE_FLAGS: Final = {
    # Statements that differ only in their actions or resources become one, which a policy's
    # greatest size counts on.
    "@aws-cdk/aws-iam:minimizePolicies": True,
    # ARNs name the partition of the stack's Region.
    "@aws-cdk/core:enablePartitionLiterals": True,
    # A function's layers have the order that does not change when one is added.
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    # What the CDK lets a function do is in the policy of its role, whose size is counted.
    "@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy": False,
    # The path of each resource, which the CDK's command line adds as metadata, would take a
    # thirtieth of the template: the room of three restores in a hundred.
    "aws:cdk:enable-path-metadata": False,
}


def set_feature_flags(stack: Stack) -> None:
    """Set the flags for everything in a stack, before there is anything in it."""
    for flag, value in FEATURE_FLAGS.items():
        stack.node.set_context(flag, value)
