"""The app as the CDK CLI runs it: with a context, into an output folder."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from aurora_restore.reference.repository import REPOSITORY
from tests.unit.infra.synthesis import CONTEXT, ENVIRONMENTS, WITHOUT_BUNDLING, example, put_files

APP = REPOSITORY / "app.py"


@pytest.fixture
def run_app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the app with what the CLI gives it: a context and an output folder, which it returns."""

    def run(**context: str) -> Path:
        out = tmp_path / "cdk.out"
        given = {**WITHOUT_BUNDLING, "config_dir": str(ENVIRONMENTS), **context}
        monkeypatch.setattr(cdk, "App", partial(cdk.App, context=given, outdir=str(out)))
        runpy.run_path(str(APP))
        return out

    return run


def test_it_makes_the_stack_of_the_named_environment(run_app: Any) -> None:
    manifest = json.loads((run_app(environment="example") / "manifest.json").read_text())
    (stack,) = (
        each
        for each in manifest["artifacts"].values()
        if each["type"] == "aws:cloudformation:stack"
    )

    assert stack["environment"] == "aws://222222222222/us-west-2"
    assert stack["displayName"] == "AuroraRestore-example"
    assert stack["properties"]["tags"] == {"environment": "staging", "service": "aurora-restore"}
    assert "missing" not in manifest, "it needs nothing from an account"


def test_it_takes_environments_from_another_folder(run_app: Any, tmp_path: Path) -> None:
    (tmp_path / "local.json").write_text(json.dumps(example({"account": "111122223333"})))
    put_files(tmp_path)
    out = run_app(environment="local", config_dir=str(tmp_path))

    assert (out / "AuroraRestore-local.template.json").exists()


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({}, "error: no environment is named: add -c environment=<name>"),
        ({"environment": "nope"}, "error: there is no environment 'nope'"),
    ],
)
def test_without_a_known_environment_it_says_which_there_are(
    run_app: Any, context: dict[str, str], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_app(**context)

    assert str(caught.value.code).startswith(said)
    assert "example" in str(caught.value.code)


def test_a_wrong_environment_is_refused_in_plain_words(run_app: Any, tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    file.write_text(json.dumps(example({"timeout_hours": 0, "region": "mars"})))

    with pytest.raises(SystemExit) as caught:
        run_app(environment="dev", config_dir=str(tmp_path))

    assert str(caught.value.code).splitlines() == [
        f"error: {file}:",
        "  region: 'mars' is not valid: it must be an AWS Region name",
        "  timeout_hours: 0 is too small: the smallest value is 1",
    ]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Two whole syntheses, in processes that differ in the order of their sets."""

    def synthesise(seed: str) -> Path:
        outdir = tmp_path_factory.mktemp("cdk.out")
        context = {
            **CONTEXT,
            "config_dir": str(ENVIRONMENTS),
            "environment": "cross-account",
        }
        env = {
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_OUTDIR": str(outdir),
            "JSII_NODE": os.environ["JSII_NODE"],
            "HOME": os.environ["HOME"],
            "PATH": os.environ["PATH"],
            "PYTHONHASHSEED": seed,
        }
        subprocess.run(  # noqa: S603
            [sys.executable, str(APP)], env=env, cwd=REPOSITORY, capture_output=True, check=True
        )
        return outdir

    with ThreadPoolExecutor() as pool:
        yield list(pool.map(synthesise, ("1", "2")))


def test_it_makes_a_stack_for_each_source_account_with_a_role(twice: list[Path]) -> None:
    manifest = json.loads((twice[0] / "manifest.json").read_text())
    stacks = {
        each["displayName"]: each
        for each in manifest["artifacts"].values()
        if each["type"] == "aws:cloudformation:stack"
    }
    source = stacks["AuroraRestoreSource-cross-account-111111111111"]

    assert set(stacks) == {"AuroraRestore-cross-account", source["displayName"]}
    assert source["environment"] == "aws://111111111111/eu-central-1"
    assert "requiresBootstrapStackVersion" not in source["properties"]
    assert "assumeRoleArn" not in source["properties"], "it takes the credentials that it is given"
    assert stacks["AuroraRestore-cross-account"]["environment"] == "aws://222222222222/eu-west-1"
    assert "missing" not in manifest, "it needs nothing from an account"


def test_a_second_synthesis_is_the_same(twice: list[Path]) -> None:
    first, second = (
        {
            file.relative_to(outdir): file.read_bytes()
            for file in outdir.rglob("*")
            if file.is_file() and (".template." in file.name or ".assets." in file.name)
        }
        for outdir in twice
    )

    assert len(first) == 3
    assert first == second


def test_assets_have_the_same_names_and_content(twice: list[Path]) -> None:
    first, second = (
        {
            file.relative_to(outdir): file.read_bytes()
            for folder in outdir.glob("asset.*")
            for file in folder.rglob("*")
            if file.is_file()
        }
        for outdir in twice
    )

    assert len({path.parts[0] for path in first}) == 3
    assert first == second
