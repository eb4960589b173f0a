"""The pipeline's stacks, for a CDK app of one's own. Everything here stays compatible.

An app needs no more than this, in the folder of its ``cdk.json``::

    app = cdk.App()
    environment = load_environment("staging", "environments")
    AuroraRestoreStack(app, "OrdersRefresh", environment=environment)
    for account in source_accounts(environment):
        SourceAccountStack(
            app, f"OrdersRefreshSource-{account}", environment=environment, account=account
        )
    app.synth()
"""

from aurora_restore.configuration.loading import LoadedEnvironment, load_environment
from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.permissions.source_role import source_accounts
from aurora_restore.shared.errors import ConfigurationError

__all__ = [
    "AuroraRestoreStack",
    "ConfigurationError",
    "LoadedEnvironment",
    "SourceAccountStack",
    "load_environment",
    "source_accounts",
]
