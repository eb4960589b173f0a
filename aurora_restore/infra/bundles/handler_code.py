"""The functions' code: this package's own."""

import shutil
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_

from aurora_restore.deployed_code import IMPORT_ROOT, code_digest, deployed_files
from aurora_restore.infra.bundles.compiling import compile_folder
from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.infra.bundles.runtime import PYTHON_VERSION

CODE: Final = "/var/task"
"""Where Lambda puts the code of a function."""


def handler_code(interpreter: str | None, root: Path = IMPORT_ROOT) -> lambda_.Code:
    """Return an asset with ``shared`` and ``lambdas`` of ``aurora_restore``, and nothing else.

    The import paths are those of this package. With an interpreter it holds that one's byte code,
    too. The hash follows from the code, and from whether it is compiled.
    """

    def write(folder: Path) -> None:
        copy_code(folder, root)
        if interpreter is not None:
            compile_folder(interpreter, folder, place=CODE)

    version = "" if interpreter is None else f" compiled for {PYTHON_VERSION}"
    return bundled_code(digest=code_digest(root) + version, write=write)


def copy_code(folder: Path, root: Path = IMPORT_ROOT) -> None:
    """Copy the functions' code into ``folder``."""
    for file in deployed_files(root):
        copied = folder / file.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copied)
