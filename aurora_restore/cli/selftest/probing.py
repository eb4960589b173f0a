"""Calls the function that logs in to the clusters of a self-test."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.proof.client_checks import ClientAttempt, Data
from aurora_restore.shared.aws_utils import call

_TASK_SECONDS: Final = 900
_CLIENT_SECONDS: Final = 10
_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=_TASK_SECONDS + 10, retries={"total_max_attempts": 1}
)
"""A task may take as long as a function; it is not asked for twice."""


@dataclass
class ProbeCalls:
    """The function, by its name."""

    session: boto3.Session
    name: str

    @cached_property
    def _functions(self) -> Any:
        return self.session.client("lambda", config=_CONFIG)

    def ask(self, task: str, **event: Any) -> dict[str, Any]:
        """Have a task done, and return what came of it. Raises CommandError where it failed."""
        answer = call(
            self._functions.invoke,
            FunctionName=self.name,
            Payload=json.dumps({"task": task, **event}).encode(),
        )
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise CommandError(
                f"{self.name} could not do {task!r}: {document.get('errorType')}: "
                f"{document.get('errorMessage')}",
                ExitCode.FAILED,
            )
        return document


@dataclass
class ProbeClient:
    """An application that logs in to the target's name all the time, until it is asked to end."""

    probe: ProbeCalls
    source: Mapping[str, Any]
    target: Mapping[str, Any]
    attempts: list[ClientAttempt] = field(default_factory=list)
    originals: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _error: BaseException | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let it work for the time of the block. Raises what has kept it from its work."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
        thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while True:
                # Once more after the end, so that the last attempts are of what serves then.
                is_last = self._over.is_set()
                self._ask_once()
                if is_last:
                    return
        except BaseException as error:
            self._error = error

    def _ask_once(self) -> None:
        seconds = _CLIENT_SECONDS if not self._over.is_set() else 3
        done = self.probe.ask(
            "attempts",
            source=self.source,
            target=self.target,
            seconds=seconds,
            attempts=len(self.attempts),
        )
        self.originals = int(done["originals"])
        self.attempts.extend(_attempt(each) for each in done["attempts"])


def _attempt(document: Mapping[str, Any]) -> ClientAttempt:
    data = document["data"]
    return ClientAttempt(
        began=datetime.fromisoformat(document["began"]),
        ended=datetime.fromisoformat(document["ended"]),
        data=None if data is None else Data(data),
        values=document["values"],
        originals=document["originals"],
        stranger=document["stranger"],
        stranger_let_in=document["stranger_let_in"],
    )
