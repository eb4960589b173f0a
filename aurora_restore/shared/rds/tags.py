"""Tags as RDS lists them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import TagTypeDef


def tags_of(tag_list: "Sequence[TagTypeDef] | None") -> dict[str, str]:
    """Return the tags of a resource that RDS has described, by key."""
    return {tag["Key"]: tag.get("Value", "") for tag in tag_list or ()}


def tag_list(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    """Return tags as RDS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
