"""Many statements of which some may be refused, in one statement for the server."""

import json
from collections.abc import Sequence
from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.refusals import SQL_REFUSAL

# The statements reach the block as a setting, so that no text of theirs is part of it.
_ATTEMPT_EACH: Final = f"""
DO $attempts$
DECLARE
  attempt record;
  refusals jsonb := '{{}}';
BEGIN
  FOR attempt IN
    SELECT number - 1 AS number, statements
    FROM jsonb_array_elements_text(current_setting('aurora_restore.attempts')::jsonb)
      WITH ORDINALITY AS each (statements, number)
  LOOP
    BEGIN
      EXECUTE attempt.statements;
    EXCEPTION WHEN OTHERS THEN
      refusals := refusals || jsonb_build_object(attempt.number, {SQL_REFUSAL});
    END;
  END LOOP;
  PERFORM set_config('aurora_restore.refusals', refusals::text, false);
END
$attempts$
"""


def attempt_each(session: DatabaseSession, attempts: Sequence[Sequence[str]]) -> dict[int, str]:
    """Run each attempt's statements in a subtransaction of its own: all of them, or none.

    Returns PostgreSQL's code and message for each attempt that it has refused, by its position.
    """
    if not attempts:
        return {}
    statements = json.dumps(["; ".join(attempt) for attempt in attempts])
    session.run(
        "SELECT set_config('aurora_restore.attempts', :statements, false)", statements=statements
    )
    session.run(_ATTEMPT_EACH)
    refusals = json.loads(session.scalar("SELECT current_setting('aurora_restore.refusals')"))
    return {int(position): refusal for position, refusal in refusals.items()}
