"""What a self-test tells the CDK app of its first stack, and what that stack tells it."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Self

CONTEXT: Final = "selftest"
"""The context of the app that holds the settings, as JSON."""

DATABASE: Final = "shop"
MASTER_USER: Final = "postgres"
PORT: Final = 5432
OUTPUTS: Final = (
    *("VpcId", "SubnetA", "SubnetB", "FunctionGroup", "DatabaseGroup", "SubnetGroup"),
    *("ParameterGroup", "SourceSecret", "ProbeFunction", "SourceCluster"),
)
"""The outputs of the stack."""


@dataclass(frozen=True, kw_only=True)
class SelfTestSettings:
    """Where the stack is, and what it is made of."""

    run: str
    account: str
    region: str
    zones: tuple[str, str]
    engine_version: str
    family: str
    """That of the cluster's parameter group."""
    ca_bundle: str | None = None
    """A file with the certificate authorities of the database; None for those of RDS."""

    def to_json(self) -> str:
        """Return the text that the app reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the settings that a text holds."""
        document = json.loads(text)
        first, second = document.pop("zones")
        return cls(zones=(first, second), **document)
