"""The paths and the rules of Choice states, as Step Functions evaluates them."""

from typing import Any

Document = dict[str, Any]
_MISSING = object()


def value_at(path: str, document: Document) -> Any:
    """What a reference path such as ``$.result.body`` leads to."""
    value: Any = document
    for key in path.removeprefix("$.").split("."):
        if not isinstance(value, dict) or key not in value:
            return _MISSING
        value = value[key]
    return value


def holds(rule: Document, document: Document) -> bool:
    """Whether a rule of a Choice holds; a comparison with nothing fails the execution."""
    if "And" in rule:
        return all(holds(each, document) for each in rule["And"])
    value = value_at(rule["Variable"], document)
    if "IsPresent" in rule:
        return bool((value is not _MISSING) == rule["IsPresent"])
    assert value is not _MISSING, f"{rule['Variable']} is compared without being there"
    if "IsNumeric" in rule:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        return bool(numeric == rule["IsNumeric"])
    if "BooleanEquals" in rule:
        return bool(value is rule["BooleanEquals"])
    if "StringEquals" in rule:
        return bool(value == rule["StringEquals"])
    if "NumericEquals" in rule:
        return bool(value == rule["NumericEquals"])
    if "NumericGreaterThan" in rule:
        return bool(value > rule["NumericGreaterThan"])
    raise AssertionError(f"unknown rule {rule}")
