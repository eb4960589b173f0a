import re

from aurora_restore.shared import errors
from aurora_restore.shared.errors import AuroraRestoreError, leaves, retryable_error_names


def all_below(base: type[AuroraRestoreError]) -> set[str]:
    return {base.__name__}.union(*(all_below(child) for child in base.__subclasses__()))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"\b[A-Z]\w+Error\b", (errors.__doc__ or "").split("Step Functions")[0]))
    assert drawn == all_below(AuroraRestoreError)


def test_the_statuses_in_the_docstring_are_the_statuses() -> None:
    drawn = re.findall(r"(\w+Error) +(\d{3})", errors.__doc__ or "")
    assert drawn
    for name, status in drawn:
        assert int(getattr(errors, name).status) == int(status), name


def test_only_leaves_are_retried() -> None:
    assert retryable_error_names() == [
        "AwsThrottledError",
        "AwsUnavailableError",
        "SnapshotNotVisibleError",
    ]
    assert all(not leaf.__subclasses__() for leaf in leaves(AuroraRestoreError))
