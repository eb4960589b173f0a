"""The configured checks: queries that must return no row.

A check runs in a read-only transaction. Its rows are counted by a cursor that moves over them, so
that none leaves the server. Its text is a literal to the statement around it, so that nothing in it
can end that. Its names mean what they mean in psql, by the search path of role and database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from aurora_restore.shared.errors import CheckFailedError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.masking.findings import Finding, Proof
from aurora_restore.shared.postgres.masking.storage import ReadingTransaction
from aurora_restore.shared.postgres.refusals import may_be_shown
from aurora_restore.shared.postgres.session_settings import (
    DEFAULT_SEARCH_PATH,
    TRUSTED_SEARCH_PATH,
)
from aurora_restore.shared.postgres.tasks import as_block

MOST_ROWS: Final = 1000
"""Up to how many rows are counted."""
ROWS: Final = "rows"
"""The kind of a finding: the check has returned rows."""
REFUSED: Final = "refused: "
"""How the kind of a finding begins if PostgreSQL has refused the check; its reason follows."""

# The block leaves its results in settings, which the journal's entry is made of.
_ROW_COUNT: Final = "aurora_restore.check_rows"
_CODE: Final = "aurora_restore.check_code"
_MESSAGE: Final = "aurora_restore.check_message"


@dataclass(frozen=True)
class RunCheck(Proof):
    """Run a check, and record how many rows it returns."""

    name: str
    sql: str = field(repr=False)

    kind: ClassVar = "checks"

    @property
    def title(self) -> str:
        """What it is, within a sentence."""
        return f"check {self.name!r}"

    @property
    def entry(self) -> str:
        """Its entry in the journal."""
        return f"check:{self.name}:{self.digest}"

    def do(self, session: DatabaseSession, key: JournalKey) -> None:
        """Run the check and record its result, also if PostgreSQL refuses it."""
        reading = ReadingTransaction.of(session)
        session.run(
            reading.message(
                (
                    "SAVEPOINT the_check",
                    "SET TRANSACTION READ ONLY",
                    DEFAULT_SEARCH_PATH,
                    as_block(_counting(self.sql)),
                    TRUSTED_SEARCH_PATH,
                    "RELEASE SAVEPOINT the_check",
                    journal.insertion(key, self.entry, self._details()),
                )
            )
        )

    def _details(self) -> str:
        """Return the expression for what the journal says of the check.

        Of a message that may quote data only the code is kept.
        """
        name = literal(self.name)
        return f"""(
            SELECT jsonb_build_object(
                'summary', jsonb_build_object('name', {name}, 'rows', result.row_count),
                'findings', CASE
                    WHEN result.code <> '' THEN jsonb_build_array(jsonb_build_object(
                        'place', {name}, 'found', 1, 'kind', concat({literal(REFUSED)},
                        result.code, ': ' || nullif(result.message, ''))))
                    WHEN result.row_count > 0 THEN jsonb_build_array(jsonb_build_object(
                        'place', {name}, 'found', result.row_count, 'kind', {literal(ROWS)}))
                    ELSE '[]'
                END
            )
            FROM (
                SELECT nullif(current_setting({literal(_ROW_COUNT)}), '')::bigint AS row_count,
                    current_setting({literal(_CODE)}) AS code,
                    current_setting({literal(_MESSAGE)}) AS message
            ) result
        )"""

    def judge(self, findings: Sequence[Finding]) -> CheckFailedError:
        """Return the error that says how many rows there are, or why the check could not run."""
        (finding,) = findings
        if finding.kind != ROWS:
            return CheckFailedError(
                f"check {self.name!r} could not run in database {self.database!r}: "
                f"{finding.kind.removeprefix(REFUSED)}",
                check=self.name,
                database=self.database,
            )
        more = f"more than {MOST_ROWS}" if finding.found > MOST_ROWS else str(finding.found)
        rows = "row" if finding.found == 1 else "rows"
        return CheckFailedError(
            f"check {self.name!r} returns {more} {rows} in database {self.database!r}",
            check=self.name,
            database=self.database,
            rows=finding.found,
        )


def _counting(sql: str) -> str:
    """Return the block that counts the rows of a query, and catches what PostgreSQL refuses.

    The search path is that of the database here, so no name or operator is left to it.
    """
    return f"""
DECLARE
    the_rows pg_catalog.refcursor;
    row_count bigint;
    code pg_catalog.text;
    message pg_catalog.text;
    context pg_catalog.text;
    started bool := false;
BEGIN
    BEGIN
        OPEN the_rows NO SCROLL FOR EXECUTE {literal(sql)};
        started := true;
        MOVE FORWARD {MOST_ROWS + 1} FROM the_rows;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        CLOSE the_rows;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
            context = PG_EXCEPTION_CONTEXT;
        IF NOT {may_be_shown("code", "context", literal(sql), "started")} THEN
            message := NULL;
        END IF;
    END;
    PERFORM pg_catalog.set_config({literal(_ROW_COUNT)}, pg_catalog.concat(row_count), true),
        pg_catalog.set_config({literal(_CODE)}, pg_catalog.concat(code), true),
        pg_catalog.set_config({literal(_MESSAGE)}, pg_catalog.concat(message), true);
END
"""
