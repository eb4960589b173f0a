"""The CDK app of ``aurora-restore selftest``: ``python -m aurora_restore.infra.selftest``.

It is given the settings of one run as context, and makes its first stack. The environment that the
self-test deploys is made by the app of every environment.
"""

import sys

import aws_cdk as cdk

from aurora_restore.infra.selftest.stack import SelfTestStack
from aurora_restore.proof.naming import source_stack
from aurora_restore.proof.settings import CONTEXT, SelfTestSettings
from aurora_restore.shared.errors import ConfigurationError

app = cdk.App()
try:
    settings = SelfTestSettings.from_json(app.node.try_get_context(CONTEXT))
    SelfTestStack(app, source_stack(settings.run), settings=settings)
except ConfigurationError as error:
    sys.exit(f"error: {error}")
app.synth()
