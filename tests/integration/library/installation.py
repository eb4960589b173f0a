"""The wheel, built from this repository and installed where nothing else of it is."""

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.environment import repository, sealed

PIN = re.compile(r"^[a-z0-9-]+(\[[a-z,]+\])?==\S+$", re.MULTILINE | re.IGNORECASE)
PINNED = (
    "requirements.txt",
    "requirements-cli.txt",
    "aurora_restore/infra/bundles/requirements-lambda.txt",
)


@dataclass(frozen=True)
class InstalledPackage:
    """A virtual environment in which the package is installed, and the wheel that it is from."""

    wheel: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str | Path, directory: Path) -> str:
        """Run a program of the environment outside of the repository; return what it has said."""
        program, *rest = arguments
        return _run(self.folder / "bin" / program, *rest, directory=directory)


def install(folder: Path) -> InstalledPackage:
    """Build the wheel as anybody does, and install it with the versions that are tested."""
    source = folder / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        source.mkdir(exist_ok=True)
        shutil.copyfile(repository() / name, source / name)
    shutil.copytree(
        repository() / "aurora_restore",
        source / "aurora_restore",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    pip = (sys.executable, "-m", "pip")
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, directory=folder)
    (wheel,) = folder.glob("*.whl")
    installation = InstalledPackage(wheel, folder / "venv")
    venv.create(installation.folder, with_pip=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins()))
    installation.run(
        *("python", "-m", "pip", "install", "--quiet", "--no-compile"),
        *("--constraint", constraints),
        f"{wheel}[cdk]",
        directory=folder,
    )
    # What is imported is compiled here, and not while the CDK CLI waits for an app.
    installation.run("python", "-c", "import aurora_restore.cdk", directory=folder)
    return installation


def pins() -> Iterator[str]:
    """Yield the versions that the repository's requirements pin, without extras."""
    for name in PINNED:
        for pin in PIN.finditer((repository() / name).read_text(encoding="utf-8")):
            yield re.sub(r"\[.*\]", "", pin[0])


def _run(*arguments: str | Path, directory: Path) -> str:
    run = subprocess.run(  # noqa: S603
        arguments,
        cwd=directory,
        env=sealed({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{arguments}: {run.stdout}{run.stderr}"
    return run.stdout
