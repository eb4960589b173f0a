"""The embedded AWS starts, stops, deploys, and cannot be mistaken for a real account."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

import botocore.exceptions
import psutil
import pytest

from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig, NoRdsError
from embedded_aws.cdk import DeploymentFailedError
from embedded_aws.environment import repository

Outputs = Mapping[str, str]

OWNER = """
import sys, time
from io import BytesIO
from zipfile import ZipFile
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig, embedded_rds
archive = BytesIO()
with ZipFile(archive, "w") as package:
    package.writestr("sleeper.py", "import time\\ndef handler(event, context): time.sleep(60)")
config = EmbeddedAwsConfig(rds=None if sys.argv[1:] else embedded_rds)
with EmbeddedAws(config) as aws:
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="sleeper", Runtime="python3.14", Handler="sleeper.handler", Timeout=60,
        Role=f"arn:aws:iam::{aws.config.account}:role/any", Code={"ZipFile": archive.getvalue()},
    )
    functions.invoke(FunctionName="sleeper", InvocationType="Event", Payload="{}")
    print(aws.directory, flush=True)
    time.sleep(60)
"""


def test_secrets_are_generated_and_named_as_cdk_expects(aws: EmbeddedAws, outputs: Outputs) -> None:
    secret = aws.client("secretsmanager").describe_secret(SecretId=outputs["SecretOutput"])
    assert secret["Name"] == outputs["SecretOutput"]


def test_a_stack_is_described_once_it_is_there_or_gone(aws: EmbeddedAws) -> None:
    stacks = aws.client("cloudformation")
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    stack_id = stacks.create_stack(StackName="described", TemplateBody=template)["StackId"]

    def status() -> str:
        (stack,) = stacks.describe_stacks(StackName=stack_id)["Stacks"]
        return str(stack["StackStatus"])

    assert status() == "CREATE_COMPLETE"
    stacks.delete_stack(StackName="described")
    assert status() == "DELETE_COMPLETE"


def test_every_account_is_another(aws: EmbeddedAws, outputs: Outputs) -> None:
    assert aws.client("sns").list_topics()["Topics"]
    assert not aws.client("sns", account="999999999999").list_topics()["Topics"]
    assert not aws.client("sns", region="eu-west-1").list_topics()["Topics"]
    assert aws.client("sts").get_caller_identity()["Account"] == aws.config.account


def test_no_setting_of_the_machine_leads_to_a_real_account(
    aws: EmbeddedAws, outputs: Outputs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = tmp_path / "config"
    configuration.write_text("[profile production]\nendpoint_url = http://127.0.0.1:9\n")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_CONFIG_FILE": str(configuration),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:9",
        "AWS_PROFILE": "production",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    client = aws.session(region="us-east-2").client("sns")
    assert client.meta.endpoint_url == aws.endpoints.default
    assert client.list_topics()["Topics"] == []


def test_databases_and_other_services_are_served_by_the_embedded_rds(
    aws: EmbeddedAws,
) -> None:
    for service in ("rds", "rds-data", "sts", "kms", "ec2", "ram"):
        assert aws.client(service).meta.endpoint_url == aws.rds.endpoint_url
    assert aws.client("rds").describe_db_clusters()["DBClusters"] == []
    subnets = aws.client("ec2").describe_subnets()["Subnets"]
    assert all(subnet["AvailableIpAddressCount"] > 0 for subnet in subnets)
    assumed = aws.client("sts").assume_role(
        RoleArn="arn:aws:iam::444455556666:role/reader", RoleSessionName="tests"
    )
    assert ":444455556666:" in assumed["AssumedRoleUser"]["Arn"]


def test_functions_find_the_embedded_rds(aws: EmbeddedAws, outputs: Outputs) -> None:
    answer = aws.client("lambda").invoke(
        FunctionName="probe-probe", Payload=json.dumps({"action": "describe"})
    )
    environment = json.loads(answer["Payload"].read())["environment"]
    for service in ("RDS", "RDS_DATA", "STS", "KMS", "EC2", "RAM"):
        assert environment[f"AWS_ENDPOINT_URL_{service}"] == aws.rds.endpoint_url


def test_a_deployment_that_fails_says_why(aws: EmbeddedAws, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('the configuration names no target')")
    with pytest.raises(DeploymentFailedError, match=r"(?s)cdk synth.*names no target"):
        aws.deploy("broken", app_directory=tmp_path)


def test_subjects_and_parameters_are_limited(aws: EmbeddedAws, outputs: Outputs) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="Subject"):
        aws.client("sns").publish(
            TopicArn=outputs["TopicOutput"], Subject="two\nlines", Message="x"
        )
    with pytest.raises(botocore.exceptions.ClientError, match="4096 characters"):
        aws.client("ssm").put_parameter(Name="/large", Value="x" * 4097, Type="String")


def test_nothing_listens_beyond_this_machine(aws: EmbeddedAws) -> None:
    children = psutil.Process().children(recursive=True)
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for child in children
        for connection in child.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    urls = (aws.endpoints.default, aws.rds.endpoint_url)
    assert {("127.0.0.1", int(url.rpartition(":")[2])) for url in urls} <= listening
    assert all(ip_address(address).is_loopback for address, _ in listening)


@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGINT, ["without-rds"]), (signal.SIGTERM, ["without-rds"]), (signal.SIGKILL, [])],
)
def test_nothing_survives_the_program_that_owns_the_world(
    number: signal.Signals, options: Sequence[str]
) -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OWNER, *options],
        cwd=repository(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        directory = Path(owner.stdout.readline().strip())
        tree = _tree_with_a_function(owner.pid)
        owner.send_signal(number)
        owner.wait(15)
    gone, alive = psutil.wait_procs(tree, timeout=8)
    assert not alive
    assert len(gone) == len(tree)
    assert number is not signal.SIGINT or not directory.exists()
    assert not (directory / "ministack").exists()
    with EmbeddedAws(EmbeddedAwsConfig(rds=None)) as another:
        with pytest.raises(NoRdsError):
            _ = another.rds
        assert not directory.exists(), "an abandoned directory is removed by the next embedded AWS"
        assert another.directory.exists()
    assert not another.directory.exists()


def _tree_with_a_function(pid: int) -> list[psutil.Process]:
    """The descendants of the process, once one of them is the runtime of a function."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        tree = psutil.Process(pid).children(recursive=True)
        if any("awslambda/runtime.py" in " ".join(process.cmdline()) for process in tree):
            return tree
        time.sleep(0.05)
    raise AssertionError(f"no function among the children of {os.getpid()}")
