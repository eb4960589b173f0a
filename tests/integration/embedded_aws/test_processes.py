"""Children end with the process that started them, whatever ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from embedded_aws.environment import repository, sealed
from embedded_aws.processes import (
    Command,
    ProcessFailedError,
    Supervised,
    free_port,
    log_tail,
)

FAMILY = """
import os, signal, subprocess, sys, time
from pathlib import Path
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
runaway = subprocess.check_output(
    [sys.executable, "-c", '''
import subprocess, sys
print(subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(60)"],
    start_new_session=True, stdout=subprocess.DEVNULL,
).pid)'''],
    text=True,
)
Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid} {runaway}")
print("the family is complete", flush=True)
if sys.argv[2] != "leaving":
    time.sleep(60)
"""

OWNER = """
import sys, time
from pathlib import Path
from embedded_aws.processes import Command, Supervised
log, pids, script = (Path(argument) for argument in sys.argv[1:])
scratch = log.parent / "scratch"
scratch.mkdir()
command = Command(
    name="family", arguments=[sys.executable, str(script), str(pids), "quiet"],
    environment={}, log=log, scratch=scratch,
)
with Supervised(command) as family:
    family.wait_until(pids.exists, timeout=10)
    print(family.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A program with a child, and a grandchild that has left its session and lost its parent."""
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    return script


def family_command(family: Path, manner: str = "quiet", grace: float = 5.0) -> Command:
    return Command(
        name="the family",
        arguments=[sys.executable, str(family), str(family.parent / "pids"), manner],
        environment=sealed({}),
        log=family.parent / "logs" / "family.log",
        grace=grace,
    )


def members(directory: Path, timeout: float = 10.0) -> list[int]:
    """The process ids of the family, once they are known."""
    pids = directory / "pids"
    deadline = time.monotonic() + timeout
    while not (pids.exists() and len(pids.read_text().split()) == 3):
        assert time.monotonic() < deadline, "the family did not assemble"
        time.sleep(0.02)
    return [int(pid) for pid in pids.read_text().split()]


def assert_gone(pids: list[int], timeout: float = 8.0) -> None:
    deadline = time.monotonic() + timeout
    while alive := [pid for pid in pids if _alive(pid)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def owner(tmp_path: Path, family: Path) -> Iterator["subprocess.Popen[str]"]:
    """A program that owns a family, and runs until it is ended."""
    arguments = [tmp_path / "owner.log", tmp_path / "pids", family]
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OWNER, *map(str, arguments)],
        cwd=repository(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_child_that_ends_gives_its_status(tmp_path: Path) -> None:
    command = Command(
        name="seven",
        arguments=[sys.executable, "-c", "raise SystemExit(7)"],
        environment=sealed({}),
        log=tmp_path / "log",
    )
    with Supervised(command) as process:
        assert process.wait(timeout=10) == 7
        assert not process.running()


def test_what_a_child_leaves_behind_is_ended_with_it(family: Path) -> None:
    with Supervised(family_command(family, "leaving")) as process:
        assert process.wait(timeout=10) == 0
    assert_gone(members(family.parent))


def test_stopping_ends_the_whole_tree(family: Path) -> None:
    with Supervised(family_command(family)) as process:
        pids = members(family.parent)
        assert all(map(_alive, pids))
    assert not process.running()
    assert_gone([*pids, process.pid])


def test_an_error_in_the_owner_ends_the_whole_tree(family: Path) -> None:
    with pytest.raises(ZeroDivisionError), Supervised(family_command(family)):
        assert 1 / len(members(family.parent)[3:])
    assert_gone(members(family.parent))


def test_a_child_that_ignores_sigterm_is_killed(family: Path) -> None:
    with Supervised(family_command(family, "stubborn", grace=0.3)):
        pids = members(family.parent)
    assert_gone(pids)


def test_stopping_twice_does_no_harm(family: Path) -> None:
    process = Supervised(family_command(family))
    process.stop()
    process.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_children_end_with_their_owner(
    number: signal.Signals, owner: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    pids = members(tmp_path)
    owner.send_signal(number)
    owner.wait(10)
    assert_gone(pids)
    deadline = time.monotonic() + 5
    while (tmp_path / "scratch").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_ends_with_its_guard(family: Path) -> None:
    with Supervised(family_command(family)) as process:
        program, _, _ = pids = members(family.parent)
        os.kill(process.pid, signal.SIGKILL)
        assert_gone([program])
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)


def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    command = Command(
        name="the server",
        arguments=[sys.executable, "-c", "raise SystemExit('the port is taken')"],
        environment=sealed({}),
        log=tmp_path / "server.log",
    )
    with (
        Supervised(command) as process,
        pytest.raises(
            ProcessFailedError, match=r"(?s)the server ended with status 1.*port is taken"
        ),
    ):
        process.wait_until(lambda: False, timeout=10)


def test_a_child_that_is_not_ready_in_time_is_reported_with_its_log(family: Path) -> None:
    with Supervised(family_command(family)) as process:
        members(family.parent)
        with pytest.raises(ProcessFailedError, match=r"(?s)was not ready after 0\.1 s.*complete"):
            process.wait_until(lambda: False, timeout=0.1)


def test_a_child_that_does_not_end_in_time_is_reported(family: Path) -> None:
    with (
        Supervised(family_command(family)) as process,
        pytest.raises(ProcessFailedError, match=r"still running after 0\.1 s"),
    ):
        process.wait(timeout=0.1)


def test_the_environment_is_the_given_one(tmp_path: Path) -> None:
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    given = {"PATH": os.environ["PATH"], "GIVEN": "1"}
    command = Command(
        name="env",
        arguments=[sys.executable, "-c", program],
        environment=given,
        log=tmp_path / "log",
    )
    with Supervised(command) as process:
        process.wait(timeout=10)
    seen: Mapping[str, str] = json.loads((tmp_path / "log").read_text())
    assert {name: seen[name] for name in given} == given
    assert not set(os.environ) & set(seen) - {"PATH", "LC_CTYPE"}


def test_free_ports_differ() -> None:
    assert len({free_port() for _ in range(20)}) > 1


def test_the_tail_of_a_log_says_when_there_is_nothing(tmp_path: Path) -> None:
    assert "empty" in log_tail(tmp_path / "missing")
