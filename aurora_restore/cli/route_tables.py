"""Which routes the addresses of a subnet take."""

from collections.abc import Mapping, Sequence
from typing import Any


def route_table_of(
    subnet: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return the route table of a subnet: its own one, or else the VPC's main one."""
    main: Mapping[str, Any] = {}
    for table in tables:
        if table["VpcId"] != subnet["VpcId"]:
            continue
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main"):
                main = table
    return main
