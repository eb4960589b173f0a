"""An environment with more restores like its own, to know for how many there is room."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Final

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.restore_secrets import OwnSecrets
from aurora_restore.shared.documents.switch import Cname

_MARK: Final = "."
"""In no name of a restore or a cluster that a configuration may give."""


def enlarged(environment: Environment, restores: int) -> Environment:
    """Return the environment with so many restores: its own, and others like them.

    The others have clusters, secrets and records of other names, which are as long. Restores that
    share a source or a secret are followed by others that share one.
    """
    return replace(environment, restores=dict(islice(_rounds(environment), restores)))


def _rounds(environment: Environment) -> Iterator[tuple[str, Restore]]:
    """Yield an environment's restores, and then others like them without an end."""
    yield from environment.restores.items()
    for number in count(1):
        for name, restore in environment.restores.items():
            yield f"{name}{_MARK}{number}", _like(restore, f"{_MARK}{number}")


def _like(restore: Restore, mark: str) -> Restore:
    source, target, switch = restore.source, restore.target, restore.switch
    return replace(
        restore,
        source=replace(source, cluster_id=_marked(source.cluster_id, mark)),
        target=replace(target, cluster_id=_marked(target.cluster_id, mark)),
        secrets=_secrets_like(restore.secrets, mark),
        switch=replace(switch, cname=switch.cname and _records_like(switch.cname, mark)),
    )


def _secrets_like(secrets: OwnSecrets, mark: str) -> OwnSecrets:
    return replace(
        secrets,
        master=secrets.master and _marked(secrets.master, mark),
        app=secrets.app and _marked(secrets.app, mark),
    )


def _records_like(cname: Cname, mark: str) -> Cname:
    return replace(
        cname,
        name=_marked(cname.name, mark),
        reader_name=cname.reader_name and _marked(cname.reader_name, mark),
    )


def _marked(name_or_arn: str, mark: str) -> str:
    """Return another name, as long as the given one if that is long enough.

    It differs at the beginning: names that are derived are cut off at the end, and a target may
    begin with its source's name.
    """
    place, colon, name = name_or_arn.rpartition(":")
    return f"{place}{colon}{mark}{name[len(mark) :]}"
