"""The CDK app: the environment that ``-c environment=<name>`` names, checked, as its stacks.

There is one for the environment, and one for each source account in which the pipeline works by a
role: ``AuroraRestoreSource-<name>-<account>``, deployed with that account's credentials.

The CDK CLI runs it as ``cdk.json`` says: with the Python of ``.venv`` and the Node of
``node_modules``, where there are such.
"""

import sys

import aws_cdk as cdk

from aurora_restore.cdk import (
    AuroraRestoreStack,
    ConfigurationError,
    SourceAccountStack,
    load_environment,
    source_accounts,
)

app = cdk.App()
try:
    environment = load_environment(
        app.node.try_get_context("environment"), app.node.try_get_context("config_dir")
    )
    AuroraRestoreStack(app, f"AuroraRestore-{environment.name}", environment=environment)
    for account in source_accounts(environment):
        SourceAccountStack(
            app,
            f"AuroraRestoreSource-{environment.name}-{account}",
            environment=environment,
            account=account,
        )
except ConfigurationError as error:
    sys.exit(f"error: {error}")
app.synth()
