"""The CDK app: the environment that ``-c environment=<name>`` names, checked, as its stacks.

There is one for the environment, and one for each source account in which the pipeline works by a
role: ``AuroraRestoreSource-<name>-<account>``, deployed with that account's credentials.

The CDK CLI runs it as ``cdk.json`` says: with the Python of ``.venv`` and the Node of
``node_modules``, where there are such.
"""

import sys

import aws_cdk as cdk

from aurora_restore.configuration.loading import load_environment
from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.permissions.source_role import source_accounts
from aurora_restore.shared.errors import ConfigurationError

app = cdk.App()
try:
    name, environment = load_environment(
        app.node.try_get_context("environment"), app.node.try_get_context("config_dir")
    )
    AuroraRestoreStack(app, f"AuroraRestore-{name}", environment=environment)
    for account in source_accounts(environment):
        SourceAccountStack(
            app,
            f"AuroraRestoreSource-{name}-{account}",
            environment=environment,
            account=account,
        )
except ConfigurationError as error:
    sys.exit(f"error: {error}")
app.synth()
