"""What the package asks for is what it is tested with, or newer."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator

import pytest

from aurora_restore.reference.repository import REPOSITORY

DOCUMENT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = DOCUMENT["project"]
DEPENDENCIES = PROJECT["dependencies"]
FOR_THE_CDK = PROJECT["optional-dependencies"]["cdk"]
RANGE = re.compile(r"(?P<package>[a-z0-9-]+)(?:\[[a-z]+\])?>=(?P<from>[0-9.]+),<(?P<below>[0-9]+)")
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)$", re.MULTILINE)
# What a package is imported as, where that is not its name.
IMPORTED_AS = {"aws-cdk-lib": "aws_cdk"}
# What comes with another: botocore with boto3, jsii with the CDK.
WITH_ANOTHER = {"botocore", "jsii"}


def pins() -> dict[str, str]:
    """The pinned version of each package that is tested with."""
    files = (*REPOSITORY.glob("requirements*.txt"), *REPOSITORY.glob("aurora_restore/**/*.txt"))
    return dict(pin for file in files for pin in PIN.findall(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("dependency", [*DEPENDENCIES, *sorted(set(FOR_THE_CDK) - {"pip"})])
def test_a_range_begins_at_the_version_that_is_tested(dependency: str) -> None:
    found = RANGE.fullmatch(dependency)
    assert found

    major = int(found["from"].partition(".")[0])
    assert found["from"] == pins()[found["package"]]
    assert int(found["below"]) == major + 1


def imported(part: str = "") -> Iterator[str]:
    """The packages from elsewhere that a part of this one imports."""
    for file in (REPOSITORY / "aurora_restore" / part).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_everything_that_is_imported_is_asked_for() -> None:
    asked = {re.split(r"[\[>]", each)[0] for each in (*DEPENDENCIES, *FOR_THE_CDK)}
    known = {IMPORTED_AS.get(each, each.replace("-", "_")) for each in asked}
    elsewhere = {
        name
        for name in set(imported())
        if name not in sys.stdlib_module_names
        and name != "aurora_restore"
        and not name.startswith("mypy_boto3_")
    }

    assert elsewhere - known == WITH_ANOTHER
    assert known - elsewhere == {"pip"}


def test_the_wheel_carries_every_file_that_is_no_module() -> None:
    package = REPOSITORY / "aurora_restore"
    patterns = DOCUMENT["tool"]["setuptools"]["package-data"]["aurora_restore"]
    carried = {file for pattern in patterns for file in package.glob(pattern)}
    others = {
        file
        for file in package.rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    of_repository = set((package / "reference").rglob("*"))

    assert others - of_repository == carried - of_repository
    assert package / "proof" / "sql" / "mask.sql" in carried
