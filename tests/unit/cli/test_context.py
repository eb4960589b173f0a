"""A command that is printed leads to the environment and the credentials of the one before it."""

from pathlib import Path

import boto3
import pytest

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import make_deployment
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text("[profile 'my own']\nregion = eu-west-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_PROFILE", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_the_profile_is_among_the_options_of_the_next_command() -> None:
    deployment = make_deployment("my own", "us-west-2", "its own")

    assert own_command(deployment, "pause", "orders") == (
        "aurora-restore --profile 'my own' --region us-west-2 --name-prefix 'its own' pause orders"
    )


def test_what_is_the_default_is_not_said() -> None:
    deployment = make_deployment(None, "us-west-2", DEFAULT_NAME_PREFIX)

    assert own_command(deployment, "list") == "aurora-restore --region us-west-2 list"
