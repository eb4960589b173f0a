"""An environment of many restores: its policies, what AWS limits, and how many restores fit."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.capacity.fit import require_capacity, restores_that_fit
from aurora_restore.capacity.needs import Capacity, managed
from aurora_restore.configuration import limits
from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.permissions.packing import packed
from aurora_restore.permissions.restores import RestorePermissions
from aurora_restore.permissions.statements import RoleStatement, allow, deny
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import KNOWN_REGIONS, partition_of
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import TAG_KEEP_UNTIL, TAG_MANAGED_BY
from aurora_restore.shared.pipeline import STEPS, get_step
from benchmarks.restores import (
    COUNTS,
    FAR,
    LETTERS,
    MIXED,
    NEAR,
    document_of,
    fit_of,
    main,
    needs_of,
)
from tests.support.iam import Policy
from tests.unit.infra.examples import EXAMPLES
from tests.unit.infra.synthesis import FOLDER, Document, Synthesis, environment, example, stack_of

PLACE = "arn:aws:rds:us-west-2:222222222222"
TAGGED = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "aurora-restore"}
EXPIRED = {**TAGGED, f"aws:ResourceTag/{TAG_KEEP_UNTIL}": "2026-05-15T04:00:00Z"}
MOST = limits.MANAGED_POLICY.most


def checked(document: Document, **changes: Any) -> Environment:
    """A document as an environment, whether its fields contradict each other or not."""
    parsed = parse_configuration(Environment, document, source="test")
    return replace(parsed, **changes)


def raised(found: Environment) -> Environment:
    """The environment in an account whose quota of policies is raised as far as it can be."""
    most = limits.RAISED_POLICIES_PER_ROLE.most
    return replace(found, quotas=replace(found.quotas, policies_per_role=most))


def policy_of(found: Environment, step: str) -> Policy:
    """What a step may do because of the restores."""
    policies = RestorePermissions(environment=found).policies_of(get_step(step))
    return Policy([statement.document for each in policies for statement in each.statements])


# How statements become policies.

names = st.text("abc", min_size=1, max_size=2000).map("arn:aws:rds:us-west-2:1:cluster:{}".format)
conditions = st.sampled_from(
    [{}, {"StringEquals": {"a": "b"}}, {"Null": {"a": "false"}, "StringEquals": {"a": ["b", "c"]}}]
)
made = st.builds(
    lambda make, actions, resources, held: make(sorted(actions), resources, held),
    st.sampled_from([allow, deny]),
    st.sets(st.sampled_from(["rds:A", "rds:B", "rds:C"]), min_size=1),
    st.lists(names, min_size=1, max_size=30),
    conditions,
)

Said = set[tuple[str, str, str, str]]


def said(statements: list[RoleStatement]) -> Said:
    """Every single thing that statements say."""
    return {
        (each.effect, action, resource, json.dumps(each.conditions, sort_keys=True))
        for each in statements
        for action in each.actions
        for resource in each.resources
    }


def always(everything: Said) -> Said:
    """The same without what is said under no condition as well."""
    return {
        (effect, action, resource, held)
        for effect, action, resource, held in everything
        if held == "{}" or (effect, action, resource, "{}") not in everything
    }


@given(st.lists(made, max_size=12))
def test_policies_say_what_the_statements_say_and_nothing_twice(
    statements: list[RoleStatement],
) -> None:
    policies = packed(statements)
    written = [each for policy in policies for each in policy.statements]

    assert said(written) == always(said(statements))
    assert sum(len(each.actions) * len(each.resources) for each in written) == len(said(written))


@given(st.lists(made, max_size=12))
def test_policies_are_as_large_as_they_may_be(statements: list[RoleStatement]) -> None:
    policies = packed(statements)

    for policy in policies:
        document = {
            "Statement": [each.document for each in policy.statements],
            "Version": "2012-10-17",
        }
        assert policy.size == len(json.dumps(document, separators=(",", ":"))) <= MOST
    # What is not full leaves no room for the next resource: of 2,100 characters at most here.
    assert all(policy.size > MOST - 2400 for policy in policies[:-1])


def test_a_resource_too_large_for_any_policy_is_still_named() -> None:
    """So that the check of the size finds it."""
    (policy,) = packed([allow("rds:A", ["x" * MOST])])

    assert policy.size > MOST


# What is counted, against what is synthesised.


@pytest.fixture(scope="module", params=["example", "widest", "published", "many", "prefixed"])
def counted(request: pytest.FixtureRequest) -> tuple[Capacity, Synthesis]:
    """An environment, counted and synthesised."""
    found = raised(environment(EXAMPLES[request.param]()))
    return Capacity(found), stack_of(found)


def test_the_resources_are_those_counted(counted: tuple[Capacity, Synthesis]) -> None:
    capacity, stack = counted

    # The command line adds the CDK's metadata.
    assert capacity.resources() == len(stack.resources) + 1


def test_the_template_is_no_larger_than_counted(counted: tuple[Capacity, Synthesis]) -> None:
    capacity, stack = counted
    real = len(json.dumps(stack.template.to_json(), separators=(",", ":")))

    assert real <= capacity.template_bytes() <= real + 0.01 * limits.TEMPLATE_BYTES.most


def test_the_longest_prefix_and_region_are_counted_in_the_template() -> None:
    """A role's name, in which both are, has as many letters as it may."""
    text = json.dumps(EXAMPLES["widest"]()).replace("us-west-2", "ap-southeast-2")
    found = environment({**json.loads(text), "name_prefix": "p" * 28})
    real = len(json.dumps(stack_of(found).template.to_json(), separators=(",", ":")))

    assert real <= Capacity(found).template_bytes()


def test_the_schedules_are_those_counted(counted: tuple[Capacity, Synthesis]) -> None:
    capacity, stack = counted

    assert capacity.schedules() == len(stack.of_type("AWS::Scheduler::Schedule"))
    # Those that announce failures, and that have the metrics published.
    assert len(stack.of_type("AWS::Events::Rule")) == 2


def test_every_managed_policy_is_as_counted(counted: tuple[Capacity, Synthesis]) -> None:
    capacity, stack = counted
    sizes = sorted(
        len(json.dumps(each["PolicyDocument"], separators=(",", ":")))
        for each in stack.of_type("AWS::IAM::ManagedPolicy").values()
    )
    policies = [each for group in capacity.policies.values() for each in group[1:]]

    assert sizes == sorted(each.size for each in policies)
    assert all(size <= MOST for size in sizes)


def test_inline_policies_leave_room_for_the_arns_that_are_known_later(
    counted: tuple[Capacity, Synthesis],
) -> None:
    """The CDK would divide them at 10,000 characters in its own way, one statement in one piece."""
    _, stack = counted

    assert not [each for each in stack.resources if "Overflow" in each]
    for policy in stack.of_type("AWS::IAM::Policy").values():
        written = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
        assert len(written) <= 9600 < limits.INLINE_POLICIES.most


def test_the_policies_of_schedules_do_not_grow_with_their_number(
    counted: tuple[Capacity, Synthesis],
) -> None:
    """A queue's policy has twenty statements at most, and the role's is an inline one."""
    _, stack = counted

    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        assert len(policy["PolicyDocument"]["Statement"]) <= 2
    (role,) = (
        each
        for each in stack.of_type("AWS::IAM::Policy").values()
        if any(
            statement["Action"] == "states:StartExecution"
            for statement in each["PolicyDocument"]["Statement"]
        )
    )
    assert [each["Action"] for each in role["PolicyDocument"]["Statement"]] == [
        "states:StartExecution",
        "sqs:SendMessage",
    ]


# How many fit.

sizes = pytest.mark.parametrize(
    ("count", "letters", "place"),
    [*product(COUNTS, LETTERS, (NEAR, FAR))],
)


@sizes
def test_a_hundred_fit_and_what_does_not_fit_is_refused(
    count: int, letters: int, place: str
) -> None:
    found = raised(environment(document_of(count, letters, place)))
    largest = max(each.size for policies in Capacity(found).policies.values() for each in policies)

    assert largest <= MOST
    if count <= 100:
        require_capacity(found)
        return
    with pytest.raises(ConfigurationError) as refused:
        require_capacity(found)
    assert re.search(
        r"the stack needs \d+ resources, and AWS takes 500 \(https://docs\.aws\.amazon\.com/"
        r"AWSCloudFormation/\S+\): 1\d\d of the 200 restores fit; divide them",
        refused.value.message,
    )


@pytest.mark.parametrize("place", [NEAR, FAR])
def test_exactly_so_many_fit_as_is_said(place: str) -> None:
    found = environment(document_of(110, 55, place))
    with pytest.raises(ConfigurationError) as refused:
        require_capacity(found)
    said = re.search(r"managed policies, and AWS takes 10 .*: (\d+) of the 110", str(refused.value))
    assert said is not None
    fit = int(said[1])

    require_capacity(environment(document_of(fit, 55, place)))
    with pytest.raises(ConfigurationError, match=r"needs 11 managed policies, and AWS takes 10"):
        require_capacity(environment(document_of(fit + 1, 55, place)))
    assert restores_that_fit(found) == fit


def test_the_refusal_says_which_quota_to_raise_and_how_far() -> None:
    found = environment(document_of(60, 55, NEAR))
    with pytest.raises(ConfigurationError) as refused:
        require_capacity(found)
    said = re.search(r"the role of (\S+) needs (\d+) managed policies", refused.value.message)
    assert said is not None
    needed = int(said[2])

    assert managed(Capacity(found).policies[said[1]]) == needed
    assert f"`quotas.policies_per_role` to {needed} or more" in refused.value.message
    assert "`target_prefix`" in refused.value.message
    require_capacity(replace(found, quotas=replace(found.quotas, policies_per_role=needed)))


def _listening_everywhere(document: Document) -> None:
    for number, each in enumerate(document["restores"].values()):
        each["target"]["port"] = 5000 + number


def _with_secrets_in_pairs(document: Document) -> None:
    for number, each in enumerate(document["restores"].values()):
        each["secrets"] = {"app": f"pair-{number // 2:03}-".ljust(200, "x")}


def _with_large_tags(document: Document) -> None:
    for each in document["restores"].values():
        each["target"]["tags"] = {f"tag-{number}": "x" * 250 for number in range(22)}


@pytest.mark.parametrize(
    ("count", "change", "refusal"),
    [
        (64, _listening_everywhere, r"the quarantine needs 64 inbound rules .*: 60 of the 64"),
        (60, _with_secrets_in_pairs, r"each function needs \d+ bytes of environment variables"),
        (90, _with_large_tags, r"the stack needs \d+ bytes of its template, and AWS takes 1000000"),
    ],
)
def test_a_limit_that_would_be_passed_is_named(
    count: int, change: Callable[[Document], None], refusal: str
) -> None:
    document = document_of(count, 18, FAR)
    change(document)
    found = raised(checked(document))
    with pytest.raises(ConfigurationError, match=refusal):
        require_capacity(found)


def test_a_role_in_a_source_account_has_limits_as_well() -> None:
    document = document_of(550, 55, FAR)
    for each in document["restores"].values():
        each["source"]["role_arn"] = "arn:aws:iam::111111111111:role/aurora-restore-source-access"
        each["target"]["strategy"] = "replace"
    found = raised(checked(document, target_prefix="target-"))
    (need,) = (
        each
        for each in Capacity(found).needs()
        if each.of.startswith("the role in the source account") and "managed" in each.limit.what
        if each.limit is limits.POLICIES_PER_ROLE
    )

    assert need.of == "the role in the source account 111111111111"
    assert need.amount > need.limit.most == 10
    assert need.remedy == ""


def test_synth_refuses_what_does_not_fit() -> None:
    with pytest.raises(ConfigurationError, match=r"restores fit"):
        stack_of(environment(document_of(100, 55, NEAR)))


def test_every_limit_says_where_aws_documents_it() -> None:
    found = [each for each in vars(limits).values() if isinstance(each, limits.Limit)]

    assert len(found) >= 10
    assert all(each.documentation.startswith("https://docs.aws.amazon.com/") for each in found)
    assert all(each.most > 0 and each.what for each in found)


# The prefix of all targets.


def test_with_a_prefix_the_policies_of_targets_beside_no_source_do_not_grow() -> None:
    def most(count: int) -> int:
        document = document_of(count, 55, FAR)
        for each in document["restores"].values():
            each["target"]["strategy"] = "replace"
        found = checked(document, target_prefix="target-")
        return max(map(managed, Capacity(found).policies.values()))

    assert most(200) == most(2) == 0


@pytest.fixture(scope="module")
def of_prefix() -> Environment:
    """Twelve restores, every second one switched, whose targets begin with a prefix."""
    return environment(EXAMPLES["prefixed"]())


def test_with_a_prefix_a_role_may_change_what_begins_with_it(of_prefix: Environment) -> None:
    delete, check = policy_of(of_prefix, "delete-rds"), policy_of(of_prefix, "check-restore-status")

    assert delete.allows("rds:ModifyDBCluster", f"{PLACE}:cluster:target-of-no-restore")
    assert not delete.allows("rds:ModifyDBCluster", f"{PLACE}:cluster:other-target-of-no-restore")
    assert not delete.allows("rds:ModifyDBCluster", f"{PLACE}:cluster:target")
    assert check.allows("rds:ModifyDBInstance", f"{PLACE}:db:target-1", TAGGED)
    assert not check.allows("rds:ModifyDBInstance", f"{PLACE}:db:target-1")
    assert not check.allows("rds:ModifyDBInstance", f"{PLACE}:db:source-000-x", TAGGED)


def test_with_a_prefix_a_switched_target_is_still_deleted_by_its_expiry_only(
    of_prefix: Environment,
) -> None:
    delete = policy_of(of_prefix, "delete-rds")
    replaced, switched = (
        next(
            each.target.cluster_id
            for each in of_prefix.restores.values()
            if each.target.is_switched == is_switched
        )
        for is_switched in (False, True)
    )

    assert delete.allows("rds:DeleteDBCluster", f"{PLACE}:cluster:{replaced}")
    for name in (switched, f"{switched}-ar-0a1b2c3d", f"{switched}-ar-0a1b2c3d-old"):
        assert not delete.allows("rds:DeleteDBCluster", f"{PLACE}:cluster:{name}", TAGGED)
        assert delete.allows("rds:DeleteDBCluster", f"{PLACE}:cluster:{name}", EXPIRED)


def test_with_a_prefix_only_an_adopted_target_s_instances_need_no_tag(
    of_prefix: Environment,
) -> None:
    delete = policy_of(of_prefix, "delete-rds")
    (adopted,) = (
        each.target.cluster_id for each in of_prefix.restores.values() if each.target.adopt
    )
    other = of_prefix.restores["restore-000"].target.cluster_id

    assert delete.allows("rds:DeleteDBInstance", f"{PLACE}:db:{adopted}")
    assert not delete.allows("rds:DeleteDBInstance", f"{PLACE}:db:{other}")


@pytest.mark.parametrize(
    ("changes", "path", "fault"),
    [
        (
            {"target_prefix": "orders-staging-"},
            "restores.staging.target.cluster_id",
            "'orders-staging' does not begin with `target_prefix`, 'orders-staging-'",
        ),
        (
            {
                "target_prefix": "orders-",
                "restores.staging.source": {"cluster_id": "orders-live", "region": "us-west-2"},
            },
            "target_prefix",
            "'orders-' is also the beginning of 'orders-live', the source of the restore 'staging'",
        ),
    ],
)
def test_a_prefix_that_is_not_the_targets_own_is_refused(
    changes: dict[str, Any], path: str, fault: str
) -> None:
    found = list(faults_of_environment(checked(example(changes)), folder=FOLDER))

    assert [each.path for each in found] == [path]
    assert fault in str(found[0])


def test_a_source_elsewhere_may_begin_like_the_targets() -> None:
    environment(example({"target_prefix": "orders-"}))


@pytest.mark.parametrize("prefix", ["orders", "-", "a--", "Orders-", "a" * 39 + "-", "*-"])
def test_a_prefix_ends_with_a_hyphen_and_has_no_wildcard(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="target_prefix"):
        checked(example({"target_prefix": prefix}))


# Where these rest on what others declare.


def test_a_tag_other_than_the_expiry_cannot_be_removed() -> None:
    policy = policy_of(environment(EXAMPLES["switched"]()), "switch-cluster")
    cluster = f"{PLACE}:cluster:orders-staging"

    def may_remove(*tags: str) -> bool:
        asked = {**TAGGED, "aws:TagKeys": list(tags)}
        return policy.allows("rds:RemoveTagsFromResource", cluster, asked)

    assert may_remove(TAG_KEEP_UNTIL)
    assert not may_remove(TAG_MANAGED_BY)
    assert not may_remove(TAG_KEEP_UNTIL, TAG_MANAGED_BY)


def test_the_partition_of_a_region_is_the_one_that_botocore_knows() -> None:
    session = botocore.session.Session()

    for region in KNOWN_REGIONS:
        assert partition_of(region) == session.get_partition_for_region(region)


def test_the_steps_that_change_nothing_need_no_policy_beyond_the_inline_one() -> None:
    found = Capacity(raised(environment(document_of(100, 55, FAR))))

    for step in STEPS:
        if not step.changes_aws:
            assert managed(found.policies[step.name]) <= 1, step.name


def test_the_benchmark_prints_what_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Capacity(environment(document_of(10, 18, FAR)))
    monkeypatch.setattr("benchmarks.restores.COUNTS", (1, 10))
    needs = dict(row.rsplit(maxsplit=3)[::2] for row in needs_of(18, FAR))
    monkeypatch.setattr("benchmarks.restores.MORE_THAN_FIT", 3)
    fit = fit_of(18, FAR, MIXED)
    monkeypatch.setattr("benchmarks.restores.needs_of", lambda *_: ["a need"])
    monkeypatch.setattr("benchmarks.restores.fit_of", lambda *_: "a fit")
    main()
    shown = capsys.readouterr().out

    assert needs["Resources"] == str(found.resources())
    assert {each.limit.what.lower() for each in found.needs()} == {each.lower() for each in needs}
    assert fit.split()[-3:] == ["3", "3", "3"]
    assert (shown.count("a need"), shown.count("a fit")) == (4, 12)
