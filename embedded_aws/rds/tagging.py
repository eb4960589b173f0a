"""Tags of clusters, instances and cluster snapshots."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import InvalidParameterValueError
from embedded_aws.rds.models import DBCluster, DBClusterSnapshot, DBInstance, Location
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params, Tags
from embedded_aws.rds.resources import find_cluster, find_instance, find_own_snapshot

MAX_TAGS = 50
LONGEST_VALUE = 256
_RESERVED = "aws:"
_SIGNS = frozenset("_.:/=+-@")
_LETTERS_SPACES_AND_DIGITS = frozenset("LZN")
"""The general categories of Unicode that the model calls \\p{L}, \\p{Z} and \\p{N}."""
TAGGED_KINDS = frozenset({"cluster", "db", "cluster-snapshot"})


def tags_of(params: Params, name: str = "Tags") -> Tags | None:
    """Return the tags of a request, checked; ``None`` if it has none."""
    given = params.structures(name)
    if given is None:
        return None
    tags = {str(item.text("Key")): item.text("Value") or "" for item in given}
    check(tags)
    return tags


def check(tags: Mapping[str, str]) -> None:
    """Refuse reserved keys, signs that no tag has, and more tags than AWS stores on a resource."""
    for key, value in tags.items():
        if key.lower().startswith(_RESERVED):
            raise InvalidParameterValueError(
                "The following Tag keys cannot be used since they begin with the reserved prefix "
                f"'{_RESERVED}': {key}"
            )
        if len(value) > LONGEST_VALUE or not all(map(_is_allowed, key + value)):
            raise InvalidParameterValueError(f"Invalid tag: {key}={value}")
    _check_count(tags)


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidParameterValueError(f"A resource cannot have more than {MAX_TAGS} tags")


def _is_allowed(character: str) -> bool:
    category = unicodedata.category(character)
    return character in _SIGNS or category[0] in _LETTERS_SPACES_AND_DIGITS


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the API shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Tagging:
    """The three tag operations, for the resources that this emulator keeps itself."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def add(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``AddTagsToResource``."""
        resource = self._resource(location, params.required("ResourceName"))
        added = tags_of(params) or {}
        # What the resource has already may be reserved: AWS itself puts such tags on.
        _check_count(resource.tags | added)
        resource.tags = resource.tags | added
        return {}

    def remove(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``RemoveTagsFromResource``."""
        resource = self._resource(location, params.required("ResourceName"))
        gone = params.texts("TagKeys") or ()
        resource.tags = {key: value for key, value in resource.tags.items() if key not in gone}
        return {}

    def list(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``ListTagsForResource``."""
        resource = self._resource(location, params.required("ResourceName"))
        return {"TagList": tag_list(resource.tags)}

    def _resource(
        self, location: Location, name: str
    ) -> DBCluster | DBInstance | DBClusterSnapshot:
        arn = Arn.parse(name)
        if arn is None or arn.service != "rds":
            raise InvalidParameterValueError(f"Invalid resource name: {name}")
        finders: dict[
            str, Callable[[RdsBackend, Location, str], DBCluster | DBInstance | DBClusterSnapshot]
        ] = {
            "cluster": find_cluster,
            "db": find_instance,
            "cluster-snapshot": find_own_snapshot,
        }
        if arn.kind not in finders:
            raise InvalidParameterValueError(f"Invalid resource name: {name}")
        return finders[arn.kind](self._backend, location, name)
