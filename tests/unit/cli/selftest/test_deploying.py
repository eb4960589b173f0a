"""Where the self-test finds the CDK's command line."""

from pathlib import Path

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.selftest import deploying


def program(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    file.touch(mode=0o755)
    return file


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the package was imported from, with a path on which nothing is."""
    monkeypatch.setattr(deploying, "IMPORT_ROOT", tmp_path / "site-packages")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_without_a_command_line_it_is_refused(installed: Path) -> None:
    with pytest.raises(CommandError, match="nor on the path"):
        deploying.require_cdk()


def test_an_installed_package_takes_the_one_on_the_path(installed: Path) -> None:
    on_path = program(installed / "bin" / "cdk")
    assert deploying.require_cdk() == on_path


def test_a_checkout_takes_its_own(installed: Path) -> None:
    program(installed / "bin" / "cdk")
    pinned = program(installed / "site-packages" / "node_modules" / ".bin" / "cdk")
    assert deploying.require_cdk() == pinned
