"""The arrows between the parts of the repository, from its import statements."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "aurora_restore"
PARTS = {"app.py", "aurora_restore", "benchmarks", "demo", "embedded_aws"}
MODULES = [
    REPOSITORY / "app.py",
    *sorted(file for part in PARTS for file in (REPOSITORY / part).rglob("*.py")),
]

# What each part may import of the others.
ARROWS = {
    "app": {"cdk"},
    "cdk": {"infra", "configuration", "permissions", "shared"},
    "infra": {"capacity", "configuration", "permissions", "proof", "deployed_code", "shared"},
    "capacity": {"configuration", "permissions", "deployed_code", "shared"},
    "permissions": {"configuration", "shared"},
    "configuration": {"shared"},
    "lambdas": {"shared"},
    "shared": set[str](),
    "cli": {"capacity", "configuration", "permissions", "proof", "deployed_code", "shared"},
    "proof": {"shared"},
    "reference": {"cli", "configuration", "shared"},
    "deployed_code": set[str](),
    "embedded_aws": set[str](),
    "demo": {"cli", "proof", "shared", "embedded_aws"},
    "benchmarks": {
        *("capacity", "configuration", "reference", "shared"),
        *("infra", "lambdas", "embedded_aws"),
    },
}

# What of ``shared`` only declares, and is known outside of the functions.
DECLARATIONS = {
    "documents",
    "errors",
    "grants",
    "lambda_environment",
    "metric_names",
    "name_list",
    "names",
    "operation_state",
    "pipeline",
    "protocol",
    "sequences",
}

# What runs around a step. The subjects are given values; they never see the frame.
FRAME = {
    "base_handler",
    "carrying_over",
    "cluster_deletion",
    "copy_lease",
    "copy_release",
    "copy_turn",
    "database_step",
    "hook_call",
    "job",
    "located_cluster",
    "step_wait",
    "switch_run",
    "switched_clusters",
}
SUBJECTS = {
    "cluster",
    "documents",
    "events",
    "monitoring",
    "notices",
    "postgres",
    "preflight",
    "rds",
    "snapshots",
    "switching",
}

# Which parts may import a package from elsewhere; those not named here may be imported anywhere.
AT_RUN_TIME = {"cli", "lambdas", "proof", "shared", "demo", "embedded_aws"}
CONFINED = {
    "aws_cdk": {"app", "infra"},
    "constructs": {"infra"},
    "jsii": {"infra"},
    "cdk_nag": set[str](),
    "boto3": AT_RUN_TIME,
    "botocore": AT_RUN_TIME,
    "pg8000": AT_RUN_TIME,
    "aws_lambda_powertools": {"lambdas", "shared"},
    "typer": {"cli", "reference"},
    "moto": {"embedded_aws"},
    "ministack": {"embedded_aws"},
}


def part_of(name: str) -> str | None:
    """The part that a module of the repository belongs to; None for a module from elsewhere."""
    package, *rest = name.split(".")
    if package == PACKAGE:
        return rest[0] if rest else None
    return package if package in PARTS else None


def imports(file: Path) -> Iterator[str]:
    """The full names of what a module imports, types that are only for checking included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(file: Path) -> str:
    """The dotted name that a file is imported by."""
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_at_load(tree: ast.AST) -> Iterator[str]:
    """The full names of what is imported while a module is loaded.

    Left out is what stands in a function, or is there for the type checker alone.
    """
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from imports_at_load(ast.Module(body=node.orelse, type_ignores=[]))
            case _:
                yield from imports_at_load(node)


def source_part(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return parts[1] if parts[0] == PACKAGE else parts[0]


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_module_imports_only_what_its_part_may(file: Path) -> None:
    here = source_part(file)
    if here == "__init__":
        assert list(imports(file)) == []
        return
    for name in imports(file):
        there = part_of(name)
        if there is None:
            assert here in CONFINED.get(name.partition(".")[0], {here}), name
        elif there != here:
            assert there in ARROWS[here], name


@pytest.mark.parametrize(
    "file",
    sorted(
        file
        for part in ("infra", "configuration")
        for file in (REPOSITORY / PACKAGE / part).rglob("*.py")
    ),
    ids=lambda file: str(file.relative_to(REPOSITORY / PACKAGE)),
)
def test_what_synthesises_sees_only_the_declarations(file: Path) -> None:
    seen = {name.split(".")[2] for name in imports(file) if part_of(name) == "shared"}

    assert seen <= DECLARATIONS


@pytest.mark.parametrize(
    "file", sorted((REPOSITORY / PACKAGE / "lambdas").glob("*.py")), ids=lambda f: f.stem
)
def test_a_step_imports_no_other(file: Path) -> None:
    assert not [name for name in imports(file) if part_of(name) == "lambdas"]


def test_shared_has_these_subjects() -> None:
    packages = (REPOSITORY / PACKAGE / "shared").glob("*/__init__.py")

    assert {each.parent.name for each in packages} == SUBJECTS


@pytest.mark.parametrize(
    "file",
    sorted(
        file for file in (REPOSITORY / PACKAGE / "shared").rglob("*.py") if file.stem not in FRAME
    ),
    ids=lambda file: str(file.relative_to(REPOSITORY / PACKAGE / "shared")),
)
def test_only_the_steps_and_the_frame_see_the_frame(file: Path) -> None:
    seen = {name.split(".")[2] for name in imports(file) if part_of(name) == "shared"}

    assert not seen & FRAME


@pytest.mark.parametrize("name", sorted(DECLARATIONS))
def test_declarations_need_the_standard_library_alone(name: str) -> None:
    place = REPOSITORY / PACKAGE / "shared" / name
    for file in [*place.rglob("*.py")] or [place.with_suffix(".py")]:
        seen = {each.split(".")[2] for each in imports(file) if part_of(each) == "shared"}
        elsewhere = {each.partition(".")[0] for each in imports(file) if part_of(each) is None}

        assert seen <= DECLARATIONS
        assert elsewhere <= sys.stdlib_module_names


def test_no_module_is_loaded_in_a_circle() -> None:
    """A circle works or not by which of its modules happens to be imported first."""
    files = {module_of(file): file for file in (REPOSITORY / PACKAGE).rglob("*.py")}
    waiting = {
        name: {
            found
            for imported in imports_at_load(ast.parse(file.read_text(encoding="utf-8")))
            for found in (imported, imported.rpartition(".")[0])
            if found in files and found != name
        }
        for name, file in files.items()
    }

    while loadable := {name for name, imported in waiting.items() if not imported}:
        waiting = {
            name: imported - loadable for name, imported in waiting.items() if name not in loadable
        }

    assert waiting == {}


def class_names() -> Iterator[tuple[str, Path]]:
    """Every class that is defined anywhere, with its file."""
    tests = (REPOSITORY / "tests").rglob("*.py")
    for file in (*MODULES, *tests):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield node.name, file


def test_a_class_name_has_one_meaning() -> None:
    files = defaultdict(list)
    for name, file in class_names():
        files[name].append(str(file.relative_to(REPOSITORY)))

    assert {name: found for name, found in files.items() if len(found) > 1} == {}
