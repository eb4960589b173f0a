"""Which cluster a server is of, by its certificate, before anybody logs in to it.

A cluster's certificate has the exact names that its endpoints had when it was issued. A cluster
that has got another name since keeps it until AWS issues a new one, so a client that verifies the
name may be refused, although it has reached the right cluster:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import ForeignCertificateError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres.connection import DatabaseServer


@dataclass(frozen=True, kw_only=True)
class CertifiedServer:
    """A server whose certificate is one of the cluster that is meant."""

    server: DatabaseServer
    """How to log in to it so that TLS is fully verified, if need be under the other name."""
    names: tuple[str, ...]
    """The names that its certificate has."""

    @property
    def names_match(self) -> bool:
        """Whether the host is among them, so that clients that verify the name are let in."""
        return self.server.certified_as is None


def certify(server: DatabaseServer, own_names: Iterable[str]) -> CertifiedServer:
    """Return a server whose certificate is for its host, or else for one of ``own_names``.

    Those are other names of the very cluster. Nobody logs in. Raises ForeignCertificateError if
    the certificate is for none of them, and DatabaseConnectionError if there is no server or the
    certificate cannot be trusted.
    """
    names = server.find_certified_names(of_host=True)
    if names is not None:
        return CertifiedServer(server=server, names=names)
    names = server.find_certified_names(of_host=False) or ()
    known = choose_name(names, own_names)
    if known is None:
        listed = NameList.of(names)
        raise ForeignCertificateError(
            f"{server.host}:{server.port} shows the certificate of another cluster: it is for "
            f"{listed}",
            host=server.host,
            names=to_json(listed),
        )
    return CertifiedServer(server=replace(server, certified_as=known), names=names)


def choose_name(certified: Iterable[str], own_names: Iterable[str]) -> str | None:
    """Return the first of ``own_names`` for which a certificate is, whatever the case."""
    held = {name.lower() for name in certified}
    return next((name for name in own_names if name.lower() in held), None)
