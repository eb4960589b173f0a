"""Every error code that the code compares with is one that AWS returns.

botocore's models give each error its code, which is often not the name of its shape: there is a
``DBInstanceNotFound``, and no ``DBInstanceNotFoundFault``.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import botocore.loaders
import botocore.model
import pytest

from aurora_restore.infra.bundles.dependencies import AWS_SERVICES
from aurora_restore.reference.repository import REPOSITORY

PACKAGE: Final = REPOSITORY / "aurora_restore"
READERS: Final = frozenset({"code_of", "error_code"})
"""The functions that return an error's code."""
PARAMETER: Final = "code"
"""What a parameter is called that is such a code."""

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html and the page of the same
# name in each service's reference; what botocore repeats a call for is in its own retry handlers.
GENERIC: Final[Mapping[str, str]] = {
    "AccessDenied": "RDS, STS and S3 deny so; no model names what every call can return",
    "UnauthorizedOperation": "EC2 denies so",
    "ExpiredToken": "STS and services with a query protocol say so of temporary credentials",
    "InternalFailure": "common to all services",
    "InvalidClientTokenId": "common to all services: no such access key",
    "InvalidSignatureException": "services with a JSON protocol say so of a wrong secret key",
    "RequestExpired": "common to all services",
    "RequestThrottled": "named by botocore's retry handler",
    "RequestThrottledException": "named by botocore's retry handler",
    "RequestTimeout": "named by botocore's retry handler",
    "RequestTimeoutException": "named by botocore's retry handler",
    "ServiceUnavailable": "common to all services",
    "SlowDown": "named by botocore's retry handler",
    "Throttling": "RDS and other services with a query protocol throttle so",
    "UnrecognizedClientException": "services with a JSON protocol: no such access key",
}


@dataclass(frozen=True)
class Comparison:
    """A code that some place compares an error's code with."""

    code: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file.relative_to(REPOSITORY)}:{self.line}: {self.code}"


@cache
def modules() -> Mapping[Path, ast.Module]:
    """The package's modules."""
    return {
        file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(PACKAGE.rglob("*.py"))
    }


def texts_in(node: ast.AST) -> Iterator[str]:
    """Every text in an expression; of a mapping, its keys."""
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if key is not None:
                yield from texts_in(key)
        return
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


@cache
def constants(module: ast.Module) -> Mapping[str, ast.AST]:
    """The values that a module gives its names, and those of the names that it imports."""
    found: dict[str, ast.AST] = {}
    for node in module.body:
        match node:
            case ast.ImportFrom(module=str(name), names=names) if name.startswith("aurora_restore"):
                file = REPOSITORY / (name.replace(".", "/") + ".py")
                if file in modules():
                    there = constants(modules()[file])
                    found |= {
                        each.asname or each.name: there[each.name]
                        for each in names
                        if each.name in there
                    }
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.AST() as value):
                found[name] = value
            case _:
                pass
    return found


def is_code(node: ast.AST, variables: frozenset[str]) -> bool:
    """Whether an expression is an error's code."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in READERS
        case ast.Name(id=name):
            return name in variables
        case _:
            return False


@cache
def comparisons() -> tuple[Comparison, ...]:
    """Every comparison of an error's code, and every look-up by one."""
    return tuple(_find_comparisons())


def _find_comparisons() -> Iterator[Comparison]:
    for file, module in modules().items():
        known = constants(module)
        functions = [
            each for each in ast.walk(module) if isinstance(each, ast.FunctionDef | ast.Lambda)
        ]
        for function in functions:
            variables = frozenset(
                target.id
                for each in ast.walk(function)
                if isinstance(each, ast.Assign) and is_code(each.value, frozenset())
                for target in each.targets
                if isinstance(target, ast.Name)
            ) | {each.arg for each in function.args.args if each.arg == PARAMETER}
            for node in ast.walk(function):
                for other in compared_with_a_code(node, variables):
                    value = known.get(other.id, other) if isinstance(other, ast.Name) else other
                    for code in texts_in(value):
                        yield Comparison(code, file, node.lineno)  # type: ignore[attr-defined]


def compared_with_a_code(node: ast.AST, variables: frozenset[str]) -> Iterator[ast.AST]:
    """What an expression compares an error's code with, or looks it up in."""
    match node:
        case ast.Compare(left=left, comparators=others) if is_code(left, variables):
            yield from others
        case ast.Call(func=ast.Attribute(value=mapping, attr="get"), args=[code, *_]) if is_code(
            code, variables
        ):
            yield mapping
        case ast.Subscript(value=mapping, slice=code) if is_code(code, variables):
            yield mapping
        case ast.Match(subject=subject, cases=cases) if is_code(subject, variables):
            for case in cases:
                yield case.pattern
        case _:
            pass


@cache
def models() -> tuple[botocore.model.ServiceModel, ...]:
    """The models of the services that the functions call."""
    loader = botocore.loaders.Loader()
    return tuple(
        botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)
        for name in AWS_SERVICES
    )


@cache
def modelled() -> Mapping[str, frozenset[str]]:
    """The codes of each service's errors, and the names of their shapes where these differ."""
    found: dict[str, set[str]] = {"codes": set(), "shapes": set()}
    for model in models():
        for shape in model.error_shapes:
            if isinstance(shape, botocore.model.StructureShape):
                found["codes"].add(str(shape.error_code))
                found["shapes"].add(shape.name)
    return {kind: frozenset(names) for kind, names in found.items()}


def test_every_code_that_is_compared_with_is_one_that_aws_returns() -> None:
    wrong = [
        str(each)
        for each in comparisons()
        if each.code not in modelled()["codes"] and each.code not in GENERIC
    ]
    assert wrong == []


def test_no_modelled_code_is_called_generic() -> None:
    assert set(GENERIC) & modelled()["codes"] == set()
    assert set(GENERIC) <= {each.code for each in comparisons()}


def test_every_error_that_the_code_names_is_compared_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What looks like an error of the models, and is not found above, would go unchecked."""
    known = modelled()["codes"] | modelled()["shapes"]
    named = {
        node.value
        for file, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value in known
    }
    found = {each.code for each in comparisons()}
    with capsys.disabled():
        print(f"\n{len(found)} codes in {len({each.file for each in comparisons()})} modules")

    assert named - found == set()
    assert len(found & known) >= 10
