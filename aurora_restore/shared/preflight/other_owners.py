"""Who else counts the target as its own: CloudFormation, Terraform, or a person.

Their next deployment may undo what a run has done, or delete the cluster. docs/terraform.md says
what to do. CloudFormation marks what it makes; Terraform does not, so what is recognised are the
tags that people give, and tags of the pipeline that are gone.
"""

import re
from collections.abc import Iterator
from typing import Final

from aurora_restore.shared.cluster.ownership import restorer_of
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.rds.tags import tags_of
from aurora_restore.shared.switching.guards import STACK_TAG

_TOOL: Final = re.compile(r"terraform|opentofu|terragrunt|pulumi", re.IGNORECASE)
_PAGE: Final = "docs/terraform.md says what it would do to the new cluster, and how to prevent it"


def who_else_owns(found: Inventory) -> Iterator[str]:
    """Yield a warning for everything that shows another owner of the cluster that serves."""
    cluster = found.cluster
    if cluster is None or cluster["Status"] == DELETING or found.is_own:
        return
    name, tags = cluster["DBClusterIdentifier"], tags_of(cluster.get("TagList"))
    # A switch says more about stacks, and refuses.
    if STACK_TAG in tags and not found.request.restores_beside:
        yield (
            f"cluster {name} belongs to CloudFormation stack {tags[STACK_TAG]}, which takes the "
            f"new cluster of this name for its own; {_PAGE}"
        )
    for key, value in sorted(tags.items()):
        if _TOOL.search(key) or _TOOL.search(value):
            yield f"cluster {name} seems to belong to another tool (tag {key}); {_PAGE}"
    operation = restorer_of(cluster, found.record)
    if operation is not None and not found.request.owner.of_environment(cluster):
        yield (
            f"cluster {name} has lost the tag {TAG_MANAGED_BY} since operation {operation} "
            "restored it, as `terraform apply` removes it; it is put back before the cluster is "
            f"changed; {_PAGE}"
        )
    is_foreign = found.record is not None and found.record.is_foreign(
        cluster.get("DbClusterResourceId")
    )
    if is_foreign and found.request.owner.of_environment(cluster):
        yield (
            f"cluster {name} ({cluster['DbClusterResourceId']}) carries the pipeline's tag, and is "
            "not the one that the pipeline restored: a person has restored it from a snapshot, or "
            "tagged it. It is replaced all the same, after a final snapshot unless none is wanted; "
            f"remove the tag {TAG_MANAGED_BY} to keep it"
        )
