"""The layer with the packages that the functions import."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.infra.bundles import compiling, sdk_data
from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.infra.bundles.runtime import PYTHON_VERSION, RUNTIME

REQUIREMENTS: Final = Path(__file__).with_name("requirements-lambda.txt")
CACHE: Final = Path(".cdk-cache")
"""Where layers are kept that were made: below the folder in which the CDK CLI runs the app."""

AWS_SERVICES: Final = (
    "application-autoscaling",
    "dynamodb",
    "ec2",
    "events",
    "kms",
    "lambda",
    "ram",
    "rds",
    "route53",
    "secretsmanager",
    "sns",
    "ssm",
    "stepfunctions",
    "sts",
    "xray",
)
"""The services, as boto3 names them, whose descriptions stay in botocore.

The functions call all but the last, of which the X-Ray SDK makes a client when it is imported.
"""

COMPILED: Final = frozenset({".so", ".pyd", ".dylib", ".dll"})

LAYERS: Final = "/opt"
"""Where Lambda puts the layers of a function."""


class DependencyLayer(lambda_.LayerVersion):
    """A Lambda layer with the packages of requirements-lambda.txt, for any architecture.

    boto3 is among them, because the runtime's own may not know the newer restore parameters. With
    an interpreter it holds that one's byte code, too.
    """

    def __init__(self, scope: Construct, construct_id: str, *, interpreter: str | None) -> None:
        super().__init__(
            scope,
            construct_id,
            description="The dependencies of the functions",
            code=bundled_code(
                digest=digest(compiled=interpreter is not None),
                write=lambda folder: copy_layer(folder, CACHE, interpreter),
            ),
            compatible_runtimes=[RUNTIME],
        )


def digest(*, compiled: bool) -> str:
    """Return what the layer's content follows from.

    That is the pinned requirements, how the layer is made of them, and whether and for which
    version it is compiled: nothing of the machine that makes it.
    """
    sources = [REQUIREMENTS, *map(Path, (__file__, compiling.__file__, sdk_data.__file__))]
    version = f"compiled for {PYTHON_VERSION}" if compiled else "not compiled"
    inputs = b"\0".join([*(source.read_bytes() for source in sources), version.encode()])
    return hashlib.sha256(inputs).hexdigest()


def copy_layer(folder: Path, cache: Path, interpreter: str | None = None) -> None:
    """Copy the layer into ``folder``, from ``cache`` or made there first.

    It appears in the cache by a rename, so that no half layer is ever found there.
    """
    cached = cache / digest(compiled=interpreter is not None)
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".gitignore").write_text("*\n", encoding="utf-8")
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "layer"
            make_layer(made / "python")
            if interpreter is not None:
                compiling.compile_folder(interpreter, made, place=LAYERS)
            try:
                made.rename(cached)
            except OSError:
                if not cached.exists():
                    raise
    shutil.copytree(cached, folder, dirs_exist_ok=True)


def make_layer(folder: Path) -> None:
    """Install the requirements into ``folder``: pure-Python wheels only, and of those the core."""
    install(folder)
    compiled = [file for file in folder.rglob("*") if file.suffix in COMPILED]
    if compiled:
        names = ", ".join(str(file.relative_to(folder)) for file in compiled)
        raise RuntimeError(f"{REQUIREMENTS.name} brings compiled code: {names}")
    _trim(folder)


def install(folder: Path) -> None:
    """Install the requirements into ``folder`` as pip does, without byte code."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--requirement", str(REQUIREMENTS)),
        *("--target", str(folder), "--no-deps", "--no-compile", "--only-binary", ":all:"),
        *("--platform", "any", "--implementation", "py", "--abi", "none"),
        *("--python-version", PYTHON_VERSION, "--disable-pip-version-check", "--quiet"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise RuntimeError(
            f"pip could not install {REQUIREMENTS.name} for the Lambda layer. Each package needs "
            f"a pure-Python wheel for Python {PYTHON_VERSION}. pip says:\n{run.stderr.strip()}"
        )


def _trim(folder: Path) -> None:
    """Remove what the functions never read.

    Of the packages' metadata, ``METADATA`` stays, because some ask for their own version, and so
    do the licences.
    """
    for unused in (
        folder / "bin",
        folder / "boto3" / "data",
        folder / "boto3" / "examples",
        *folder.glob("*-stubs"),
    ):
        shutil.rmtree(unused, ignore_errors=True)
    for name in ("INSTALLER", "RECORD", "REQUESTED", "WHEEL", "top_level.txt"):
        for file in folder.glob(f"*.dist-info/{name}"):
            file.unlink()
    sdk_data.reduce_descriptions(folder / "botocore" / "data", AWS_SERVICES)
