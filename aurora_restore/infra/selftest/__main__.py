"""The CDK app of ``aurora-restore selftest``: ``python -m aurora_restore.infra.selftest``.

It is given the settings of one run as context. It makes the run's first stack, or the stack of the
environment that the context names, as the app of every environment does.
"""

import sys

import aws_cdk as cdk

from aurora_restore.configuration.loading import load_environment
from aurora_restore.infra.selftest.stack import SelfTestStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.proof.naming import environment_stack, source_stack
from aurora_restore.proof.settings import CONTEXT, SelfTestSettings
from aurora_restore.shared.errors import ConfigurationError

app = cdk.App()
try:
    settings = SelfTestSettings.from_json(app.node.try_get_context(CONTEXT))
    name = app.node.try_get_context("environment")
    if name is None:
        SelfTestStack(app, source_stack(settings.run), settings=settings)
    else:
        environment = load_environment(name, app.node.try_get_context("config_dir"))
        AuroraRestoreStack(app, environment_stack(settings.run), environment=environment)
except ConfigurationError as error:
    sys.exit(f"error: {error}")
app.synth()
