"""The emulator as an HTTP server on 127.0.0.1: RDS, and moto's STS, KMS, EC2 and IAM beside it.

Account and Region come from a request's signature, as in AWS. ``POST /_local/NAME`` calls a method
of :class:`~embedded_aws.rds.control.Control` with the JSON object in the body.
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

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.clock import RealClock
from embedded_aws.rds.control import Control
from embedded_aws.rds.data_plane import DataPlane
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.tls import ADDRESS
from embedded_aws.rds.emulator import Emulator
from embedded_aws.rds.errors import ControlError
from embedded_aws.rds.moto_patch import installed
from embedded_aws.rds.moto_services import MotoServices
from embedded_aws.rds.options import Options

CONTROL_PREFIX = "/_local/"
_MOTO_OWN_API = "/moto-api"

Environment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _QuietHandler(MotoRequestHandler):  # type: ignore[misc]
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Says nothing: the emulator keeps its own record of calls."""


class Application:
    """Leads control requests to the control, and everything else to moto."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request (WSGI)."""
        path = environment.get("PATH_INFO", "")
        if path.startswith(CONTROL_PREFIX):
            status, answer = self._controlled(path.removeprefix(CONTROL_PREFIX), environment)
            return _json(status, answer, start_response)
        if path.startswith(_MOTO_OWN_API):
            return _json(HTTPStatus.NOT_FOUND, {"error": "not offered"}, start_response)
        answered: Iterable[bytes] = self._moto(environment, start_response)
        return answered

    def _controlled(self, name: str, environment: Environment) -> tuple[HTTPStatus, object]:
        length = int(environment.get("CONTENT_LENGTH") or 0)
        try:
            arguments = json.loads(environment["wsgi.input"].read(length) or b"{}")
            return HTTPStatus.OK, {"result": self._control.call(name, arguments)}
        except (ControlError, json.JSONDecodeError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}


def _json(status: HTTPStatus, answer: object, start_response: StartResponse) -> list[bytes]:
    body = json.dumps(answer).encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


def _stop_when_asked(server: BaseWSGIServer) -> None:
    """Shuts the server down on SIGTERM, SIGINT, or when nobody holds the pipe on its input."""

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


def _emulator(options: Options) -> Emulator:
    """The emulator as the options want it, with a data plane that is running already."""
    data_plane: DataPlane = NoDataPlane()
    if options.with_data:
        data_plane = PostgresDataPlane(options.data_dir, in_memory=options.in_memory)
    return Emulator(
        Backend(
            clock=RealClock(options.speed),
            timings=options.timings,
            rules=options.rules,
            data_plane=data_plane,
            services=MotoServices(),
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until asked to stop; prints one line of JSON when ready, and nothing else.

    Whatever moto prints later goes to standard error, lest a pipe that nobody reads fills up.
    """
    options = Options.parse(arguments)
    emulator = _emulator(options)
    try:
        with installed(emulator):
            server = make_server(
                ADDRESS,
                options.port,
                Application(Control(emulator)),
                threaded=True,
                request_handler=_QuietHandler,
            )
            _stop_when_asked(server)
            data_plane = emulator.backend.data_plane
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
        emulator.stop()
    return 0
