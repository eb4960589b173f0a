"""A SQL script as it is deployed with the function: taken apart into its statements.

The deployment takes it apart, because only there a tokenizer of SQL is at hand. The function runs
statement after statement, and can say which of them failed and how many rows each one changed.
"""

import json
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class ScriptStatement:
    """One statement of a script."""

    line: int
    """Where in the script it begins."""
    command: str
    """Its first word, in capital letters."""
    returns_rows: bool
    """Whether it looks like one that returns rows, which nobody reads."""
    sql: str = field(repr=False)


@dataclass(frozen=True)
class DeployedScript:
    """A script's statements, and the SHA-256 of the file that they were read from."""

    sha256: str
    statements: tuple[ScriptStatement, ...]

    def to_json(self) -> str:
        """Return the text that is deployed."""
        rows = [[each.line, each.command, each.returns_rows, each.sql] for each in self.statements]
        return json.dumps({"sha256": self.sha256, "statements": rows})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what was deployed as ``text``."""
        document = json.loads(text)
        return cls(
            document["sha256"], tuple(ScriptStatement(*row) for row in document["statements"])
        )
