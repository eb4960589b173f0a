"""When a restore starts by itself: the fields of its schedule."""

from dataclasses import dataclass
from typing import Annotated, Final

from aurora_restore.shared.documents.schema import Rule

UTC_ZONE: Final = "UTC"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When the pipeline starts by itself."""

    expression: Annotated[
        str,
        Rule(
            help="An expression of EventBridge Scheduler: see [schedules](schedules.md).",
            pattern=r"(?=.{1,256}$)(?:cron|rate|at)\(.+\)",
            means='an expression of EventBridge Scheduler ("cron(…)", "rate(…)" or "at(…)")',
            example="cron(0 4 * * ? *)",
        ),
    ]
    time_zone: Annotated[
        str,
        Rule(
            help="The time zone in which the expression is meant, by its name in the IANA time "
            "zone database. It follows that zone's daylight saving time.",
            pattern=r"(?=.{1,50}$)[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*",
            means="the name of a time zone of IANA",
            example="Europe/Berlin",
        ),
    ] = UTC_ZONE
    enabled: Annotated[bool, Rule(help="Whether it is in force.")] = True

    @property
    def is_rate(self) -> bool:
        """Return whether it counts from its deployment, in no time zone."""
        return self.expression.startswith("rate(")

    def __str__(self) -> str:
        """Return it as people read it."""
        return self.expression if self.is_rate else f"{self.expression} in {self.time_zone}"
