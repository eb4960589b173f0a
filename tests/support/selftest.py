"""``aurora-restore selftest`` as a process of its own, which can be interrupted and killed."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aurora_restore.cli.main import run
from aurora_restore.cli.selftest.records import RecordFile, SelfTestRecord, record_file
from aurora_restore.cli.selftest.report import SelfTestReport
from aurora_restore.cli.selftest.running import SelfTestRun
from aurora_restore.proof import naming
from aurora_restore.reference.repository import REPOSITORY
from embedded_aws.aws import EmbeddedAws
from embedded_aws.environment import identity, sealed
from tests.support.cdk_app import WITHOUT_VALIDATION
from tests.support.selftest_stacks import SelfTestStacks

ACCOUNT = "222222222222"
REGION = "us-east-1"
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 1500.0

Course = Callable[[SelfTestRun], object]
"""What of a run is done."""


def make_production(aws: EmbeddedAws) -> None:
    """Make a cluster of another user, which no self-test may touch."""
    aws.client("rds").create_db_cluster(
        DBClusterIdentifier="production",
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="of-nobody-here",
    )


@dataclass
class SelfTestProcess:
    """A process whose output goes to a file."""

    process: "multiprocessing.process.BaseProcess"
    output: Path

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def finish(self) -> int | None:
        """Wait for its end and return its exit code."""
        self.process.join(_PATIENCE_SECONDS)
        return self.process.exitcode

    def kill_when(self, moment: Callable[[str], bool]) -> None:
        """Kill it without a warning as soon as the moment is there, given what it has printed."""
        self._wait_for(moment)
        self.process.kill()
        assert self.finish() == -signal.SIGKILL, self.text

    def interrupt_when(self, moment: Callable[[str], bool]) -> None:
        """Do what Ctrl-C at a terminal does, which reaches all of its processes."""
        self._wait_for(moment)
        assert self.process.pid is not None
        os.killpg(self.process.pid, signal.SIGINT)

    def _wait_for(self, moment: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not moment(self.text):
            assert self.process.is_alive(), f"it has ended before that:\n{self.text}"
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
        return self._fork(lambda: run(["selftest", "--records", str(self.records), *options]))

    def begin(self, *options: str) -> SelfTestProcess:
        """Start a run."""
        return self.start("--yes", "--ca-bundle", str(self.aws.rds.ca_bundle), *options)

    def begin_course(self, course: Course, stacks: SelfTestStacks) -> SelfTestProcess:
        """Start a part of a run, with stacks that are synthesised already.

        It makes and records what a run does; what it finds is shown to nobody.
        """
        return self._fork(lambda: self._take(course, stacks))

    def clean(self, run: str) -> SelfTestProcess:
        """Start the cleaning of a run."""
        return self.start("--clean", run)

    def runs(self) -> Sequence[str]:
        """The runs that have a record."""
        return sorted(each.stem for each in self.records.glob("*.json"))

    def _take(self, course: Course, stacks: SelfTestStacks) -> int:
        settings = stacks.settings_of(naming.new_run())
        record = SelfTestRecord(
            run=settings.run, account=ACCOUNT, region=REGION, started=datetime.now(UTC)
        )
        file = RecordFile(record_file(self.records, settings.run), record)
        file.begin()
        course(
            SelfTestRun(
                session=self.aws.session(),
                settings=settings,
                file=file,
                deployer=stacks,
                stage=lambda text: print(text, flush=True),
                deadline=time.monotonic() + _PATIENCE_SECONDS,
                report=SelfTestReport(
                    run=settings.run,
                    account=ACCOUNT,
                    region=REGION,
                    engine_version=settings.engine_version,
                ),
            )
        )
        return 0

    def _fork(self, main: Callable[[], int]) -> SelfTestProcess:
        """Start a process that does this, in a session and an environment of its own."""
        self._count += 1
        output = self.folder / f"{self._count:02d}.txt"
        output.touch()
        environment = self._environment()

        def begin() -> None:
            os.setsid()
            os.chdir(REPOSITORY)
            os.environ.clear()
            os.environ.update(environment)
            with output.open("w", encoding="utf-8", buffering=1) as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                    sys.exit(main())

        process = multiprocessing.get_context("fork").Process(target=begin)
        process.start()
        return SelfTestProcess(process, output)

    def _environment(self) -> dict[str, str]:
        # Its STS leads to the accounts of other roles, and the CDK takes a role of the stack's.
        endpoints = {
            name: url
            for name, url in self.aws.endpoints.variables().items()
            if name != "AWS_ENDPOINT_URL_STS"
        }
        quiet = {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", "COLUMNS": "120"}
        return sealed({**identity(ACCOUNT, REGION), **endpoints, **quiet, **WITHOUT_VALIDATION})
