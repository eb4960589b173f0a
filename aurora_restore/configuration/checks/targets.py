"""Faults in what an environment's restores replace, and in the tags that it gets."""

import unicodedata
from collections.abc import Iterator, Mapping

from aurora_restore.configuration.checks.source import is_own
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import OwnQuarantine, Source, Target
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.names import MOST_LETTERS_BESIDE, is_beside


def faults_of_targets(environment: Environment) -> Iterator[Fault]:
    """Yield every target that is another's, endangers a source, or has tags that RDS refuses."""
    yield from _shared_targets(environment)
    yield from _prefix(environment)
    for name, restore in environment.restores.items():
        yield from _sources_to_delete(environment, name)
        yield from _sources_to_adopt(environment, name)
        if restore.target.is_switched:
            yield from _names_beside(environment, name)
        yield from _quarantine(restore.target, f"restores.{name}.target.quarantine")
        yield from _tags(restore.target.tags, f"restores.{name}.target.tags")


def _shared_targets(environment: Environment) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, restore in environment.restores.items():
        cluster = restore.target.cluster_id
        if (other := first.setdefault(cluster.lower(), name)) != name:
            yield Fault(
                f"restores.{name}.target.cluster_id",
                f"{cluster!r} is also the target of the restore {other!r}: "
                "each restore needs a target of its own",
            )


def _prefix(environment: Environment) -> Iterator[Fault]:
    """Yield a fault for a target without the prefix of all, and for a source with it."""
    prefix = environment.target_prefix
    if prefix is None:
        return
    for name, restore in environment.restores.items():
        target = restore.target.cluster_id
        if not target.startswith(prefix):
            yield Fault(
                f"restores.{name}.target.cluster_id",
                f"{target!r} does not begin with `target_prefix`, {prefix!r}, and the roles could "
                "not change it: name it otherwise, or leave out `target_prefix`",
            )
    for name, source in _sources_nearby(environment):
        if source.startswith(prefix):
            yield Fault(
                "target_prefix",
                f"{prefix!r} is also the beginning of {source!r}, the source of the restore "
                f"{name!r}: the roles may change what begins like that; choose another, or leave "
                "it out",
            )


def _sources_to_delete(environment: Environment, name: str) -> Iterator[Fault]:
    """Yield a fault if a target is a source, of this restore or of another."""
    target = environment.restores[name].target.cluster_id
    of = [other for other, source in _sources_nearby(environment) if source == target.lower()]
    if of:
        whose = "itself" if name in of else f"of the restore {of[0]!r}"
        yield Fault(
            f"restores.{name}.target.cluster_id",
            f"{target!r} is the source {whose}: the pipeline would delete what it is to copy; "
            "name another cluster, or put that restore into an environment of its own",
        )


def _sources_to_adopt(environment: Environment, name: str) -> Iterator[Fault]:
    """Yield a fault if adopting a target would let the pipeline delete a source's instances."""
    target = environment.restores[name].target
    if not target.adopt:
        return
    for other, source in _sources_nearby(environment):
        if source.startswith(f"{target.cluster_id.lower()}-"):
            yield Fault(
                f"restores.{name}.target.adopt",
                f"would let the pipeline delete the instances of {source!r}, the source of the "
                f"restore {other!r}, whose name begins with the target's: leave it out, and tag "
                "the target and its instances instead",
            )
            return


def _names_beside(environment: Environment, name: str) -> Iterator[Fault]:
    """Yield a fault if clusters beside a target would have no names, or names of others."""
    target, path = environment.restores[name].target.cluster_id, f"restores.{name}.target"
    if len(target) > MOST_LETTERS_BESIDE:
        yield Fault(
            f"{path}.cluster_id",
            f'{target!r} has {len(target)} characters: with `strategy` "switch" it has at most '
            f"{MOST_LETTERS_BESIDE}, so that the clusters beside it have names",
        )
    sources = ((other, "source", each) for other, each in _sources_nearby(environment))
    targets = (
        (other, "target", restore.target.cluster_id)
        for other, restore in environment.restores.items()
    )
    for other, what, cluster in (*sources, *targets):
        if is_beside(target, cluster):
            yield Fault(
                f"{path}.strategy",
                f'"switch" would give clusters beside {target!r} names like {cluster!r}, the '
                f"{what} of the restore {other!r}, and delete what has such a name: name one of "
                "the two otherwise",
            )


def _quarantine(target: Target, path: str) -> Iterator[Fault]:
    """Yield a fault for a final security group that is to be one of the quarantine's as well."""
    if not isinstance(target.quarantine, OwnQuarantine):
        return
    for group in target.quarantine.security_group_ids:
        if group in target.vpc_security_group_ids:
            yield Fault(
                f"{path}.security_group_ids",
                f"{group!r} is also one of `vpc_security_group_ids`, which the cluster gets only "
                "once it is handed over: name another",
            )


def _sources_nearby(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield each restore whose source is where the targets are, and its cluster in lower case.

    RDS ignores upper and lower case in identifiers.
    """
    for name, restore in environment.restores.items():
        if _is_nearby(environment, restore.source):
            yield name, restore.source.cluster_id.lower()


def _is_nearby(environment: Environment, source: Source) -> bool:
    return is_own(environment, source) and source.region == environment.region


def _tags(tags: Mapping[str, str], path: str) -> Iterator[Fault]:
    """Yield each tag that RDS refuses: beyond ASCII it takes letters, digits and spaces."""
    for key, value in tags.items():
        refused = [each for each in key + value if ord(each) > 127 and not _is_taken(each)]
        if refused:
            yield Fault(f"{path}.{key}", f"{refused[0]!r} cannot be in a tag: leave it out")


def _is_taken(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNZ"
