"""TLS of PostgreSQL: the context that verifies a server, and the names in its certificate."""

import socket
import ssl
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from aurora_restore.shared.errors import ConfigurationError

# https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_ACCEPTED: Final = b"S"
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h, for
# which the ssl module has no constants.
_OF_ANOTHER_NAME: Final = frozenset({62, 64})
_NAMES: Final = frozenset({"DNS", "IP Address"})


@lru_cache(maxsize=1)
def verifying_context(ca_bundle: str) -> ssl.SSLContext:
    """Return a context that trusts the authorities of ``ca_bundle``, and verifies host names.

    All sessions of a function share one, which nobody may change: the bundle of RDS has more than a
    hundred authorities, which take a while to be read. Raises ConfigurationError if that is not a
    PEM text.
    """
    return own_verifying_context(ca_bundle)


def own_verifying_context(ca_bundle: str) -> ssl.SSLContext:
    """Return such a context that nobody else uses, so that it may be changed."""
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except ssl.SSLError as error:
        raise ConfigurationError(f"the CA bundle is not a PEM file: {error}") from error


def opened_socket(host: str, port: int, timeout: float) -> socket.socket:
    """Return a socket that is connected to a server, as pg8000 opens it. Raises OSError."""
    opened = socket.create_connection((host, port), timeout)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return opened


def find_certified_names(
    host: str, port: int, context: ssl.SSLContext, timeout: float, *, of_host: bool
) -> tuple[str, ...] | None:
    """Return the names that a server's certificate has, without logging in.

    With ``of_host`` it must have the name ``host``; None if that alone is wrong with it. The
    context may be changed. Raises OSError, for one ssl.SSLCertVerificationError if the certificate
    is not to be trusted under any name.
    """
    context.check_hostname = of_host
    with opened_socket(host, port, timeout) as plain:
        plain.sendall(_REQUEST)
        if plain.recv(1) != _ACCEPTED:
            raise ConnectionError("the server does not offer TLS")
        try:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return _names_of(secured)
        except ssl.SSLCertVerificationError as error:
            # OpenSSL stops at the first fault that it finds, and checks dates and signatures after
            # the name, so that a wrong name does not mean that all else is right.
            if of_host and error.verify_code in _OF_ANOTHER_NAME:
                return None
            raise


def _names_of(secured: ssl.SSLSocket) -> tuple[str, ...]:
    certificate: Mapping[str, Any] = secured.getpeercert() or {}
    return tuple(name for kind, name in certificate.get("subjectAltName", ()) if kind in _NAMES)
