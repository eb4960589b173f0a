"""`check` of the stage's own configuration, and of one in which nothing is right."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import ACCOUNT, TARGET, TARGET_REGION, PipelineStage

pytestmark = pytest.mark.usefixtures("succeeded")
KEY = f"arn:aws:kms:{TARGET_REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def configured(stage: PipelineStage) -> Path:
    """The file that the stage was deployed from."""
    (file,) = stage.directory.glob("config-*/test.json")
    return file


@pytest.fixture(autouse=True)
def _files(configured: Path, tmp_path: Path) -> None:
    """The scripts that the file names, beside those that the tests write."""
    shutil.copytree(configured.parent / "sql", tmp_path / "sql")


def online(cli: CommandLine, file: Path, code: int = 0) -> Mapping[str, list[dict[str, str]]]:
    """What is found in AWS."""
    shown = cli("check", "--file", str(file), "--online", "--json")
    assert (shown.code, shown.err) == (code, "")
    found: Mapping[str, list[dict[str, str]]] = json.loads(shown.out)["online"]
    return found


def problems(found: Mapping[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    return {
        subject: [f"{each['text']} {each['remedy']}" for each in findings if each["level"] != "ok"]
        for subject, findings in found.items()
    }


def test_aws_is_ready_for_what_is_deployed(
    cli: CommandLine, stage: PipelineStage, configured: Path
) -> None:
    before = stage.changes()

    shown = cli("check", "--file", str(configured), "--online", width=80)

    assert (shown.code, shown.err) == (0, "")
    assert shown.widest <= 80 or shown.out.splitlines()[0].endswith(": valid")
    assert shown.out.endswith("\nAWS is ready for it.\n")
    assert "ok  A run would restore snapshot rds:production-" in shown.out
    assert stage.changes() == before
    assert not any(any(listed) for listed in problems(online(cli, configured)).values())


def test_a_target_that_another_tool_seems_to_own_is_warned_of(
    cli: CommandLine, stage: PipelineStage, configured: Path
) -> None:
    rds = stage.aws.client("rds", region=TARGET_REGION)
    arn = stage.cluster(TARGET_REGION, TARGET)["DBClusterArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "owner", "Value": "Terraform"}])

    found = online(cli, configured)["Restore staging"]

    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["owner"])
    (warning,) = [each for each in found if each["level"] != "ok"]
    assert warning["level"] == "warning"
    assert "seems to belong to another tool (tag owner); docs/terraform.md" in warning["text"]


def test_everything_that_is_wrong_is_named_with_what_to_do(
    cli: CommandLine, configured: Path, tmp_path: Path
) -> None:
    document: dict[str, Any] = json.loads(configured.read_text())
    (first, *others), network = document["network"]["subnet_ids"], document["network"]
    network["subnet_ids"] = ["subnet-00000000000000000", *others]
    network["security_group_ids"] = ["sg-00000000000000000"]
    document["secrets"] = {"master_username": "root", "app": "nothing-here"}
    target = document["restores"]["staging"]["target"]
    target |= {
        "db_subnet_group_name": "nowhere",
        "instances": [{"instance_class": "db.r1.large"}],
        "db_cluster_parameter_group_name": "none",
        "kms_key_id": KEY,
    }
    file = tmp_path / "test.json"
    file.write_text(json.dumps(document))

    found = problems(online(cli, file, code=1))

    assert first not in str(found)
    assert found["Network of the functions"] == [
        "There is no subnet subnet-00000000000000000 in us-west-2. Correct network.subnet_ids.",
        "There is no security group sg-00000000000000000 in us-west-2. Correct "
        "network.security_group_ids.",
    ]
    said = " ".join(found["Restore staging"])
    for fault in (
        "target.db_subnet_group_name: there is no DB subnet group 'nowhere'. Create it",
        "Class db.r1.large is not offered for aurora-postgresql",
        "target.db_cluster_parameter_group_name: there is no parameter group 'none'. Create it",
        f"target.kms_key_id: there is no KMS key '{KEY}'. Create it",
        "is 'postgres'. Set master_username to 'postgres' in secrets.",
        "Secret nothing-here: it does not exist or has no value; create it",
    ):
        assert fault in said
    assert len(found["Restore staging"]) == 6


def test_a_day_without_a_snapshot_is_a_problem(
    cli: CommandLine, configured: Path, tmp_path: Path
) -> None:
    document = json.loads(configured.read_text())
    document["restores"]["staging"]["source"]["default_day"] = "today"
    file = tmp_path / "test.json"
    file.write_text(json.dumps(document))

    missing, unknown = problems(online(cli, file, code=1))["Restore staging"]

    assert missing.startswith("There is no snapshot of production of 20")
    assert "; there are some of 20" in missing
    assert "aurora-restore plan" in unknown


def test_another_account_is_not_looked_at_any_further(cli: CommandLine, configured: Path) -> None:
    shown = cli(
        *("check", "--file", str(configured), "--online", "--json"),
        AWS_ACCESS_KEY_ID="444455556666",
    )

    assert shown.code == 1
    found = problems(json.loads(shown.out)["online"])
    assert list(found) == ["Account and Region"]
    assert "The credentials are of account 444455556666" in str(found)


def test_faults_of_a_file_are_listed_by_field_without_a_look_at_aws(
    cli: CommandLine, configured: Path, tmp_path: Path
) -> None:
    document = json.loads(configured.read_text())
    file = tmp_path / "test.json"
    file.write_text(json.dumps({**document, "timeout_hours": 0, "what": 1}))

    shown = cli("check", "--file", str(file), "--online", width=80, AWS_ENDPOINT_URL="http://no")

    assert (shown.code, shown.err) == (1, "")
    assert f"{file}: not valid\n" in shown.out
    assert "PROBLEM  timeout_hours" in shown.out
    assert "0 is too small: the smallest value is 1" in shown.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--file", "nowhere.json"], "There is no file nowhere.json."),
        (["--environment", "nowhere"], "There is no environment nowhere. Those in "),
        (["--environment", "example", "--file", "a.json"], "Give either --environment or --file."),
    ],
)
def test_a_file_that_does_not_exist_is_wrong_usage(
    cli: CommandLine, options: list[str], said: str
) -> None:
    shown = cli("check", *options)

    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err


def test_the_shipped_examples_are_valid(cli: CommandLine) -> None:
    shown = cli("check", "--environment", "example", "--json")

    assert (shown.code, shown.err) == (0, "")
    (checked,) = json.loads(shown.out)["files"]
    assert (checked["environment"], checked["valid"], checked["faults"]) == ("example", True, [])
