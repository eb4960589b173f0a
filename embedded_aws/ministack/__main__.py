"""Serves the patched MiniStack on 127.0.0.1 until it is stopped."""

import argparse
import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

_FIXED_ENVIRONMENT = {
    "BIND_HOST": "127.0.0.1",
    "DOCKER_HOST": "unix:///nonexistent",
    "IOT_MTLS_ENABLED": "0",
    "LAMBDA_EXECUTOR": "local",
    "MINISTACK_HOST": "127.0.0.1",
    "PERSIST_STATE": "0",
    "SFTP_ENABLED": "0",
}
"""Nothing but the one port is opened, no Docker is looked for, nothing is kept on disk."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line of the launcher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    # MiniStack reads its settings when its modules are imported.
    os.environ.update(_FIXED_ENVIRONMENT, GATEWAY_PORT=str(options.port))
    asyncio.run(_serve(options.port))


async def _serve(port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app
    from ministack.core import lambda_runtime

    from embedded_aws.ministack import admin, patches

    patches.apply()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    application: Any = admin.with_admin_api(app)
    await serve(application, config, shutdown_trigger=stop.wait)
    lambda_runtime.reset()


if __name__ == "__main__":
    main()
