"""Plain requests to the servers of the embedded AWS, past any proxy."""

import urllib.error
import urllib.request

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, *, timeout: float = 10.0) -> bytes:
    """Return the body of a page."""
    with _opener.open(url, timeout=timeout) as response:
        body: bytes = response.read()
        return body


def is_available(url: str) -> bool:
    """Return whether the page is available now."""
    try:
        get(url, timeout=2.0)
    except (urllib.error.URLError, OSError):
        return False
    return True
