"""The demo's own sessions with the databases: to fill them, and to read what they hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurora_restore.shared.postgres.connection import (
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
    literal,
)
from aurora_restore.shared.postgres.scram import scram_verifier
from aurora_restore.shared.postgres.session_settings import DEFAULT_SEARCH_PATH
from demo.scenario import DemoLogin


def run_file(session: DatabaseSession, file: Path) -> None:
    """Run a file of statements, whose names mean what they mean in psql."""
    with explained(f"{file.name} could not be run"):
        session.run(DEFAULT_SEARCH_PATH)
        session.run(file.read_text(encoding="utf-8"))


def make_logins(session: DatabaseSession, logins: Sequence[DemoLogin]) -> None:
    """Create roles that can log in."""
    for login in logins:
        role = identifier(login.user)
        with explained(f"role {login.user} could not be made"):
            session.run(
                f"CREATE ROLE {role} LOGIN PASSWORD {literal(scram_verifier(login.password))}"
            )
            for group in login.groups:
                session.run(f"GRANT {identifier(group)} TO {role}")


def server_of(
    cluster: Mapping[str, Any], ca_bundle: Path, *, certified_as: str | None = None
) -> DatabaseServer:
    """Return the server of a cluster as RDS describes it.

    Its certificate is verified for its endpoint, or for ``certified_as``.
    """
    return DatabaseServer(
        cluster["Endpoint"],
        cluster["Port"],
        ca_bundle.read_text(encoding="ascii"),
        certified_as=certified_as,
    )
