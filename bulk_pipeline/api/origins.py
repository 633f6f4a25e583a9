"""Whether a request comes from our own page or a program, not from a foreign page.

A browser sends what any page tells it to, to the loopback address, too. What it says
about that page (Origin, Sec-Fetch-Site) no page can change; and a page whose name was
made to mean this machine (DNS rebinding) gives itself away by the Host.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bulk_pipeline.api.refusals import Refusal

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HTTP_PORT = 80
_FOREIGN = ("cross-site", "same-site")
_CURE = "Open the page at the address that `bulk-pipeline serve-api` printed."


def require_own(headers: Mapping[str, str], *, local_port: int | None) -> None:
    """Refuse what a foreign page sent.

    Args:
        headers: of the request, names in lower case.
        local_port: our port where only this machine may ask, without a token; None
            where tokens are asked for, and any name may lead here.

    Raises:
        Refusal: 403.
    """
    host = headers.get("host", "").lower()
    if local_port is not None and host not in _local_hosts(local_port):
        raise Refusal(403, "The Host of this request is not this machine.", _CURE)
    origin = headers.get("origin")
    if origin is not None and (not host or _place(origin) != host):
        raise Refusal(403, "A page of another origin sent this request.", _CURE)


def require_own_fetch(headers: Mapping[str, str]) -> None:
    """Refuse what a foreign page embeds or fetches, which has no Origin for a GET.

    Raises:
        Refusal: 403.
    """
    if headers.get("sec-fetch-site", "").lower() in _FOREIGN:
        raise Refusal(403, "A page of another site sent this request.", _CURE)


def _local_hosts(port: int) -> set[str]:
    hosts = {f"{name}:{port}" for name in _LOCAL}
    return hosts | set(_LOCAL) if port == _HTTP_PORT else hosts


def _place(origin: str) -> str:
    """Host and port of an origin; a proxy may have added the S of its HTTPS."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return ""
