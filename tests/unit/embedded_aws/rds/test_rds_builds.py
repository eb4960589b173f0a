"""The builds of PostgreSQL: found by platform, prepared once, whole or not at all."""

import json
import platform
import sys
import threading
from pathlib import Path

import pytest

from embedded_aws.rds.data_plane import DataPlaneError, UnsupportedVersionError
from embedded_aws.rds.data_plane.builds import (
    DEMO_MAJOR,
    MAJORS,
    Build,
    default_roots,
    platform_name,
)
from embedded_aws.rds.data_plane.cache import cache_directory, prepare_once

DEAD_PID = 2**22 + 1
"""Greater than any that Linux or macOS gives."""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A root with a build in it that is complete but for its size."""
    native = tmp_path / "node_modules" / f"postgresql-16-{platform_name()}" / "native"
    for program in ("postgres", "initdb"):
        path = native / "bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    for library in ("libicuuc.so.60.2", "libpq.a"):
        path = native / "lib" / library
        path.parent.mkdir(exist_ok=True)
        path.write_text("library")
    extensions = native / "share" / "postgresql" / "extension"
    extensions.mkdir(parents=True)
    for name in ("dblink", "hstore", "plperlu"):
        (extensions / f"{name}.control").write_text(f"comment = '{name}'\n")
    links = [{"source": "native/lib/libicuuc.so.60.2", "target": "native/lib/libicuuc.so.60"}]
    (native / "pg-symlinks.json").write_text(json.dumps(links))
    (native.parent / "package.json").write_text('{"version": "16.14.0-beta.17"}')
    return tmp_path / "node_modules"


def test_a_prepared_copy_has_the_links_that_npm_leaves_out(package: Path, tmp_path: Path) -> None:
    build = Build.installed(16, [package])
    prepared = build.prepared(tmp_path / "cache").directory

    link = prepared / "lib" / "libicuuc.so.60"
    assert link.is_symlink()
    assert link.read_text() == "library"
    assert not (prepared / "lib" / "libpq.a").exists()
    assert prepared.name.startswith(f"postgresql-16.14.0-beta.17-{platform_name()}-")
    assert (prepared / "bin" / "postgres").stat().st_mode & 0o555 == 0o555
    assert build.prepared(tmp_path / "cache").directory == prepared


def test_a_prepared_copy_offers_the_extensions_of_aurora(package: Path, tmp_path: Path) -> None:
    prepared = Build.installed(16, [package]).prepared(tmp_path / "cache").directory

    extensions = prepared / "share" / "postgresql" / "extension"
    assert "trusted = true" in (extensions / "dblink.control").read_text()
    assert "trusted = true" not in (extensions / "hstore.control").read_text()
    assert not (extensions / "plperlu.control").exists()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("#!/lib/ld-musl-not-here\n", "No such file"),
        ("#!/bin/sh\necho no libicu >&2; exit 127\n", "no libicu"),
    ],
)
def test_a_build_that_does_not_run_here_is_named_with_the_reason(
    package: Path, tmp_path: Path, program: str, reason: str
) -> None:
    build = Build.installed(16, [package])
    (build.directory / "bin" / "postgres").write_text(program)

    with pytest.raises(UnsupportedVersionError, match=reason) as caught:
        build.prepared(tmp_path / "cache")
    assert f"PostgreSQL 16 for {platform_name()} does not run" in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


def test_another_build_is_prepared_apart(package: Path, tmp_path: Path) -> None:
    build = Build.installed(16, [package])
    first = build.prepared(tmp_path / "cache").directory
    (build.directory / "lib" / "libicuuc.so.60.2").write_text("another library")

    assert build.prepared(tmp_path / "cache").directory != first


def test_the_links_that_an_install_script_has_made_do_no_harm(
    package: Path, tmp_path: Path
) -> None:
    build = Build.installed(16, [package])
    (build.directory / "lib" / "libicuuc.so.60").symlink_to("libicuuc.so.60.2")

    prepared = build.prepared(tmp_path / "cache").directory

    assert (prepared / "lib" / "libicuuc.so.60").read_text() == "library"


@pytest.mark.parametrize(("major", "target"), [(15, "majors"), (DEMO_MAJOR, "setup")])
def test_a_version_that_is_not_installed_names_the_target_that_brings_it(
    tmp_path: Path, major: int, target: str
) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        Build.installed(major, [tmp_path])
    assert f"PostgreSQL {major} for {platform_name()} is not installed" in str(caught.value)
    assert f"'make {target}'" in str(caught.value)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [("linux", "riscv64", "linux-riscv64"), ("sunos", "x", "sunos-x")],
)
def test_a_platform_without_a_build_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(UnsupportedVersionError, match=rf"no build .* for {name}.*--without-data"):
        Build.installed(17)


def test_every_version_is_pinned_for_every_platform_and_without_an_address() -> None:
    pinned = {}
    for folder in default_roots():
        lock = json.loads((folder.parent / "package-lock.json").read_text())
        for name, entry in lock["packages"].items():
            # Whom to sponsor is no place that anything is downloaded from.
            assert "://" not in str({**entry, "funding": None})
            if "postgresql-" in name:
                assert entry["integrity"].startswith("sha512-")
                pinned[Path(name).name] = entry["version"]
    assert set(pinned) == {
        f"postgresql-{major}-{system}-{machine}"
        for major in MAJORS
        for system in ("darwin", "linux")
        for machine in ("arm64", "x64")
    }
    for name, version in pinned.items():
        assert version.startswith(name.split("-")[1] + ".")


def test_what_is_prepared_side_by_side_is_prepared_whole(tmp_path: Path) -> None:
    together = threading.Barrier(4)
    found: list[Path] = []

    def prepare(directory: Path) -> None:
        directory.mkdir()
        together.wait(10)
        for part in ("one", "two"):
            (directory / part).write_text(part)

    def work() -> None:
        found.append(prepare_once(tmp_path, "thing", prepare))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [tmp_path / "thing"] * 4
    assert {path.name for path in tmp_path.iterdir()} == {"thing"}
    assert {path.name for path in (tmp_path / "thing").iterdir()} == {"one", "two"}


def test_a_half_made_copy_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        directory.mkdir()
        raise DataPlaneError("the disk is full")

    with pytest.raises(DataPlaneError, match="the disk is full"):
        prepare_once(tmp_path, "thing", fail)
    assert not list(tmp_path.iterdir())

    abandoned = tmp_path / f"unfinished-{DEAD_PID}-x"
    (abandoned / "thing").mkdir(parents=True)
    assert prepare_once(tmp_path, "thing", lambda made: made.mkdir()) == tmp_path / "thing"
    assert not abandoned.exists()


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataPlaneError, match="cannot be prepared in"):
        prepare_once(tmp_path / "file" / "cache", "thing", Path.mkdir)


def test_the_cache_of_root_is_open_to_the_servers_user_and_others_keep_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cache_directory(0) == Path("/var/cache/embedded-rds")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/me/caches")
    assert cache_directory(1000) == Path("/home/me/caches/embedded-rds")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory(1000).name == "embedded-rds"
