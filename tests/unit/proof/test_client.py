"""The client records each attempt, whatever comes of it, and ends with its block."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from aurora_restore.proof.client import Client, ClientError, WhatToLookAt
from aurora_restore.proof.client_checks import Data
from aurora_restore.shared.errors import DatabaseConnectionError, DatabaseError
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer

APPLICATION = DatabaseLogin("app_user", "secret")
STRANGERS = [DatabaseLogin("analyst", "one"), DatabaseLogin("etl", "two")]
LOOK_AT = WhatToLookAt(
    database="shop",
    old_table="public.experiment",
    new_table="shop.customers",
    masked={"shop.customers": ("name", "phone")},
    originals=frozenset({"Ada", "555"}),
)


class FakeTarget:
    """A server on which a name leads to some data, or to none."""

    def __init__(self) -> None:
        self.marks: tuple[bool, bool] | None = (True, False)
        self.columns: dict[str, list[str | None]] = {"name": [], "phone": []}
        self.let_in: frozenset[str] = frozenset()
        self.error: Exception | None = None

    @contextmanager
    def session(self, login: DatabaseLogin, *_: Any, **__: Any) -> Iterator["FakeTarget"]:
        assert login == APPLICATION
        if self.marks is None:
            raise DatabaseConnectionError("refused")
        yield self

    def run(self, _: str, *, old: str, new: str) -> Sequence[tuple[bool, bool]]:
        assert (old, new) == (LOOK_AT.old_table, LOOK_AT.new_table)
        if self.error is not None:
            raise self.error
        assert self.marks is not None
        return [self.marks]

    def column(self, query: str) -> list[str | None]:
        return next(values for name, values in self.columns.items() if name in query)

    def accepts(self, login: DatabaseLogin, _: str) -> bool:
        if self.marks is None:
            raise DatabaseConnectionError("refused")
        return login.user in self.let_in


def client_of(server: FakeTarget) -> Client:
    return Client(cast("DatabaseServer", server), APPLICATION, STRANGERS, LOOK_AT)


def test_it_tells_the_old_data_from_the_new() -> None:
    server = FakeTarget()
    client = client_of(server)
    assert client.attempt().data is Data.OLD
    server.marks = (False, True)
    assert client.attempt().data is Data.NEW
    server.marks = (True, True)
    assert client.attempt().data is Data.UNKNOWN
    server.marks = (False, False)
    assert client.attempt().data is Data.UNKNOWN


def test_it_counts_what_it_sees_in_masked_columns_and_what_of_it_is_productions() -> None:
    server = FakeTarget()
    server.marks = (False, True)
    server.columns = {"name": ["Customer 1", "Ada"], "phone": [None, "555"]}
    attempt = client_of(server).attempt()
    assert (attempt.values, attempt.originals) == (3, 2)


def test_a_refusal_is_an_attempt_too() -> None:
    server = FakeTarget()
    client = client_of(server)
    server.marks = None
    refused = client.attempt()
    assert (refused.data, refused.stranger, refused.stranger_let_in) == (None, "analyst", None)
    assert refused.began <= refused.ended
    server.marks, server.error = (True, False), DatabaseError("the server is shutting down")
    assert client.attempt().data is None


def test_productions_passwords_are_tried_in_turn() -> None:
    server = FakeTarget()
    client = client_of(server)
    server.let_in = frozenset({"etl"})
    tried = [(each.stranger, each.stranger_let_in) for each in (client.attempt() for _ in "123")]
    assert tried == [("analyst", False), ("etl", True), ("analyst", False)]


def test_it_works_as_long_as_its_block() -> None:
    client = client_of(FakeTarget())
    with client.at_work():
        client.await_attempts()
    made = client.attempts
    assert len(made) >= 5
    assert {each.data for each in made} == {Data.OLD}
    assert client.attempts == made


def test_what_stops_it_is_reported_at_the_end() -> None:
    server = FakeTarget()
    server.error = ValueError("no such column")
    client = client_of(server)
    with pytest.raises(ClientError, match="no such column"), client.at_work():
        client.await_attempts()


def test_what_stops_the_block_is_reported_first() -> None:
    server = FakeTarget()
    server.error = ValueError("no such column")
    with pytest.raises(KeyError), client_of(server).at_work():
        raise KeyError
