"""What an environment's file names is in its folder, and is found from anywhere."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurora_restore.configuration.loading import load_environment
from aurora_restore.infra.bundles.database_assets import database_assets
from aurora_restore.shared.errors import ConfigurationError
from tests.unit.infra.synthesis import example, put_files

DATABASE = "restores.staging.database"
SECRET = "UPDATE customers SET name = 'outside';"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of environments, with a file that looks like a script beside it."""
    (tmp_path / "outside.sql").write_text(SECRET)
    (tmp_path / "outside.json").write_text('{"databases": {}}')
    folder = tmp_path / "environments"
    folder.mkdir()
    put_files(folder)
    return folder


def write(folder: Path, field: str, value: Any) -> None:
    (folder / "dev.json").write_text(json.dumps(example({f"{DATABASE}.{field}": value})))


def fault(folder: Path, field: str, value: Any) -> str:
    """The only thing that is wrong with an environment that has a value in a field."""
    write(folder, field, value)
    with pytest.raises(ConfigurationError) as refused:
        load_environment("dev", folder)
    (said,) = refused.value.details["faults"]
    return str(said)


def test_files_are_found_from_any_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "scripts", [{"path": "sql/mask-customers.sql"}])
    monkeypatch.chdir(tmp_path)

    environment = load_environment("dev", "environments")

    assert any("mask-customers.sql" in path for path in database_assets(environment))


@pytest.mark.parametrize("path", ["../outside.sql", "sql/../../outside.sql", "/etc/outside.sql"])
@pytest.mark.parametrize("field", ["scripts", "checks"])
def test_a_path_may_not_leave_the_folder(folder: Path, field: str, path: str) -> None:
    said = fault(folder, field, [{"path": path}])

    assert said == (
        f"{DATABASE}.{field}[0].path: '{path}' is not valid: it must be a path to a .sql file in "
        "the folder of this file, without `..`"
    )


def link_to_the_file(folder: Path, name: str) -> str:
    (folder / name).symlink_to(folder.parent / name)
    return name


def link_to_a_link(folder: Path, name: str) -> str:
    (folder / "sql" / "link").symlink_to(folder.parent / name)
    (folder / name).symlink_to(Path("sql") / "link")
    return name


def link_to_a_folder(folder: Path, name: str) -> str:
    (folder / "elsewhere").symlink_to(os.pardir)
    return f"elsewhere/{name}"


@pytest.mark.parametrize("link", [link_to_the_file, link_to_a_link, link_to_a_folder])
@pytest.mark.parametrize(
    ("field", "name", "where"),
    [
        ("scripts", "outside.sql", "scripts[0].path"),
        ("checks", "outside.sql", "checks[0].path"),
        ("columns", "outside.json", "columns"),
    ],
)
def test_a_link_may_not_leave_it_either(
    folder: Path, link: Callable[[Path, str], str], field: str, name: str, where: str
) -> None:
    path = link(folder, name)
    said = fault(folder, field, path if field == "columns" else [{"path": path}])

    assert said == (
        f"{DATABASE}.{where}: {folder / path} leads out of the folder of the environment's file, "
        f"to {folder.parent / name}: put the file itself into {folder}"
    )


def test_a_link_is_followed_when_the_layer_is_made_too(folder: Path) -> None:
    """A file that is exchanged for a link after it was checked is not deployed."""
    write(folder, "scripts", [{"path": "sql/mask-customers.sql"}])
    environment = load_environment("dev", folder)
    script = folder / "sql" / "mask-customers.sql"
    script.unlink()
    script.symlink_to(folder.parent / "outside.sql")

    with pytest.raises(ConfigurationError, match="leads out of the folder"):
        database_assets(environment)


def test_a_link_within_the_folder_is_taken(folder: Path) -> None:
    (folder / "mask.sql").symlink_to(Path("sql") / "mask-customers.sql")
    write(folder, "scripts", [{"path": "mask.sql"}])

    assert load_environment("dev", folder).folder.read("mask.sql")


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    write(folder, "scripts", [{"path": "sql/mask-customers.sql"}])
    (tmp_path / "linked").symlink_to(folder)

    assert load_environment("dev", tmp_path / "linked").name == "dev"


@pytest.mark.parametrize("kind", ["directory", "fifo", "circle"])
def test_what_is_no_file_is_refused(folder: Path, kind: str) -> None:
    odd = folder / "odd.sql"
    if kind == "directory":
        odd.mkdir()
    elif kind == "fifo":
        os.mkfifo(odd)
    else:
        odd.symlink_to(odd)
    said = fault(folder, "scripts", [{"path": "odd.sql"}])

    assert said.startswith(f"{DATABASE}.scripts[0].path: ")
    assert ("there is no file" if kind == "circle" else "is no file") in said


def test_a_path_that_is_relative_to_the_folder_s_parent_is_corrected(folder: Path) -> None:
    """As all paths were that began at the root of the repository."""
    said = fault(folder, "scripts", [{"path": "environments/sql/mask-customers.sql"}])

    assert said.endswith(
        ": paths are relative to the environment's file, so write 'sql/mask-customers.sql'"
    )
