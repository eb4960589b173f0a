"""Where the stacks of a cloud assembly belong."""

import json
from pathlib import Path

import pytest

from embedded_aws import cdk
from embedded_aws.cdk import (
    DeploymentFailedError,
    Toolkit,
    environments_of,
    stacks_of,
)


def write(file: Path, *environments: str) -> None:
    artifacts = {
        f"Stack{number}": {
            "type": "aws:cloudformation:stack",
            "environment": environment,
            "properties": {"requiresBootstrapStackVersion": 6},
        }
        for number, environment in enumerate(environments)
    }
    tree = {"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"artifacts": artifacts | tree}))


def test_the_environments_of_all_stages_are_found_and_unknown_ones_left_out(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json", "aws://111122223333/us-east-1", "aws://unknown-account/x")
    write(tmp_path / "assembly-stage" / "manifest.json", "aws://111122223333/eu-west-1")
    assert environments_of(stacks_of(tmp_path)) == {
        "aws://111122223333/us-east-1",
        "aws://111122223333/eu-west-1",
    }


def test_a_stack_is_deployed_with_the_credentials_of_its_account(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json", "aws://111122223333/us-east-1", "aws://unknown-account/x")
    accounts = [stack.account("444455556666") for stack in stacks_of(tmp_path)]
    assert accounts == ["111122223333", "444455556666"]


def test_a_missing_cdk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "repository", lambda: tmp_path)
    with pytest.raises(DeploymentFailedError, match="npm ci"):
        Toolkit(environment={}, work=tmp_path).bootstrap({"aws://111122223333/us-east-1"})
