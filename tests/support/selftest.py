"""A way to run ``aurora-restore selftest`` as a process of its own, and to kill it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aurora_restore.reference.repository import REPOSITORY
from embedded_aws.aws import EmbeddedAws
from embedded_aws.environment import identity, sealed

ACCOUNT = "222222222222"
REGION = "us-east-1"
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 1500.0


@dataclass
class SelfTestProcess:
    """The command, as a process whose output goes to a file."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def finish(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(_PATIENCE_SECONDS)

    def kill_when(self, moment: Callable[[str], bool]) -> None:
        """Kill it without a warning as soon as the moment is there, given what it has printed."""
        self._wait_for(moment)
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def interrupt_when(self, moment: Callable[[str], bool]) -> None:
        """Do what Ctrl-C at a terminal does, which reaches all of its processes."""
        self._wait_for(moment)
        os.killpg(self.process.pid, signal.SIGINT)

    def _wait_for(self, moment: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not moment(self.text):
            assert self.process.poll() is None, f"it has ended before that:\n{self.text}"
            assert time.monotonic() < deadline, f"the moment never came:\n{self.text}"
            time.sleep(_LOOK_SECONDS)


@dataclass
class SelfTestCommand:
    """``aurora-restore selftest`` in an environment that leads it to the embedded AWS."""

    aws: EmbeddedAws
    folder: Path
    _count: int = field(default=0)

    @property
    def records(self) -> Path:
        """Where the records of its runs are."""
        return self.folder / "records"

    def start(self, *options: str) -> SelfTestProcess:
        """Start it."""
        self._count += 1
        output = self.folder / f"{self._count:02d}.txt"
        with output.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-m", "aurora_restore.cli", "selftest"),
                    *("--records", str(self.records)),
                    *options,
                ],
                cwd=REPOSITORY,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return SelfTestProcess(process, output)

    def begin(self, *options: str) -> SelfTestProcess:
        """Start a run."""
        return self.start("--yes", "--ca-bundle", str(self.aws.rds.ca_bundle), *options)

    def clean(self, run: str) -> SelfTestProcess:
        """Start the cleaning of a run."""
        return self.start("--clean", run)

    def runs(self) -> Sequence[str]:
        """The runs that have a record."""
        return sorted(each.stem for each in self.records.glob("*.json"))

    def _environment(self) -> dict[str, str]:
        # Its STS leads to the accounts of other roles, and the CDK takes a role of the stack's.
        endpoints = {
            name: url
            for name, url in self.aws.endpoints.variables().items()
            if name != "AWS_ENDPOINT_URL_STS"
        }
        quiet = {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", "COLUMNS": "120"}
        return sealed({**identity(ACCOUNT, REGION), **endpoints, **quiet})
