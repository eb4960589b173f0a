"""What can reach out of a database, or acts by itself in it: reported, and left as it is."""

from typing import Final

from aurora_restore.shared.postgres.catalog import is_of_extension
from aurora_restore.shared.postgres.cluster_databases import INVALID
from aurora_restore.shared.postgres.connection import DatabaseSession, literal

REACHING_OUT: Final = (
    "aws_lambda",
    "aws_ml",
    "aws_s3",
    "dblink",
    "http",
    "mysql_fdw",
    "oracle_fdw",
    "pg_net",
    "pgactive",
    "pglogical",
    "postgres_fdw",
    "tds_fdw",
)
"""Extensions with which a database connects to something else."""

_OWN: Final = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
"""The schema of the journal included: what others have put there is reported, too."""

_IN_A_DATABASE: Final = {
    "foreign_servers": """
        SELECT format('%s (%s)', s.srvname, w.fdwname)
        FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
        """,
    "extensions_reaching_out": f"""
        SELECT extname::text FROM pg_extension
        WHERE extname IN ({", ".join(map(literal, REACHING_OUT))})
        """,
    "privileged_functions": f"""
        SELECT format('%s.%s(%s) of %s', n.nspname, p.proname,
            pg_get_function_identity_arguments(p.oid), o.rolname)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            JOIN pg_roles o ON o.oid = p.proowner
        WHERE p.prosecdef AND {_OWN} AND NOT {is_of_extension("pg_proc", "p.oid")}
            AND (o.rolsuper OR o.rolcreaterole OR o.rolcreatedb OR o.rolbypassrls
                OR o.rolreplication OR EXISTS (SELECT FROM pg_roles g
                    WHERE g.rolname = 'rds_superuser' AND pg_has_role(o.oid, g.oid, 'MEMBER')))
        """,
    "event_triggers": f"""
        SELECT e.evtname::text FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
            JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE e.evtenabled <> 'D' AND {_OWN} AND NOT {is_of_extension("pg_event_trigger", "e.oid")}
        """,
    "triggers": f"""
        SELECT format('%s on %s.%s', t.tgname, n.nspname, c.relname)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND {_OWN}
            AND NOT {is_of_extension("pg_class", "c.oid")}
        """,
    "large_objects": """
        SELECT format('%s large objects', count(*)) FROM pg_largeobject_metadata
        HAVING count(*) > 0
        """,
}
_IN_THE_CLUSTER: Final = {
    "prepared_transactions": """
        SELECT format('%s of %s in %s', gid, owner, database) FROM pg_prepared_xacts
        """,
    "closed_databases": f"""
        SELECT datname::text FROM pg_database
        WHERE (NOT datallowconn OR datconnlimit = {INVALID}) AND datname <> 'template0'
        """,
}
FINDINGS: Final = (*_IN_A_DATABASE, *_IN_THE_CLUSTER)
"""The kinds of what is reported."""


def find_in_database(session: DatabaseSession, database: str) -> dict[str, list[str]]:
    """Return the names of what there is in the session's database, by kind."""
    return {
        kind: [f"{name} in {database}" for name in session.column(query)]
        for kind, query in _IN_A_DATABASE.items()
    }


def find_in_cluster(session: DatabaseSession) -> dict[str, list[str]]:
    """Return the names of what belongs to no database in particular, by kind."""
    return {kind: session.column(query) for kind, query in _IN_THE_CLUSTER.items()}
