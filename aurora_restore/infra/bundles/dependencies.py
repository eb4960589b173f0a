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

from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.repository import REPOSITORY

RUNTIME: Final = lambda_.Runtime.PYTHON_3_14
PYTHON_VERSION: Final = RUNTIME.name.removeprefix("python")
REQUIREMENTS: Final = REPOSITORY / "requirements-lambda.txt"
CACHE: Final = REPOSITORY / ".cdk-cache"

AWS_SERVICES: Final = (
    "application-autoscaling",
    "dynamodb",
    "ec2",
    "kms",
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


class DependencyLayer(lambda_.LayerVersion):
    """A Lambda layer with the packages of requirements-lambda.txt, for any architecture.

    boto3 is among them, because the runtime's own may not know the newer restore parameters.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description="The dependencies of the functions",
            code=bundled_code(digest=digest(), write=lambda folder: copy_layer(folder, CACHE)),
            compatible_runtimes=[RUNTIME],
        )


def digest() -> str:
    """Return what the layer's content follows from: the pinned requirements and this module."""
    inputs = REQUIREMENTS.read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(inputs).hexdigest()


def copy_layer(folder: Path, cache: Path) -> None:
    """Copy the layer into ``folder``, from ``cache`` or made there first.

    It appears in the cache by a rename, so that no half layer is ever found there.
    """
    cached = cache / digest()
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "layer"
            make_layer(made / "python")
            try:
                made.rename(cached)
            except OSError:
                if not cached.exists():
                    raise
    shutil.copytree(cached, folder, dirs_exist_ok=True)


def make_layer(folder: Path) -> None:
    """Install the requirements into ``folder``: pure-Python wheels only, and of those the core."""
    _install(folder)
    _trim(folder)
    compiled = [file for file in folder.rglob("*") if file.suffix in COMPILED]
    if compiled:
        names = ", ".join(str(file.relative_to(folder)) for file in compiled)
        raise RuntimeError(f"{REQUIREMENTS.name} brings compiled code: {names}")


def _install(folder: Path) -> None:
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
    services = folder / "botocore" / "data"
    for unused in (
        folder / "bin",
        folder / "boto3" / "data",
        folder / "boto3" / "examples",
        *folder.glob("*-stubs"),
        *(each for each in services.iterdir() if each.is_dir() and each.name not in AWS_SERVICES),
    ):
        shutil.rmtree(unused, ignore_errors=True)
    for pattern in (
        *("*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED"),
        *("*.dist-info/WHEEL", "*.dist-info/top_level.txt", "botocore/data/**/examples-1.json"),
    ):
        for file in folder.glob(pattern):
            file.unlink()
