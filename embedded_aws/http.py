"""Plain requests to the servers of the embedded AWS, past any proxy."""

import urllib.error
import urllib.request

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, *, timeout: float = 10.0) -> bytes:
    """The body of a page."""
    with _opener.open(url, timeout=timeout) as answer:
        body: bytes = answer.read()
        return body


def answers(url: str) -> bool:
    """Whether a page can be had at this moment."""
    try:
        get(url, timeout=2.0)
    except (urllib.error.URLError, OSError):
        return False
    return True
