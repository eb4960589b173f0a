"""An emulator in a process of its own, from a program or a test."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import embedded_aws
from embedded_aws.rds.admin_client import RdsAdminClient
from embedded_aws.rds.options import DEFAULT_SPEED, Options
from embedded_aws.rds.rules import Rules
from embedded_aws.rds.timings import Timings

_STOP_SECONDS = 15.0


class EmbeddedRdsError(RuntimeError):
    """The emulator did not start; the message quotes what it said."""


class EmbeddedRds:
    """Starts the server, and ends it with the context, or with this process however that dies."""

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        speed: float = DEFAULT_SPEED,
        with_data: bool = True,
        in_memory: bool = True,
        timings: Timings | None = None,
        rules: Rules | None = None,
    ) -> None:
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="embedded-rds-") if data_dir is None else None
        )
        self.data_dir = Path(self._temporary.name) if self._temporary else Path(str(data_dir))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._options = Options(
            data_dir=self.data_dir.absolute(),
            port=port,
            speed=speed,
            with_data=with_data,
            in_memory=in_memory,
            timings=timings or Timings(),
            rules=rules or Rules(),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: dict[str, str] = {}

    def start(self) -> Self:
        """Start the server and wait until it is ready."""
        log = self.data_dir / "emulator.log"
        try:
            with log.open("ab") as errors:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "embedded_aws.rds", *self._options.arguments()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=_environment(),
                    start_new_session=True,
                )
        except OSError as error:
            self.stop()
            raise EmbeddedRdsError(f"the embedded RDS could not be started: {error}") from error
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            self.stop()
            raise EmbeddedRdsError(f"the embedded RDS did not start:\n{log.read_text()}")
        self._ready = json.loads(line)
        return self

    def stop(self) -> None:
        """End the server with everything it started; harmless if it has ended already."""
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def endpoint_url(self) -> str:
        """The URL of RDS (and STS, KMS, EC2, IAM)."""
        return self._ready["endpoint_url"]

    @property
    def ca_bundle(self) -> Path:
        """The certificate that clients of the databases must trust."""
        return Path(self._ready["ca_bundle"])

    @property
    def pid(self) -> int:
        """The server's process id."""
        return int(self._ready["pid"])

    @property
    def admin(self) -> RdsAdminClient:
        """What tests may ask beside the API."""
        return RdsAdminClient(self.endpoint_url)

    def environment(self) -> dict[str, str]:
        """Return the variables that point an AWS SDK here for the services of this process."""
        services = ("EC2", "IAM", "KMS", "RAM", "RDS", "RDS_DATA", "STS")
        return {f"AWS_ENDPOINT_URL_{service}": self.endpoint_url for service in services}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _environment() -> dict[str, str]:
    """Return the server's environment: this package importable, nothing that changes moto."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))
    }
    root = str(Path(embedded_aws.__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return kept
