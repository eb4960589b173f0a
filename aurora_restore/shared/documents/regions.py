"""The Regions of AWS that this version knows, and their partitions.

They are those of the pinned botocore. Where it does not know a Region, it makes up the name of a
host; the steps would then try for minutes to reach it.
"""

from collections.abc import Collection
from typing import Final

KNOWN_REGIONS: Final = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-central-2",
        "eu-isoe-west-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "us-west-1",
        "us-west-2",
    }
)

_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Return the partition that the ARNs of a Region name."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def region_fault(region: str, extra_regions: Collection[str]) -> str | None:
    """Return why a Region is refused; None if it is known or among ``extra_regions``."""
    if region in KNOWN_REGIONS or region in extra_regions:
        return None
    return (
        f"{region!r} is not a Region that this version knows: correct it, or add a new Region to "
        "the environment's `extra_regions`"
    )
