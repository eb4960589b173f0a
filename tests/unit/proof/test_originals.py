"""Values are found wherever they are, and a place where nobody can look is no clean one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from aurora_restore.proof.originals import UnsearchedError, count_values, find_originals
from aurora_restore.shared.postgres.connection import DatabaseLogin

VALUES = {"Ada Eze", "ada.eze7@mail.example", "+1 555 0007919"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Ada Ez", 0),
        ("Ada Eze", 1),
        ('(7,"Ada Eze",ada.eze7@mail.example,"+1 555 0007919")', 3),
        ("{ada.eze@mail.example,ada.eze7@mail.exampl}", 0),
        ("Ada Eze <ada.eze7@mail.example>, Ada Eze <ada.eze7@mail.example>", 2),
    ],
)
def test_each_value_counts_once(text: str, count: int) -> None:
    assert count_values(VALUES, text) == count


def test_nothing_to_search_for_is_found_nowhere() -> None:
    assert count_values((), "Ada Eze") == 0


class FakeSession:
    """A session that sees all tables, and reads some."""

    def __init__(self, rows: Mapping[str, str], readable: set[str]) -> None:
        self._rows = rows
        self._readable = readable

    def run(self, _: str) -> list[list[Any]]:
        return [[table, table in self._readable] for table in self._rows]

    def column(self, query: str) -> list[str]:
        if "pg_database" in query:
            return ["postgres", "shop"]
        return [text for table, text in self._rows.items() if f"FROM {table} " in query]


class FakeServer:
    """A cluster with two tables in one of its databases."""

    ROWS: Mapping[str, str] = {"a.people": "(Ada Eze)", "a.notes": "(nothing)"}

    def __init__(self, **readable: set[str]) -> None:
        self._readable = readable

    @contextmanager
    def session(self, login: DatabaseLogin, database: str, **_: Any) -> Iterator[FakeSession]:
        yield FakeSession(self.ROWS if database == "shop" else {}, self._readable[login.user])


def found(**readable: set[str]) -> dict[str, int]:
    server: Any = FakeServer(**readable)
    master, reader = DatabaseLogin("master", ""), DatabaseLogin("reader", "")
    return find_originals(server, master, reader, "shop", VALUES)


def test_what_either_login_can_read_is_searched() -> None:
    places = found(master={"a.notes"}, reader={"a.people"})
    assert {place: count for place, count in places.items() if count} == {"a.people in shop": 1}
    assert {"a.notes in shop", "pg_stats in shop", "pg_stats in postgres"} <= places.keys()


def test_a_table_that_nobody_can_read_ends_the_search() -> None:
    with pytest.raises(UnsearchedError, match=r"Nobody could search a\.people in shop\."):
        found(master={"a.notes"}, reader=set())
