"""A change of a secret loses nothing that others store meanwhile."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from aurora_restore.shared.errors import ConfigurationError, SecretContestedError
from aurora_restore.shared.secret_changes import MOST_ATTEMPTS, change_secret
from tests.unit.bench import ACCOUNT, REGION, Bench, own_client

NAME = "contested"
ADMIN = "of-an-administrator"


@pytest.fixture
def secret(bench: Bench) -> str:
    bench.clients.secrets_manager.create_secret(Name=NAME, SecretString='{"password": "first"}')
    return NAME


def held(bench: Bench) -> dict[str, Any]:
    text = bench.clients.secrets_manager.get_secret_value(SecretId=NAME)["SecretString"]
    value: dict[str, Any] = json.loads(text)
    return value


def with_host(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**value, "host": "of-the-target"}


def change(bench: Bench) -> Mapping[str, Any]:
    return change_secret(NAME, with_host, purpose="a test", clients=bench.clients)


def versions(bench: Bench) -> int:
    found = bench.clients.secrets_manager.list_secret_version_ids(
        SecretId=NAME, IncludeDeprecated=True
    )
    return len(found["Versions"])


def store(value: Mapping[str, Any]) -> None:
    """What others do."""
    own_client("secretsmanager", REGION).put_secret_value(
        SecretId=NAME, SecretString=json.dumps(value)
    )


@contextmanager
def on(bench: Bench, event: str, act: Callable[[], None]) -> Iterator[None]:
    """Let something happen at a call of the function's own client."""
    events = bench.clients.secrets_manager.meta.events

    def handle(**_: Any) -> None:
        act()

    events.register(event, handle)
    try:
        yield
    finally:
        events.unregister(event, handle)


BEFORE = "before-call.secrets-manager.PutSecretValue"
AFTER = "after-call.secrets-manager.PutSecretValue"


def test_a_change_is_stored_once(bench: Bench, secret: str) -> None:
    assert change(bench) == {"password": "first", "host": "of-the-target"}
    assert held(bench) == {"password": "first", "host": "of-the-target"}

    assert change(bench) == held(bench)

    assert versions(bench) == 2


@pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=["before the write", "after the write"])
def test_a_password_that_is_rotated_around_the_write_is_kept(
    bench: Bench, secret: str, moment: str
) -> None:
    rotations = iter(["second"])

    def rotate() -> None:
        for password in rotations:
            store({"password": password})
            return

    with on(bench, moment, rotate):
        changed = change(bench)

    assert changed == held(bench) == {"password": "second", "host": "of-the-target"}


def test_rotations_before_and_after_the_write_are_both_survived(bench: Bench, secret: str) -> None:
    passwords = iter(["second", "third"])

    def rotate() -> None:
        for password in passwords:
            store({"password": password})
            return

    with on(bench, BEFORE, rotate), on(bench, AFTER, rotate):
        change(bench)

    assert held(bench) == {"password": "third", "host": "of-the-target"}


def test_a_secret_that_never_stops_changing_is_given_up_and_not_told(
    bench: Bench, secret: str
) -> None:
    stored: list[str] = []

    def rotate() -> None:
        stored.append(f"canary-{len(stored)}")
        store({"password": stored[-1]})

    with on(bench, BEFORE, rotate), pytest.raises(SecretContestedError) as raised:
        change(bench)

    assert len(stored) == MOST_ATTEMPTS
    assert "canary" not in str(raised.value)
    # What they stored last is what the last write was made of, or is there itself.
    assert held(bench)["password"] in stored[-2:]


def test_the_same_change_of_the_same_version_has_the_same_id(bench: Bench, secret: str) -> None:
    """So a write whose response was lost is the same write when it is repeated."""
    asked: list[str] = []

    def die(params: Mapping[str, Any], **_: Any) -> None:
        asked.append(json.loads(params["body"])["ClientRequestToken"])
        raise InterruptedError

    events = bench.clients.secrets_manager.meta.events
    events.register(BEFORE, die)
    try:
        for _ in range(2):
            with pytest.raises(InterruptedError):
                change(bench)
    finally:
        events.unregister(BEFORE, die)

    assert len(set(asked)) == 1


def test_what_is_no_object_is_refused_by_name_alone(bench: Bench, secret: str) -> None:
    store([ADMIN])  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match=f"secret {NAME}: its value must be") as raised:
        change(bench)

    assert ADMIN not in str(raised.value)
    assert ACCOUNT not in str(raised.value)
