"""Searches the restored cluster for what only production may know: everywhere, not where it was."""

from collections.abc import Collection, Mapping
from typing import Final

from aurora_restore.proof.checks import TableReading
from aurora_restore.proof.wiring import JOBS_DATABASE
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
)


class UnsearchedError(RuntimeError):
    """A part of the restored cluster could not be searched."""


_DATABASES: Final = (
    "SELECT datname FROM pg_database "
    "WHERE datallowconn AND datname NOT IN ('template0', 'rdsadmin') ORDER BY datname"
)
_RELATIONS: Final = (
    "SELECT format('%I.%I', n.nspname, c.relname), has_table_privilege(c.oid, 'SELECT') "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_roles owner ON owner.oid = c.relowner "
    "WHERE c.relkind IN ('r', 'm', 'v') AND n.nspname !~ '^pg_' "
    "AND n.nspname <> 'information_schema' "
    "AND (has_table_privilege(c.oid, 'SELECT') OR NOT owner.rolsuper) ORDER BY 1"
)
"""Tables, materialized views and views, but for those of RDS itself that it shows to nobody."""
_STATISTICS: Final = {
    "pg_stats": (
        "SELECT concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems) FROM pg_stats"
    ),
    "pg_stats_ext": "SELECT array_to_string(most_common_vals, ' ') FROM pg_stats_ext",
    "pg_stats_ext_exprs": (
        "SELECT concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems) "
        "FROM pg_stats_ext_exprs"
    ),
}
"""What PostgreSQL keeps of the values of columns; each shows what one may read."""
_WORDS: Final = "[[:alpha:]@+]"
"""Every value that is masked has a letter or one of these signs; most rows of pgbench have none."""


def originals_of(tables: Mapping[str, TableReading]) -> frozenset[str]:
    """Return every value that is to be masked, of every table."""
    return frozenset(
        value
        for table in tables.values()
        for values in table.originals.values()
        for value in values
    )


def find_originals(
    server: DatabaseServer,
    master: DatabaseLogin,
    reader: DatabaseLogin,
    database: str,
    originals: Collection[str],
) -> dict[str, int]:
    """Return how many original values there are in each place of every database of the cluster.

    The master user looks into every database, and the reader, who sees all of the application's
    tables, into its one. Raises UnsearchedError where neither could look.
    """
    with server.session(master, JOBS_DATABASE) as session:
        databases = session.column(_DATABASES)
    found: dict[str, int] = {}
    for name in databases:
        unread: set[str] = set()
        for login in (master, reader) if name == database else (master,):
            # Each user sees the jobs of its own only; no other table hides rows.
            with (
                server.session(login, name, row_security=True) as session,
                explained(f"{name} was not searched"),
            ):
                texts, hidden = _texts(session)
            for place, text in texts.items():
                key = f"{place} in {name}"
                found[key] = max(found.get(key, 0), count_values(originals, text))
            unread |= hidden
        if missed := sorted(place for place in unread if f"{place} in {name}" not in found):
            raise UnsearchedError(f"Nobody could search {', '.join(missed)} in {name}.")
    return found


def count_values(values: Collection[str], text: str) -> int:
    """Return how many of the values are in a text.

    A piece from the middle of each is looked up at every place of the text, and the whole value
    where there is one: a plain search of a long text for thousands of values takes seconds.
    """
    length = min(map(len, values), default=0)
    by_middle: dict[str, list[tuple[str, int]]] = {}
    for value in values:
        before = (len(value) - length) // 2
        middle = value[before : before + length]
        by_middle.setdefault(middle, []).append((value, before))
    places = range(len(text) - length + 1)
    found = {
        value
        for at in [at for at in places if text[at : at + length] in by_middle]
        for value, before in by_middle[text[at : at + length]]
        if at >= before and text.startswith(value, at - before)
    }
    return len(found)


def _texts(session: DatabaseSession) -> tuple[dict[str, str], set[str]]:
    """Return all that can be read in a database, by place, and the places that cannot."""
    relations = session.run(_RELATIONS)
    queries = {
        relation: f"SELECT t::text FROM {relation} t WHERE t::text ~ '{_WORDS}'"  # noqa: S608
        for relation, readable in relations
        if readable
    }
    texts = {
        place: "\n".join(text for text in session.column(query) if text)
        for place, query in {**queries, **_STATISTICS}.items()
    }
    return texts, {relation for relation, readable in relations if not readable}
