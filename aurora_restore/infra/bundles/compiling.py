"""Byte code for the functions, made where the app is synthesised.

Lambda's file system cannot be written to, so that without it every cold start compiles each module
that it imports. The files are unchecked: Python takes them as they are, whatever the time of the
source is after packing and unpacking.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from aurora_restore.infra.bundles.runtime import PYTHON_VERSION
from aurora_restore.shared.errors import ConfigurationError

_ASK_VERSION = (
    "import sys; v = sys.version_info; "
    "print(sys.implementation.name, f'{v.major}.{v.minor}', v.releaselevel)"
)


def find_interpreter(version: str = PYTHON_VERSION) -> str:
    """Return the path of a CPython of a version: the one that runs this, or the one on the path.

    Byte code of any other version, or of a preview of this one, would be ignored by the functions.
    Raises ConfigurationError if there is none.
    """
    name = f"python{version}"
    found = {sys.executable: _answer(sys.executable)}
    if on_path := shutil.which(name):
        found[on_path] = _answer(on_path)
    for path, answer in found.items():
        if answer == f"cpython {version} final":
            return path
    tried = "; ".join(f"{path} is {answer}" for path, answer in found.items())
    raise ConfigurationError(
        f"compile_python: byte code for the functions takes CPython {version}, which is not here: "
        f"{tried}{'' if on_path else f'; there is no {name} on the path'}. Install it, or remove "
        "compile_python, with which cold starts take longer"
    )


def _answer(interpreter: str) -> str:
    """Return implementation, version and level of an interpreter, or that it does not run."""
    try:
        run = subprocess.run(  # noqa: S603
            [interpreter, "-I", "-S", "-c", _ASK_VERSION],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return f"not usable ({error.strerror})"
    return run.stdout.strip() if run.returncode == 0 else "not usable (it fails)"


def compile_folder(interpreter: str, folder: Path, *, place: str) -> None:
    """Compile every module in ``folder`` for an interpreter.

    ``place`` is where the folder will be in the function, which stack traces name. Nothing else
    of this machine gets into the files: two machines make the same ones.
    """
    run = subprocess.run(  # noqa: S603
        [
            *(interpreter, "-P", "-s", "-m", "compileall", "-q", "-f"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", place),
            str(folder),
        ],
        # The order of a set in the byte code follows from the hashes of its members.
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"{folder} could not be compiled:\n{run.stdout}{run.stderr}".strip())
