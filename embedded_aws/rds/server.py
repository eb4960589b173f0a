"""The emulator as an HTTP server on 127.0.0.1: RDS, and moto's STS, KMS, EC2 and IAM beside it.

Account and Region come from a request's signature, as in AWS. ``POST /_admin/NAME`` calls a method
of :class:`~embedded_aws.rds.admin.RdsAdmin` with the JSON object in the body.
"""

import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from embedded_aws.rds.admin import RdsAdmin
from embedded_aws.rds.api import RdsApi
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.clock import RealClock
from embedded_aws.rds.data_plane import DataPlane
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.tls import ADDRESS
from embedded_aws.rds.exceptions import AdminError
from embedded_aws.rds.moto_patch import installed
from embedded_aws.rds.moto_services import MotoServices
from embedded_aws.rds.options import Options

ADMIN_PREFIX = "/_admin/"
_MOTO_OWN_API = "/moto-api"

Environment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _QuietHandler(MotoRequestHandler):  # type: ignore[misc]
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log nothing: the embedded RDS keeps its own record of calls."""


class Application:
    """Passes admin requests to the admin API, and everything else to moto."""

    def __init__(self, admin: RdsAdmin) -> None:
        self._admin = admin
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request (WSGI)."""
        path = environment.get("PATH_INFO", "")
        if path.startswith(ADMIN_PREFIX):
            status, answer = self._administer(path.removeprefix(ADMIN_PREFIX), environment)
            return _json(status, answer, start_response)
        if path.startswith(_MOTO_OWN_API):
            return _json(HTTPStatus.NOT_FOUND, {"error": "not offered"}, start_response)
        answered: Iterable[bytes] = self._moto(environment, start_response)
        return answered

    def _administer(self, name: str, environment: Environment) -> tuple[HTTPStatus, object]:
        length = int(environment.get("CONTENT_LENGTH") or 0)
        try:
            arguments = json.loads(environment["wsgi.input"].read(length) or b"{}")
            return HTTPStatus.OK, {"result": self._admin.call(name, arguments)}
        except (AdminError, json.JSONDecodeError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}


def _json(status: HTTPStatus, answer: object, start_response: StartResponse) -> list[bytes]:
    body = json.dumps(answer).encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


def _stop_when_asked(server: BaseWSGIServer) -> None:
    """Shut the server down on SIGTERM, SIGINT, or when the pipe on its input is closed."""

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown, name="rds-shutdown", daemon=True).start()

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            continue
        stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        threading.Thread(target=watch, name="rds-parent-watch", daemon=True).start()


def _api(options: Options) -> RdsApi:
    """Return the RDS API with these options, with a data plane that is already running."""
    data_plane: DataPlane = NoDataPlane()
    if options.with_data:
        data_plane = PostgresDataPlane(options.data_dir, in_memory=options.in_memory)
    return RdsApi(
        RdsBackend(
            clock=RealClock(options.speed),
            timings=options.timings,
            rules=options.rules,
            data_plane=data_plane,
            services=MotoServices(),
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until asked to stop; print one line of JSON when ready, and nothing else.

    Whatever moto prints later goes to standard error, so that an unread pipe does not fill up.
    """
    options = Options.parse(arguments)
    api = _api(options)
    try:
        with installed(api):
            server = make_server(
                ADDRESS,
                options.port,
                Application(RdsAdmin(api)),
                threaded=True,
                request_handler=_QuietHandler,
            )
            _stop_when_asked(server)
            data_plane = api.backend.data_plane
            ready = {
                "endpoint_url": f"http://{ADDRESS}:{server.server_port}",
                "ca_bundle": str(data_plane.ca_bundle)
                if isinstance(data_plane, PostgresDataPlane)
                else None,
                "data_dir": str(options.data_dir),
                "pid": os.getpid(),
            }
            print(json.dumps(ready), flush=True)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            with server:
                server.serve_forever(poll_interval=0.1)
    finally:
        api.stop()
    return 0
