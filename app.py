"""The CDK app: the environment that ``-c environment=<name>`` names, checked, as its stack.

The CDK CLI runs it as ``cdk.json`` says: with the Python of ``.venv`` and the Node of
``node_modules``, where there are such.
"""

import sys

import aws_cdk as cdk

from aurora_restore.infra.config import load_environment
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.shared.errors import ConfigurationError

app = cdk.App()
try:
    name, environment = load_environment(
        app.node.try_get_context("environment"), app.node.try_get_context("config_dir")
    )
    AuroraRestoreStack(app, f"AuroraRestore-{name}", environment=environment)
except ConfigurationError as error:
    sys.exit(f"error: {error}")
app.synth()
