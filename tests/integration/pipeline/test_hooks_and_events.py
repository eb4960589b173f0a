"""Functions of the user's own in a run, and the events that it publishes."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import pytest

from aurora_restore.shared.sequences import REPLACE
from tests.integration.pipeline.stage import (
    ACCOUNT,
    MASK,
    PATIENCE_SECONDS,
    SOURCE_PASSWORD,
    TARGET,
    Deployed,
    PipelineStage,
)

REGION = "eu-west-3"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/hooks"
OLD_PASSWORD = "canary-old-target-1"
HOOK = """
import json, os


def handler(event, context):
    print("CALLED " + json.dumps(event))
    if os.environ.get("FAILS"):
        raise RuntimeError("canary-words-of-the-function")
    return {"statusCode": 202, "body": {"next_step": "anything"}}
"""


@dataclass(frozen=True)
class HookedApp:
    """The deployed app with three hooks, and a queue that gets its events."""

    stage: PipelineStage
    app: Deployed
    queue: str

    def calls(self, name: str) -> list[dict[str, Any]]:
        """What a hook's function was called with, in order."""
        lines = self.stage.aws.lambda_logs(name, region=REGION).splitlines()
        found = (line.partition("CALLED ")[2] for line in lines if "CALLED " in line)
        return [json.loads(each) for each in found]

    def let(self, name: str, *, fail: bool) -> None:
        """Let a function fail from now on, or do its work."""
        self.stage.aws.client("lambda", region=REGION).update_function_configuration(
            FunctionName=name, Environment={"Variables": {"FAILS": "yes"} if fail else {}}
        )

    def events(self) -> list[dict[str, Any]]:
        """The events that have come to the queue since it was asked last."""
        sqs = self.stage.aws.client("sqs", region=REGION)
        found: list[dict[str, Any]] = []
        while got := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            found.extend(json.loads(each["Body"]) for each in got)
            for each in got:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return found

    def events_until_run_ends(self) -> list[dict[str, Any]]:
        """The events up to that of a run's end."""
        found: list[dict[str, Any]] = []

        def is_over() -> bool:
            found.extend(self.events())
            return any(each["detail-type"] == "Aurora Restore Run Outcome" for each in found)

        self.stage.eventually(is_over)
        return found


def make_function(stage: PipelineStage, name: str) -> str:
    """A function that says what it was called with; return its ARN."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hook.py", HOOK)
    made = stage.aws.client("lambda", region=REGION).create_function(
        FunctionName=name,
        Runtime="python3.14",
        Role=ROLE,
        Handler="hook.handler",
        Code={"ZipFile": file.getvalue()},
        Timeout=10,
    )
    return str(made["FunctionArn"])


def make_queue(stage: PipelineStage) -> str:
    """A queue that gets everything of the pipeline from the account's bus; return its URL."""
    sqs = stage.aws.client("sqs", region=REGION)
    url: str = sqs.create_queue(QueueName="events")["QueueUrl"]
    events = stage.aws.client("events", region=REGION)
    pattern = json.dumps({"source": ["aurora-restore"]})
    events.put_rule(Name="all", EventPattern=pattern)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
    return url


@pytest.fixture(scope="module")
def hooked(stage: PipelineStage) -> HookedApp:
    """An environment of one restore with a hook of each kind; one is an alias."""
    functions = {name: make_function(stage, name) for name in ("before", "setup", "after")}
    client = stage.aws.client("lambda", region=REGION)
    client.publish_version(FunctionName="before")
    alias = client.create_alias(FunctionName="before", Name="live", FunctionVersion="1")
    document = stage.restore_document(REGION)
    document["database"]["scripts"] = [{"path": MASK}]
    document["hooks"] = {
        "before_replace": {"function": alias["AliasArn"], "timeout_seconds": 60},
        "after_setup": {"function": functions["setup"], "timeout_seconds": 60},
        "after_run": {"function": functions["after"], "timeout_seconds": 60},
    }
    app = stage.deploy_restores(REGION, {"staging": document})
    return HookedApp(stage, app, make_queue(stage))


def groups_of(stage: PipelineStage) -> set[str]:
    """The security groups of the target."""
    groups = stage.cluster(REGION, TARGET)["VpcSecurityGroups"]
    return {each["VpcSecurityGroupId"] for each in groups}


def test_a_hook_that_fails_keeps_the_quarantine_and_a_redrive_calls_no_other_again(
    hooked: HookedApp,
) -> None:
    stage, app = hooked.stage, hooked.app
    stage.make_cluster(REGION, TARGET, OLD_PASSWORD)
    old = stage.cluster(REGION, TARGET)
    hooked.let("setup", fail=True)

    failed = stage.run(app)

    assert failed["status"] == "FAILED"
    (before,) = hooked.calls("before")
    assert before["cluster_resource_id"] == old["DbClusterResourceId"]
    assert before["cluster_endpoint"] == old["Endpoint"]
    assert before["execution_arn"] == failed["executionArn"]
    new = stage.cluster(REGION, TARGET)
    (setup,) = hooked.calls("setup")
    assert setup["cluster_resource_id"] == new["DbClusterResourceId"]
    assert setup["cluster_endpoint"] == new["Endpoint"]
    assert groups_of(stage) == {app.outputs["QuarantineSecurityGroup"]}
    published = hooked.events_until_run_ends()
    (end,) = (each["detail"] for each in published if "Run" in each["detail-type"])
    assert (end["status"], end["step"], end["error_type"]) == (
        "failed",
        "hand-over",
        "HookFailedError",
    )
    (notice,) = stage.announcements(app, failed["name"])
    assert "after-setup" in notice["message"]
    assert "function:setup" in notice["message"]
    assert notice["details"]["remedy"] == "redrive"
    stage.eventually(lambda: len(hooked.calls("after")) == 1)

    hooked.let("setup", fail=False)
    stage.aws.redrive(failed["executionArn"])
    done = stage.aws.wait(failed["executionArn"], timeout=PATIENCE_SECONDS)

    assert done["status"] == "SUCCEEDED", done.get("cause")
    assert groups_of(stage) == {app.network.security_group_id}
    assert len(hooked.calls("before")) == 1
    first, second = (each["idempotency_key"] for each in hooked.calls("setup"))
    assert first == second
    ends = {each["idempotency_key"]: each["status"] for each in hooked.calls("after")}
    assert list(ends.values()) == ["failed", "success"]
    published += hooked.events_until_run_ends()
    of_steps = [each["detail"] for each in published if "Step" in each["detail-type"]]
    succeeded = {each["step"] for each in of_steps if each["status"] == "success"}
    # The last step's is that of the run.
    assert succeeded == {*REPLACE.steps} - {"sns-notification"}
    assert published[-1]["detail"]["status"] == "success"
    assert published[-1]["detail"]["cluster_endpoint"] == new["Endpoint"]
    said = json.dumps([published, *map(hooked.calls, ("before", "setup", "after"))])
    secrets = [stage.secret(app, which) for which in ("MasterSecret", "AppSecret")]
    passwords = [value for each in secrets for name, value in each.items() if "password" in name]
    assert not [each for each in (*passwords, SOURCE_PASSWORD, OLD_PASSWORD) if each in said]
    assert "canary-words-of-the-function" not in said + json.dumps(notice)
