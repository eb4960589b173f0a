"""The certificate authorities of the database: which are current, and for which Region they are."""

import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

RDS_BUNDLES: Final = (
    "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html"
)
"""Where AWS lists the bundles of each Region."""

RDS_AUTHORITIES: Final = Path(__file__).with_name("rds-authorities.pem")
"""Those of Amazon RDS; ``python -m aurora_restore.reference.rds_authorities`` writes it."""

_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL
)
# Those of Amazon RDS say whose they are, as in "Amazon RDS eu-west-1 Root CA RSA2048 G1". Of the
# same kind are those of its beta and preview: "Amazon RDS Beta us-east-1 Root CA RSA2048 G1".
_OF_RDS: Final = re.compile(r"Amazon RDS (?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+)? ?.*")


@dataclass(frozen=True)
class CertificateAuthority:
    """A certificate authority."""

    pem: str
    name: str
    expires: datetime

    @property
    def is_of_rds(self) -> bool:
        """Return whether it is one of Amazon RDS's own."""
        return _OF_RDS.fullmatch(self.name) is not None

    @property
    def region(self) -> str | None:
        """Return the Region whose databases it signs for; None if it names none."""
        named = _OF_RDS.fullmatch(self.name)
        return named["region"] if named else None


def parse_authorities(bundle: str) -> list[CertificateAuthority]:
    """Return the certificate authorities in a PEM bundle.

    Raises ValueError (or ssl.SSLError, which is one) if it holds anything that is no certificate,
    or none at all.
    """
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=bundle)
    return [authority for pem in _CERTIFICATE.findall(bundle) for authority in _authorities_in(pem)]


def _authorities_in(pem: str) -> Iterator[CertificateAuthority]:
    """Return the authority that a certificate is of; none if it is of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    for certificate in context.get_ca_certs():
        names: Any = certificate.get("subject", ())
        subject = dict(pair for pairs in names for pair in pairs)
        expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        yield CertificateAuthority(
            pem=pem,
            name=str(subject.get("commonName", "")),
            expires=datetime.fromtimestamp(expires, UTC),
        )


def rds_authorities() -> str:
    """Return the certificate authorities of Amazon RDS that come with this package, in PEM.

    Some of them have expired, and new Regions are missing.
    """
    return RDS_AUTHORITIES.read_text(encoding="ascii")


def current_authorities(
    authorities: Iterable[CertificateAuthority], moment: datetime
) -> list[CertificateAuthority]:
    """Return those that have not expired."""
    return [each for each in authorities if each.expires > moment]


def fault_of_authorities(authorities: Iterable[CertificateAuthority], region: str) -> str | None:
    """Return why a bundle's current authorities cannot prove a database of a Region, if so.

    Authorities that are not those of Amazon RDS are taken as they are: they may be those of
    whatever stands in front of the database.
    """
    current = list(authorities)
    if not current:
        return "holds no certificate authority that has not expired"
    if all(each.is_of_rds for each in current) and region not in {each.region for each in current}:
        return (
            f"holds no current certificate authority of Amazon RDS for {region}, so that no login "
            "to a database there could succeed"
        )
    return None
