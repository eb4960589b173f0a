"""An environment of a hundred restores is deployed, under the limits that AWS imposes."""

import json
from collections.abc import Iterator

import pytest

from aurora_restore.capacity.needs import Capacity, managed
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.names import schedule_group_name
from aurora_restore.shared.pipeline import STEPS
from benchmarks.restores import NEAR, document_of
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig

DOCUMENT = {**document_of(100, 55, NEAR), "quotas": {"policies_per_role": 25}}
ENVIRONMENT = parse_configuration(Environment, DOCUMENT, source="test")
STACK = "AuroraRestore-fleet"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """The account with the stack of a hundred restores, with long names and sources beside them."""
    of_account = EmbeddedAwsConfig(
        account=ENVIRONMENT.account,
        region=ENVIRONMENT.region,
        rds=None,
        policies_per_role=ENVIRONMENT.quotas.policies_per_role,
    )
    folder = tmp_path_factory.mktemp("config")
    (folder / "fleet.json").write_text(json.dumps(DOCUMENT))
    with EmbeddedAws(of_account) as aws:
        aws.deploy("fleet", context={"config_dir": str(folder)})
        yield aws


def test_each_role_has_the_policies_that_were_counted(fleet: EmbeddedAws) -> None:
    iam = fleet.client("iam")
    counted = Capacity(ENVIRONMENT).policies

    for step in STEPS:
        role = step.role_name(ENVIRONMENT.name_prefix, ENVIRONMENT.region)
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert len(attached) == managed(counted[step.name]), step.name


def test_each_restore_has_its_parameter_and_its_schedules(fleet: EmbeddedAws) -> None:
    pages = fleet.client("ssm").get_paginator("get_parameters_by_path")
    parameters = {
        parameter["Name"].rpartition("/")[2]: parameter["Value"]
        for page in pages.paginate(Path="/aurora-restore/restores")
        for parameter in page["Parameters"]
    }
    pages = fleet.client("scheduler").get_paginator("list_schedules")
    group = schedule_group_name(ENVIRONMENT.name_prefix)
    schedules = [each for page in pages.paginate(GroupName=group) for each in page["Schedules"]]

    assert parameters == {
        name: restore.parameter_text for name, restore in ENVIRONMENT.restores.items()
    }
    assert len(schedules) == Capacity(ENVIRONMENT).schedules() == 150


def test_the_deployed_stack_is_as_large_as_counted(fleet: EmbeddedAws) -> None:
    """With the paths that the command line adds, but without its metadata, which is off here."""
    client = fleet.client("cloudformation")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=STACK)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    template = client.get_template(StackName=STACK)["TemplateBody"]
    text = template if isinstance(template, str) else json.dumps(template, separators=(",", ":"))
    counted = Capacity(ENVIRONMENT)

    assert len(resources) == counted.resources() - 1
    assert len(text.encode()) <= counted.template_bytes() <= 1.05 * len(text.encode())
