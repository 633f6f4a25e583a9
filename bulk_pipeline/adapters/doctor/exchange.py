"""The exchange: whether this machine can write, list, read and delete there."""

import secrets
from collections.abc import Iterator

from bulk_pipeline.adapters.doctor.places import PREFIX, TRIED_BYTES
from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Area, Finding, failure, fine

TRIED = "doctor"
"""Folder of names for what is tried."""


def exchange_findings(settings: Settings) -> Iterator[Finding]:
    """Whether an object can be put into the exchange, found, read and removed again.

    Args:
        settings: of this process, with ``chunks_url``.

    Raises:
        BulkPipelineError: it cannot; says why. A package that its protocol needs is
            named with the extra that brings it.
    """
    exchange = Exchange.of(settings)
    name = f"{TRIED}/{PREFIX}{secrets.token_hex(8)}"
    content = secrets.token_bytes(TRIED_BYTES)
    exchange.write(name, content)
    try:
        whole = exchange.sizes(TRIED).get(name) == len(content)
        whole = whole and exchange.read(name) == content
    finally:
        exchange.remove([name])
    where = f"The exchange {settings.chunks_url}"
    if name in exchange.sizes(TRIED):
        yield failure(
            Area.HOME,
            f"{where} keeps what is deleted.",
            "Grant the login that it may delete, or housekeeping removes nothing.",
        )
    elif not whole:
        yield failure(
            Area.HOME,
            f"{where} gives back something else than was written.",
            "Use a store that shows an object as soon as it is written.",
        )
    else:
        yield fine(Area.HOME, f"{where} can be written, listed, read and cleaned.")
