"""No role can mark what is not the pipeline's, for itself or another role to change it then.

Some grants allow a change only of what carries the environment's tag. They are worth as much as the
grants that allow to give that tag: what one role may tag, another may change or delete.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.names import TAG_KEEP_UNTIL, TAG_MANAGED_BY
from tests.support.iam import Policy, listed
from tests.support.policies import policies_of, source_policies_of
from tests.support.service_authorization import reference
from tests.unit.infra.examples import EXAMPLES
from tests.unit.infra.synthesis import cross_account, environment

TAGS: Final = "rds:AddTagsToResource"
CARRIED: Final = f"aws:ResourceTag/{TAG_MANAGED_BY}"
KINDS: Final = ("cluster", "db", "cluster-snapshot")

examples = pytest.mark.parametrize("example", EXAMPLES)


@dataclass(frozen=True)
class TagAndChange:
    """A role that may tag something, and a role that may change what carries the tag."""

    tagger: str
    changer: str
    action: str


@dataclass(frozen=True)
class EnvironmentRoles:
    """The roles of one environment, in its own and in the source accounts."""

    environment: Environment
    policies: Mapping[str, Policy]

    @property
    def tag(self) -> str:
        return self.environment.name_prefix

    def pairs(self, arn: str) -> Iterator[TagAndChange]:
        """Each pair of roles that together can change what nobody has marked."""
        asked = {f"aws:RequestTag/{TAG_MANAGED_BY}": self.tag}
        # Who may tag may give any other tag as well.
        carried = {CARRIED: self.tag, f"aws:ResourceTag/{TAG_KEEP_UNTIL}": "any"}
        taggers = [name for name, each in self.policies.items() if each.allows(TAGS, arn, asked)]
        for tagger in taggers:
            for changer, action in self.changes():
                if self.policies[changer].allows(action, arn, carried):
                    yield TagAndChange(tagger, changer, action)

    def changes(self) -> Iterator[tuple[str, str]]:
        """Each role with each action that it may do to what carries the tag."""
        for name, policy in self.policies.items():
            for statement in _conditional_on_the_tag(policy):
                for pattern in listed(statement["Action"]):
                    for action in reference().actions(pattern):
                        if action.name != TAGS:
                            yield name, action.name

    def is_own(self, arn: str) -> bool:
        """Whether a name is one that the pipeline gives, or that of a target."""
        _, _, _, region, account, kind, name = arn.split(":", 6)
        here = (self.environment.region, self.environment.account)
        prefix = re.escape(self.environment.name_prefix)
        restores = self.environment.restores.values()
        targets = [each.target.cluster_id for each in restores]
        named = [each for name in targets for each in (name, name[:60].rstrip("-"))]
        prefix_of_all = self.environment.target_prefix
        of_prefix = [f"{re.escape(prefix_of_all)}.*"] if prefix_of_all else []
        if (region, account) == here:
            own = {
                "cluster": [
                    *(re.escape(name) for name in targets),
                    *(
                        re.escape(each.target.cluster_id) + "-ar-.{8}(-old)?"
                        for each in restores
                        if each.target.strategy == "switch"
                    ),
                    *of_prefix,
                ],
                "db": [*(rf"{re.escape(name)}(-.*)?" for name in named), *of_prefix],
                "cluster-snapshot": [
                    ".*-copy",
                    *(rf"{re.escape(name[:40].rstrip('-'))}-final-.{{14}}" for name in targets),
                    *(rf"{each}-final-.{{14}}" for each in of_prefix),
                ],
                # People name them, and IAM does not see whose they are. They are made again with
                # the tag; of those that carry it, a switch deletes the old cluster's.
                "cluster-endpoint": [".*"],
            }[kind]
        elif account == self.environment.account:
            own = [rf"{prefix}-step-{here[0]}-.*"] if kind == "cluster-snapshot" else []
        else:
            own = [rf"{prefix}-shared-.*"] if kind == "cluster-snapshot" else []
        return any(re.fullmatch(pattern, name) for pattern in own)


@cache
def roles_of(example: str) -> EnvironmentRoles:
    """The roles of an example."""
    checked = environment(EXAMPLES[example]())
    sources = {account: policy for account, (policy, _) in source_policies_of(checked).items()}
    return EnvironmentRoles(checked, {**policies_of(checked), **sources})


def _conditional_on_the_tag(policy: Policy) -> Iterator[dict[str, object]]:
    for statement in policy.statements:
        conditions = statement.get("Condition", {})
        if statement["Effect"] == "Allow" and CARRIED in conditions.get("StringEquals", {}):
            yield statement


def places_of(roles: EnvironmentRoles) -> list[tuple[str, str]]:
    """Every Region and account in which something of the environment is, and a Region more."""
    own = roles.environment
    sources = [each.source for each in own.restores.values()]
    accounts = {own.account, *(each.account_id or own.account for each in sources)}
    regions = {own.region, *(each.region for each in sources), "ap-south-1"}
    return sorted((region, account) for region in regions for account in accounts)


def names_of(roles: EnvironmentRoles) -> st.SearchStrategy[str]:
    """Names like those that the environment's patterns are about, and others."""
    restores = list(roles.environment.restores.values())
    fragments = sorted(
        {
            *(each.target.cluster_id for each in restores),
            *(each.source.cluster_id for each in restores),
            *(f"{roles.tag}-{kind}-" for kind in ("step", "shared")),
            *(roles.environment.region, "eu-west-2", "-final-", "20260515040000", "-copy", "rds:"),
            *("-", "-1", "-instance-1", "payroll", "2026-05-15", "-ar-", "0a1b2c3d", "-old"),
        }
    )
    return st.lists(st.sampled_from(fragments), min_size=1, max_size=4).map("".join)


@examples
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_can_be_marked_and_then_changed_is_the_pipeline_s_own(
    example: str, data: st.DataObject
) -> None:
    roles = roles_of(example)
    region, account = data.draw(st.sampled_from(places_of(roles)))
    kind = data.draw(st.sampled_from(KINDS))
    arn = f"arn:aws:rds:{region}:{account}:{kind}:{data.draw(names_of(roles))}"

    assert roles.is_own(arn) or list(roles.pairs(arn)) == []


@examples
def test_every_pattern_that_may_be_tagged_is_of_own_names(example: str) -> None:
    """Each with a wildcard begins or ends with what the pipeline gives its names."""
    roles = roles_of(example)
    seen = 0
    for policy in roles.policies.values():
        for statement in policy.statements:
            if statement["Effect"] == "Allow" and TAGS in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    assert roles.is_own(resource.replace("?", "0").replace("*", "x")), resource
                    seen += 1
    assert seen >= len(roles.environment.restores) + 3


@examples
def test_the_pairs_are_there_for_the_pipeline_s_own(example: str) -> None:
    """The pipeline can mark and then delete what it makes, so the rule above is about something."""
    roles = roles_of(example)
    place = f"arn:aws:rds:{roles.environment.region}:{roles.environment.account}"
    (target, *_) = (each.target.cluster_id for each in roles.environment.restores.values())

    # To delete a cluster is, by name, an action on its final snapshot as well.
    of_copy = {each.action for each in roles.pairs(f"{place}:cluster-snapshot:a-copy")}
    assert of_copy - {"rds:DeleteDBCluster"} == {"rds:DeleteDBClusterSnapshot"}
    of_instance = {each.action for each in roles.pairs(f"{place}:db:{target}-1")}
    assert of_instance - {"rds:DeregisterDBProxyTargets"} == {
        "rds:DeleteDBInstance",
        "rds:ModifyDBInstance",
        "rds:RebootDBInstance",
    }


def test_a_cluster_beside_a_switched_target_can_be_marked_and_then_deleted() -> None:
    """By its name alone: a neighbour whose name only begins like the target's can be neither."""
    roles = roles_of("switched")
    place = f"arn:aws:rds:{roles.environment.region}:{roles.environment.account}:cluster"
    (target,) = (each.target.cluster_id for each in roles.environment.restores.values())

    for name in (f"{target}-ar-0a1b2c3d", f"{target}-ar-0a1b2c3d-old"):
        actions = {each.action for each in roles.pairs(f"{place}:{name}")}
        assert {"rds:DeleteDBCluster", "rds:ModifyDBCluster"} <= actions
    for name in (f"{target}-production", f"{target}-ar-1", f"{target}-ar-0a1b2c3d-new"):
        carried = {CARRIED: roles.tag, f"aws:RequestTag/{TAG_MANAGED_BY}": roles.tag}
        for policy in roles.policies.values():
            for action in (TAGS, "rds:DeleteDBCluster", "rds:ModifyDBCluster"):
                assert not policy.allows(action, f"{place}:{name}", carried)


FOREIGN: Final = (
    "db:orders",
    "db:orders-1",
    "db:orders-instance-1",
    "db:payroll-1",
    "cluster:orders",
    "cluster-snapshot:before-the-migration",
    "cluster-snapshot:rds:orders-2026-05-15-03-04",
    "cluster-snapshot:orders-final-20260515040000",
)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_source_beside_its_targets_can_be_neither_marked_nor_changed(name: str) -> None:
    """In the fleet the targets' names begin with the source's, ``orders``."""
    roles = roles_of("fleet")
    arn = f"arn:aws:rds:us-west-2:222222222222:{name}"
    asked = {f"aws:RequestTag/{TAG_MANAGED_BY}": roles.tag}

    for policy in roles.policies.values():
        assert not policy.allows(TAGS, arn, asked)


def test_a_source_whose_name_begins_with_the_target_s_is_denied() -> None:
    """Instances of the source are then named as the target's could be."""
    changes = {
        "restores.staging.source": {"cluster_id": "orders-staging-eu", "region": "eu-west-1"},
        "restores.staging.target.cluster_id": "orders-staging",
    }
    roles = policies_of(environment(cross_account(changes)))
    asked = {f"aws:RequestTag/{TAG_MANAGED_BY}": "orders-restore"}
    carried = {CARRIED: "orders-restore"}

    for name in ("orders-staging-eu", "orders-staging-eu-1", "orders-staging-eu-reader"):
        arn = f"arn:aws:rds:eu-west-1:222222222222:db:{name}"
        assert not any(policy.allows(TAGS, arn, asked) for policy in roles.values())
        assert not any(
            policy.allows("rds:DeleteDBInstance", arn, carried) for policy in roles.values()
        )
    own = "arn:aws:rds:eu-west-1:222222222222:db:orders-staging-1"
    assert roles["check-restore-status"].allows(TAGS, own, asked)
    assert roles["delete-rds"].allows("rds:DeleteDBInstance", own, carried)


def test_environments_of_one_prefix_in_two_regions_have_copies_of_their_own() -> None:
    """Both copy from the same Region by way of this account there."""
    source = "restores.staging.source"
    two_steps = {
        f"{source}.copy_route": "two-steps",
        f"{source}.intermediate_kms_key_id": (
            "arn:aws:kms:eu-central-1:222222222222:key/on-the-way"
        ),
    }
    north = {
        "region": "eu-north-1",
        "network.availability_zones": ["eu-north-1a", "eu-north-1b"],
        "restores.staging.target.kms_key_id": "arn:aws:kms:eu-north-1:222222222222:key/a",
    }
    west = policies_of(environment(cross_account(two_steps)))
    other = policies_of(environment(cross_account({**two_steps, **north})))
    carried = {CARRIED: "orders-restore"}

    def deleted(policies: Mapping[str, Policy], region: str) -> bool:
        copy = (
            "arn:aws:rds:eu-central-1:222222222222:cluster-snapshot:"
            f"orders-restore-step-{region}-production"
        )
        return any(
            policy.allows("rds:DeleteDBClusterSnapshot", copy, carried)
            for policy in policies.values()
        )

    assert (deleted(west, "eu-west-1"), deleted(west, "eu-north-1")) == (True, False)
    assert (deleted(other, "eu-west-1"), deleted(other, "eu-north-1")) == (False, True)
