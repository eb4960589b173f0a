"""The demo as a program of its own, and every process that it ever had."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from embedded_aws.environment import repository

PATIENCE_SECONDS = 600.0
LEAVING_SECONDS = 10.0
_LOOK_SECONDS = 0.1

DEMO = [sys.executable, "-m", "demo"]


class DemoProgram:
    """A running demo without a terminal."""

    def __init__(self, command: list[str], directory: Path) -> None:
        self._output = directory / "output"
        self._errors = directory / "errors"
        environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"}
        environment.pop("COLUMNS", None)
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=repository(), env=environment, stdout=output, stderr=errors
            )
        self._seen: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def errors(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        """Returns when the text has been written."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.output:
            assert self._process.poll() is None, self.output + self.errors
            assert time.monotonic() < deadline, self.output
            time.sleep(_LOOK_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the program alone."""
        self._process.send_signal(number)

    def wait(self, timeout: float = PATIENCE_SECONDS) -> int:
        """The exit status."""
        return self._process.wait(timeout)

    def left_behind(self) -> list[str]:
        """The processes below the program that are still there a moment after its end."""
        self._over.set()
        self._watcher.join()
        _, alive = psutil.wait_procs(list(self._seen.values()), timeout=LEAVING_SECONDS)
        return [str(process) for process in alive]

    def had_processes(self) -> int:
        """How many processes there were below the program."""
        return len(self._seen)

    def end(self) -> None:
        """Ends the program if a test has failed before it did."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            try:
                children = psutil.Process(self._process.pid).children(recursive=True)
            except psutil.NoSuchProcess:
                return
            self._seen.update({child.pid: child for child in children})


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo, just started."""
    program = DemoProgram(DEMO, tmp_path)
    yield program
    program.end()


@pytest.fixture
def demo_across_accounts(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo whose source is in another account, just started."""
    program = DemoProgram([*DEMO, "--cross-account"], tmp_path)
    yield program
    program.end()


@pytest.fixture
def demo_with_switch(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo whose target serves until another cluster gets its name, just started."""
    program = DemoProgram([*DEMO, "--switch"], tmp_path)
    yield program
    program.end()


@pytest.fixture
def careless_demo_with_switch(tmp_path: Path) -> Iterator[DemoProgram]:
    """The same without quarantine and masking, with production's logins.

    And the old target does not admit the application.
    """
    code = """
from demo import preparation
from demo.run import run
from demo.screen import make_console
from demo.scenario import shop_scenario
careful = preparation.configuration
scenario = shop_scenario(switch=True)
def careless(*arguments):
    document = careful(*arguments)
    restore = document["restores"]["staging"]
    restore["target"]["quarantine"] = "off"
    restore["database"] = {
        "keep_logins": [login.user for login in scenario.logins],
        "masking": "none",
    }
    return document
preparation.configuration = careless
preparation._Preparation.admit_to = lambda *_: None
raise SystemExit(run(scenario, make_console(), lambda: None))
"""
    program = DemoProgram([sys.executable, "-c", code], tmp_path)
    yield program
    program.end()


@pytest.fixture
def careless_demo(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo with a configuration that does without everything that keeps a copy harmless."""
    code = """
from demo import preparation
from demo.run import run
from demo.screen import make_console
from demo.scenario import shop_scenario
careful = preparation.configuration
def careless(*arguments):
    document = careful(*arguments)
    restore = document["restores"]["staging"]
    restore["target"]["quarantine"] = "off"
    restore["database"] = {
        "keep_logins": ["monitoring"],
        "masking": "none",
        "neutralise": {"subscriptions": False, "cron_jobs": False, "user_mappings": False},
    }
    return document
preparation.configuration = careless
raise SystemExit(run(shop_scenario(), make_console(), lambda: None))
"""
    program = DemoProgram([sys.executable, "-c", code], tmp_path)
    yield program
    program.end()


@pytest.fixture
def failing_demo(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo with an execution that asks for a day without a snapshot."""
    code = """
from dataclasses import replace
from demo.run import run
from demo.screen import make_console
from demo.scenario import shop_scenario
scenario = replace(shop_scenario(), start={"date": "2020-02-29"})
raise SystemExit(run(scenario, make_console(), lambda: None))
"""
    program = DemoProgram([sys.executable, "-c", code], tmp_path)
    yield program
    program.end()
