"""A function's attachment to a VPC, as its process shows it to the network of the databases.

On AWS an execution environment sends through a network interface with the groups of the function's
``VpcConfig``. Here its process bears them on its command line: the function itself sees as little
of them as on AWS, and the other end of one of its connections finds them by the process.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

_OPTION = "--vpc-attachment="


@dataclass(frozen=True, kw_only=True)
class VpcAttachment:
    """The subnets and the security groups of a function, and where those are."""

    account: str
    region: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    def argument(self) -> str:
        """Return the argument of a command line that says it."""
        return _OPTION + json.dumps(asdict(self))

    @classmethod
    def on(cls, command_line: Sequence[str]) -> Self | None:
        """Return what a process's command line says; None if it is attached to no VPC."""
        for argument in command_line:
            if argument.startswith(_OPTION):
                said = json.loads(argument.removeprefix(_OPTION))
                return cls(
                    account=said["account"],
                    region=said["region"],
                    subnet_ids=tuple(said["subnet_ids"]),
                    security_group_ids=tuple(said["security_group_ids"]),
                )
        return None
