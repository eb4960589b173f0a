"""How an emulator is set up, and how that travels on a command line."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from embedded_aws.rds.rules import Rules
from embedded_aws.rds.timings import Timings

DEFAULT_SPEED = 600.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a server process is started with."""

    data_dir: Path
    port: int = 0
    speed: float = DEFAULT_SPEED
    with_data: bool = True
    in_memory: bool = True
    timings: Timings = field(default_factory=Timings)
    rules: Rules = field(default_factory=Rules)

    def arguments(self) -> list[str]:
        """Return the command line with these options."""
        return [
            f"--data-dir={self.data_dir}",
            f"--port={self.port}",
            f"--speed={self.speed!r}",
            f"--timings={json.dumps(asdict(self.timings))}",
            f"--rules={json.dumps(asdict(self.rules))}",
            *([] if self.with_data else ["--without-data"]),
            *([] if self.in_memory else ["--on-disk"]),
        ]

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> Self:
        """Read a command line."""
        parser = argparse.ArgumentParser(
            prog="python -m embedded_aws.rds",
            description="An Amazon RDS for Aurora PostgreSQL on 127.0.0.1. Ends with SIGTERM, "
            "SIGINT, or the end of its standard input if that is a pipe.",
        )
        parser.add_argument(
            "--data-dir", type=Path, required=True, help="certificates, logs and data go here"
        )
        parser.add_argument("--port", type=int, default=0, help="of the API; 0 takes a free one")
        parser.add_argument(
            "--speed", type=float, default=DEFAULT_SPEED, help="how much faster than AWS it works"
        )
        parser.add_argument(
            "--without-data", action="store_true", help="statuses only, no PostgreSQL"
        )
        parser.add_argument(
            "--on-disk", action="store_true", help="keep the databases in the data directory"
        )
        parser.add_argument(
            "--timings", type=json.loads, default={}, help="durations as JSON, see Timings"
        )
        parser.add_argument(
            "--rules", type=json.loads, default={}, help="quotas and defaults as JSON, see Rules"
        )
        parser.add_argument("--account", help="of unregistered access keys")
        chosen = parser.parse_args(arguments)
        rules = Rules().with_changes(chosen.rules)
        if chosen.account:
            rules = replace(rules, default_account=chosen.account)
        return cls(
            data_dir=chosen.data_dir,
            port=chosen.port,
            speed=chosen.speed,
            with_data=not chosen.without_data,
            in_memory=not chosen.on_disk,
            timings=Timings().with_changes(chosen.timings),
            rules=rules,
        )
