"""One PostgreSQL server on one volume, and the superuser's way in."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pg8000.native

from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.data_plane.binaries import SystemUser
from embedded_aws.rds.data_plane.template import SUPERUSER

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.01


class PostgresServer:
    """A server process; only its Unix socket listens."""

    def __init__(
        self,
        *,
        installation: Path,
        user: SystemUser,
        data: Path,
        sockets: Path,
        number: int,
        log: Path,
    ) -> None:
        self._log = log
        self.socket = sockets / f".s.PGSQL.{number}"
        command = [
            str(installation / "bin" / "postgres"),
            "-D",
            str(data),
            "-c",
            f"unix_socket_directories={sockets}",
            "-c",
            f"port={number}",
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **user.process_options(),
            )
        self._wait_until_ready()

    def run(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """Executes a statement as ``rdsadmin`` and gives its rows."""
        with self.session(database) as connection:
            return list(connection.run(statement) or [])

    @contextlib.contextmanager
    def session(self, database: str = "postgres") -> Iterator[Any]:
        """A connection as ``rdsadmin``."""
        connection = self._connect(database)
        try:
            yield connection
        except pg8000.native.Error as error:
            raise DataPlaneError(str(error)) from error
        finally:
            with contextlib.suppress(pg8000.native.Error):
                connection.close()

    def stop(self, *, immediately: bool = False) -> None:
        """Ends it; without haste it writes its data down first."""
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
