"""A restore may have secrets of its own: what is made, what may use it, and what is refused."""

import json
from typing import Any

import pytest

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.configuration.checks.warnings import warnings_of_environment
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.pipeline import APP_SECRET, MASTER_SECRET, STEP_NAMES, STEPS, Step
from tests.support.iam import Policy
from tests.support.policies import policies_of
from tests.unit.infra.synthesis import (
    ABSENT,
    FOLDER,
    Document,
    environment,
    example,
    restore,
    synthesise,
)

ARN = "arn:aws:secretsmanager:us-west-2:222222222222:secret:"
STAGING = "restores.staging.secrets"
READS, WRITES = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"


def fleet(
    staging: Document | None = None, test: Document | None = None, **changes: Any
) -> Document:
    """Two restores of two clusters, with these secrets of their own."""
    return example(
        {
            "restores.test": restore(
                {"target.cluster_id": "orders-test", "secrets": test or {}, "schedule": ABSENT}
            ),
            STAGING: staging or {},
            **changes,
        }
    )


def made(document: Document) -> dict[str, Document]:
    """The secrets that the stack makes, and what it makes them of."""
    found = synthesise(document).of_type("AWS::SecretsManager::Secret").values()
    return {
        each["Name"]: json.loads(each["GenerateSecretString"]["SecretStringTemplate"])
        for each in found
    }


def faults(document: Document) -> list[str]:
    checked = parse_configuration(Environment, document, source="test")
    return [str(each) for each in faults_of_environment(checked, folder=FOLDER)]


def warnings(document: Document) -> list[str]:
    checked = environment(document)
    found = [str(each) for each in warnings_of_environment(checked)]
    return [each for each in found if ".secrets" in each]


# What the stack makes


def test_a_restore_with_a_master_user_of_its_own_gets_a_secret_of_its_own() -> None:
    found = made(fleet(test={"master_username": "another"}))

    assert found["aurora-restore/test/master-credentials"] == {
        "username": "another",
        "database": "orders",
    }
    assert set(found) == {
        "aurora-restore-master-credentials",
        "aurora-restore-app-credentials",
        "aurora-restore/test/master-credentials",
    }


def test_secrets_of_the_environment_that_no_restore_uses_are_not_made() -> None:
    found = synthesise(
        example({STAGING: {"master_username": "another", "app_username": "orders_own"}})
    )

    assert {each["Name"] for each in found.of_type("AWS::SecretsManager::Secret").values()} == {
        "aurora-restore/staging/master-credentials",
        "aurora-restore/staging/app-credentials",
    }
    assert not {"MasterSecret", "AppSecret"} & set(found.template.to_json()["Outputs"])


def test_a_restore_may_adopt_what_the_environment_makes() -> None:
    assert set(made(fleet(test={"master": "shared/master", "app": "shared/app"}))) == {
        "aurora-restore-master-credentials",
        "aurora-restore-app-credentials",
    }


def test_the_secrets_of_the_environment_keep_their_place_in_the_template() -> None:
    """Another logical id would make CloudFormation replace them, with new passwords."""
    before, after = (
        set(synthesise(document).of_type("AWS::SecretsManager::Secret"))
        for document in (example(), fleet(test={"app_username": "orders_own"}))
    )

    assert before < after


def test_the_functions_know_what_several_restores_use() -> None:
    def secrets_in_common(document: Document) -> str:
        _, function = synthesise(document).functions()["hand-over"]
        return str(function["Environment"]["Variables"]["APP_SECRETS_IN_COMMON"])

    assert secrets_in_common(example()) == ""
    assert secrets_in_common(fleet()) == "aurora-restore-app-credentials"
    assert secrets_in_common(fleet(test={"app_username": "orders_own"})) == ""
    same = secrets_in_common(fleet({"app": "shop/app"}, {"app": f"{ARN}shop/app-a1B2c3"}))
    assert set(same.split(",")) == {"shop/app", f"{ARN}shop/app-a1B2c3"}


# Who may use them


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    """One restore has secrets of its own, and one adopts them under customer keys."""
    document = fleet(
        {"master_username": "another", "app_username": "orders_own"},
        {"master": "shared/master", "app": "shared/app"},
    )
    return policies_of(environment(document))


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (MASTER_SECRET, ("aurora-restore/staging/master-credentials", "shared/master")),
        (APP_SECRET, ("aurora-restore/staging/app-credentials", "shared/app")),
    ],
    ids=["master", "app"],
)
def test_a_function_uses_the_secrets_of_its_row_and_no_other(
    policies: dict[str, Policy], step: Step, kind: str, names: tuple[str, ...]
) -> None:
    for name in names:
        secret = f"{ARN}{name}-AbCdEf"
        assert policies[step.name].allows(READS, secret) == (kind in step.reads_secrets)
        assert policies[step.name].allows(WRITES, secret) == (kind in step.writes_secrets)


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
@pytest.mark.parametrize(
    "name",
    ["aurora-restore-master-credentials", "aurora-restore-app-credentials", "shared/other"],
)
def test_a_secret_that_no_restore_uses_is_nobody_s(
    policies: dict[str, Policy], step: Step, name: str
) -> None:
    assert not policies[step.name].allows(READS, f"{ARN}{name}-AbCdEf")
    assert not policies[step.name].allows(WRITES, f"{ARN}{name}-AbCdEf")


def test_the_keys_are_used_for_adopted_secrets_alone(policies: dict[str, Policy]) -> None:
    key = "arn:aws:kms:us-west-2:222222222222:key/any"
    through = {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}

    def allows(action: str, name: str) -> bool:
        context = {**through, "kms:EncryptionContext:SecretARN": f"{ARN}{name}-AbCdEf"}
        return policies["hand-over"].allows(action, key, context)

    assert allows("kms:Decrypt", "shared/app")
    assert allows("kms:GenerateDataKey", "shared/app")
    assert not allows("kms:Decrypt", "shared/master")
    assert not allows("kms:Decrypt", "aurora-restore/staging/app-credentials")


# What is refused


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (
            example({STAGING: {"master": "arn:aws:iam::222222222222:role/a"}}),
            f"{STAGING}.master: 'arn:aws:iam::222222222222:role/a' is not the ARN of a secret",
        ),
        (
            example({STAGING: {"app": ARN.replace("us-west-2", "us-east-1") + "app"}}),
            f"{STAGING}.app: the secret is in us-east-1: it must be in the environment's Region, "
            "us-west-2; replicate it",
        ),
        (
            example({STAGING: {"app": "shared/one", "master": f"{ARN}shared/one"}}),
            f"{STAGING}.app: is the master secret: a reader of the application's passwords",
        ),
        (
            fleet({"master": "shared/one"}, {"app": "shared/one"}),
            "restores.test.secrets.app: is the master secret: a reader of the application's",
        ),
        (
            fleet({"app": "aurora-restore/test/master-credentials"}, {"master_username": "own"}),
            f"{STAGING}.app: is the master secret: a reader of the application's",
        ),
        (
            example({STAGING: {"master": "one", "master_username": "another"}}),
            f"{STAGING}.master_username: is for a secret that the stack makes, and `master` "
            "adopts one: leave out one of them",
        ),
        (
            example({STAGING: {"app": "one", "readonly_username": "another"}}),
            f"{STAGING}.readonly_username: is for a secret that the stack makes, and `app` adopts",
        ),
        (
            example({STAGING: {"master_username": "orders_app"}}),
            f"{STAGING}: `master_username` and `app_username` are both 'orders_app': give each a",
        ),
        (
            fleet({"app_secret_endpoint": True}, {"app_secret_endpoint": True}),
            "restores.test.secrets.app_secret_endpoint: is true for the restore 'staging', too, "
            "which uses the same application's secret, and that can name one cluster: leave it "
            "out for one of them",
        ),
        (
            example(
                {
                    STAGING: {"app_username": "orders_own"},
                    "restores.staging.database.keep_logins": ["orders_own"],
                }
            ),
            "restores.staging.database.keep_logins[0]: 'orders_own' is set up by the pipeline",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value).partition(":")[0],
)
def test_a_fault_names_the_field_and_what_to_do(document: Document, fault: str) -> None:
    (found,) = faults(document)

    assert found.startswith(fault)


@pytest.mark.parametrize(
    "document",
    [
        fleet({"app_secret_endpoint": True}, {"app_secret_endpoint": False}),
        fleet({"app_secret_endpoint": True}, {"app_secret_endpoint": True, "app": "one"}),
        fleet({"master": "shared/one"}, {"master": "shared/one"}),
        example({STAGING: {"app": "one"}, "restores.staging.database.keep_logins": ["orders_app"]}),
    ],
    ids=["one of two", "two secrets", "one master", "of an adopted secret"],
)
def test_what_is_right_is_taken(document: Document) -> None:
    assert faults(document) == []


def test_a_secret_in_common_is_warned_of_with_the_way_out() -> None:
    found = warnings(fleet())

    assert len(found) == 2
    assert found[0].startswith(
        f"{STAGING}: staging and test use the same application's secret, "
        "aurora-restore-app-credentials, so it does not say where a restored cluster is reached"
    )
    three = fleet()
    three["restores"]["third"] = restore({"target.cluster_id": "orders-third"})
    assert warnings(three)[0].startswith(f"{STAGING}: staging, test and 1 more use the same")
    assert warnings(fleet(test={"app_username": "orders_own"})) == []
    (other,) = warnings(fleet({"app_secret_endpoint": True}))
    assert other.startswith("restores.test.secrets:")
