"""One PostgreSQL server on one volume, and the superuser's way in."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pg8000.native

from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.data_plane.builds import Installation
from embedded_aws.rds.data_plane.system_user import SystemUser
from embedded_aws.rds.data_plane.template import SUPERUSER
from embedded_aws.rds.data_plane.tls import ADDRESS

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.01


class PostgresServer:
    """A server process: with a certificate it listens on a port, and always on a Unix socket."""

    def __init__(
        self,
        *,
        installation: Installation,
        user: SystemUser,
        data: Path,
        sockets: Path,
        log: Path,
        certificate: Path | None = None,
        settings: Mapping[str, str] | None = None,
        begun: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start the server and wait until it is ready.

        ``begun`` gets the process id before: a server begins with work of its own by itself.
        """
        self._log = log
        with _free_port() as held:
            self.port: int = held.getsockname()[1]
            self.socket = sockets / f".s.PGSQL.{self.port}"
            chosen = {
                "unix_socket_directories": str(sockets),
                "port": str(self.port),
                "listen_addresses": ADDRESS if certificate else "",
                **(settings or {}),
            }
            if certificate:
                chosen |= {"ssl_cert_file": str(certificate), "ssl_key_file": str(certificate)}
            else:
                chosen["ssl"] = "off"
            options = [part for item in chosen.items() for part in ("-c", "=".join(item))]
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603
                    [installation.program("postgres"), "-D", str(data), *options],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    **user.process_options(),
                )
        begun(self.pid)
        self._wait_until_ready()

    @property
    def pid(self) -> int:
        """The process id of the server, which is the parent of those of its sessions."""
        return self._process.pid

    def run(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """Execute a statement as ``rdsadmin`` and return its rows."""
        with self.session(database) as connection:
            return list(connection.run(statement) or [])

    @contextlib.contextmanager
    def session(self, database: str = "postgres") -> Iterator[Any]:
        """Yield a connection as ``rdsadmin``."""
        connection = self._connect(database)
        try:
            yield connection
        except pg8000.native.Error as error:
            raise DataPlaneError(str(error)) from error
        finally:
            with contextlib.suppress(pg8000.native.Error):
                connection.close()

    def stop(self, *, immediately: bool = False) -> None:
        """End it; without haste it writes its data down first."""
        self._process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_STOP_SECONDS)

    def _connect(self, database: str) -> Any:
        # Without ``ssl_context`` pg8000 reads all the system's certificates, in vain.
        return pg8000.native.Connection(
            SUPERUSER,
            database=database,
            unix_sock=str(self.socket),
            ssl_context=False,
            timeout=_START_SECONDS,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise DataPlaneError(
                    f"PostgreSQL ended with status {self._process.returncode}; see {self._log}"
                )
            if self.socket.exists():
                try:
                    self._connect("postgres").close()
                except (pg8000.native.Error, OSError):
                    pass
                else:
                    return
            time.sleep(_POLL_SECONDS)
        self.stop(immediately=True)
        raise DataPlaneError(f"PostgreSQL was not ready in {_START_SECONDS:g} s; see {self._log}")


@contextlib.contextmanager
def _free_port() -> Iterator[socket.socket]:
    """Yield a socket that is bound to a port which the server can take over.

    It lets others bind the port as PostgreSQL does, and is closed as soon as the server is started.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((ADDRESS, 0))
        yield held
