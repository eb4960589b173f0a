"""Hooks: a step has one called before it does what cannot be taken back, and never twice."""

import json
from typing import Any
from unittest import mock

import pytest

from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.lambdas.switch_cluster import SwitchClusterHandler
from aurora_restore.shared.documents.hooks import HookInput
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import HookFailedError, HookOutstandingError
from aurora_restore.shared.pipeline import AFTER_RUN, AFTER_SETUP, BEFORE_REPLACE, Hook, get_step
from tests.unit.bench import (
    ACCOUNT,
    APP_PASSWORD,
    MASTER_PASSWORD,
    READONLY_PASSWORD,
    REGION,
    Bench,
    execution_arn,
)
from tests.unit.lambdas.arrange import go, make_replaceable, target_status
from tests.unit.lambdas.midway import OPERATION, databases_set_up, until_done, usable
from tests.unit.lambdas.switched import ready, resource_id, roll_back, switch
from tests.unit.lambdas.test_sns_notification import FACTS, LOCKED, came_to, ended, execution
from tests.unit.scene import TARGET, Scene, make_scene

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:mine:live"
HOOKS = {
    hook.field: {"function": FUNCTION, "timeout_seconds": 60}
    for hook in (BEFORE_REPLACE, AFTER_SETUP, AFTER_RUN)
}


def with_hooks(scene: Scene, **document: Any) -> None:
    """Deploy the configuration with a function for every hook."""
    scene.bench.configure({**scene.document, **document, "hooks": HOOKS})


def asked(answer: dict[str, Any], hook: Hook) -> HookInput:
    """What a step has the hook given: the state machine is to call nothing else, and wait."""
    call = answer["body"]["hook"]
    assert answer["statusCode"] == 202
    assert (call["name"], call["function"], call["timeout_seconds"]) == (hook.name, FUNCTION, 60)
    return parse(HookInput, call["input"])


def succeed(bench: Bench, answer: dict[str, Any]) -> None:
    """The state machine writes down that the hook has succeeded."""
    call = answer["body"]["hook"]
    bench.clients.dynamodb.put_item(
        TableName=bench.environment.state_table,
        Item={
            "operation_id": {"S": call["record"]},
            "step": {"S": "hook"},
            "expires_at": {"N": call["expires_at"]},
        },
    )
    bench.advance(1)


def test_the_old_cluster_is_deleted_only_after_its_hook(bench: Bench) -> None:
    scene = make_replaceable(bench)
    with_hooks(scene)
    old = resource_id(scene, TARGET)

    answer = go(scene, DeleteRdsHandler)

    given = asked(answer, BEFORE_REPLACE)
    assert (given.cluster_id, given.cluster_resource_id) == (TARGET, old)
    assert given.idempotency_key == f"{OPERATION}/before-replace/{old}"
    assert target_status(scene) == "available"
    assert scene.changes() == []

    succeed(bench, answer)
    assert go(scene, DeleteRdsHandler)["statusCode"] == 200
    assert target_status(scene) == "deleting"


def test_a_check_that_fails_comes_before_the_hook(bench: Bench) -> None:
    scene = make_replaceable(bench)
    document = scene.document
    document["target"]["db_subnet_group_name"] = "missing"
    with_hooks(scene, **document)

    answer = bench.call(DeleteRdsHandler, {"operation_id": OPERATION})

    assert answer["body"]["error_type"] == "PreflightError"


def set_up(bench: Bench) -> Scene:
    """A restored cluster in quarantine, whose databases are set up."""
    scene = make_scene(bench)
    with_hooks(scene)
    usable(scene)
    databases_set_up(scene)
    return scene


def groups(scene: Scene) -> set[str]:
    cluster = scene.cluster()
    assert cluster is not None
    return {each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]}


def test_the_quarantine_is_lifted_only_after_the_hook(bench: Bench) -> None:
    scene = set_up(bench)
    quarantine = groups(scene)

    answer = bench.step(HandOverHandler)

    given = asked(answer, AFTER_SETUP)
    cluster = scene.cluster()
    assert cluster is not None
    assert given.cluster_resource_id == cluster["DbClusterResourceId"]
    assert (given.cluster_endpoint, given.cluster_port) == (cluster["Endpoint"], cluster["Port"])
    assert given.master_secret_arn == (
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{bench.environment.master_secret}"
    )
    assert groups(scene) == quarantine
    assert not [
        each
        for each in (MASTER_PASSWORD, APP_PASSWORD, READONLY_PASSWORD)
        if each in json.dumps(answer)
    ]

    succeed(bench, answer)
    until_done(scene, HandOverHandler)
    assert groups(scene) == {scene.security_group}


def test_a_hook_that_has_not_succeeded_is_asked_for_again_with_the_same_key(bench: Bench) -> None:
    set_up(bench)
    first = asked(bench.step(HandOverHandler), AFTER_SETUP)
    bench.advance(60)
    bench.redrive_count = 1

    second = asked(bench.step(HandOverHandler), AFTER_SETUP)

    assert second.idempotency_key == first.idempotency_key


def test_a_direct_call_does_not_pass_a_hook_by(bench: Bench) -> None:
    scene = set_up(bench)
    quarantine = groups(scene)

    answer = bench.call(HandOverHandler, {"operation_id": OPERATION})

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == HookOutstandingError.__name__
    assert groups(scene) == quarantine


def test_no_event_names_a_function(bench: Bench) -> None:
    set_up(bench)

    answer = bench.call(HandOverHandler, {"operation_id": OPERATION, "hooks": HOOKS})

    assert answer["statusCode"] == 400
    assert "hooks" in answer["body"]["error"]


@pytest.fixture
def scene(bench: Bench) -> Scene:
    return make_scene(bench)


def test_the_old_cluster_is_switched_away_only_after_its_hook_and_back_without(
    scene: Scene,
) -> None:
    old, new = ready(scene)
    document = scene.document
    document["target"]["strategy"] = "switch"
    with_hooks(scene, **document)

    answer = scene.bench.step(SwitchClusterHandler)

    given = asked(answer, BEFORE_REPLACE)
    assert (given.cluster_id, given.cluster_resource_id) == (TARGET, old)
    assert resource_id(scene, TARGET) == old

    succeed(scene.bench, answer)
    assert switch(scene)["statusCode"] == 200
    assert resource_id(scene, TARGET) == new
    assert roll_back(scene)["statusCode"] == 200
    assert resource_id(scene, TARGET) == old


def test_the_end_of_a_run_has_its_hook_called(scene: Scene) -> None:
    with_hooks(scene)
    came_to(scene.bench, "archive-snapshot", **LOCKED, **FACTS)

    answer = scene.bench.step(SnsNotificationHandler, operation_id=OPERATION)

    assert answer["statusCode"] == 200
    given = parse(HookInput, answer["body"]["hook"]["input"])
    assert (given.hook, given.status) == ("after-run", "success")
    assert len(scene.bench.messages()) == 1


def hook_failed(bench: Bench, error: str = "ValueError") -> str:
    """An execution whose hook before the hand-over has failed; its ARN."""
    came_to(
        bench,
        "hand-over",
        status="IN_PROGRESS",
        attempted_in=f"{execution_arn(OPERATION)}#0",
        hook={"name": AFTER_SETUP.name, "function": FUNCTION, "key": "k"},
        **LOCKED,
    )
    cause = json.dumps({"errorType": error, "errorMessage": "canary: password=secret"})
    state = AFTER_SETUP.state_name(get_step("hand-over"))
    return execution(
        bench, error=error, cause=cause, entered=("setup-db-users", "hand-over", state)
    )


def test_the_notice_names_the_hook_and_not_what_its_function_has_said(scene: Scene) -> None:
    with_hooks(scene)
    arn = hook_failed(scene.bench)

    with mock.patch.object(scene.bench.clients.functions, "invoke") as invoke:
        ended(scene.bench, arn)

    (notice,) = scene.bench.messages()
    details = notice["details"]
    assert (details["step"], details["hook"]) == ("hand-over", "after-setup")
    assert (details["error_type"], details["remedy"]) == (HookFailedError.__name__, "redrive")
    assert FUNCTION in details["error"]
    assert "ValueError" in details["error"]
    assert "canary" not in json.dumps(notice)
    called = invoke.call_args.kwargs
    assert (called["FunctionName"], called["InvocationType"]) == (FUNCTION, "Event")
    given = parse(HookInput, json.loads(called["Payload"]))
    assert (given.hook, given.status, given.step) == ("after-run", "failed", "hand-over")


def test_a_failed_run_is_announced_though_its_hook_cannot_be_called(scene: Scene) -> None:
    with_hooks(scene)

    ended(scene.bench, hook_failed(scene.bench))

    assert len(scene.bench.messages()) == 1


def test_without_hooks_nothing_is_called(scene: Scene) -> None:
    arn = hook_failed(scene.bench)

    with mock.patch.object(scene.bench.clients.functions, "invoke") as invoke:
        ended(scene.bench, arn)

    invoke.assert_not_called()
