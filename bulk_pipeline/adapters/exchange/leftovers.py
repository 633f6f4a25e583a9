"""What batches have in the exchange: found by its names, and removed.

Only what this home sent, or a worker wrote for it, is ever touched: a name counts if it
has the whole form of ours and the digits of this home's id.
"""

import re
from collections.abc import Callable

from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.exchange.plan import HOME_DIGITS, PLAN_DIGITS
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.wording import amount

_NAME = re.compile(
    r"(?P<batch>\d{8}T\d{6}Z-[0-9a-f]{6}-[a-z0-9-]{1,64})"
    rf"/(?P<home>[0-9a-f]{{{HOME_DIGITS}}})_[0-9a-f]{{{PLAN_DIGITS}}}"
    r"/(?:plan\.json|span_\d+\.json|(?:rows|scores)/chunk-\d{5,}\.arrow"
    r"|(?:(?:rows|scores)/)?\.[a-z_\d.-]{1,64}\.partial)"
)


def sent_batches(exchange: Exchange, home_id: str) -> dict[str, dict[str, int]]:
    """Batch → its objects and their bytes, of all that this home has in the exchange.

    Raises:
        TransientError: the store is busy.
        PermanentError: it cannot be used.
    """
    return _ours(exchange.sizes(), home_id)


def remove_batch(
    exchange: Exchange,
    home_id: str,
    batch: str,
    still_due: Callable[[], bool] = lambda: True,
) -> int:
    """Remove what this home has of a batch in the exchange, its plans first.

    Args:
        exchange: where.
        home_id: of this home.
        batch: key of the batch.
        still_due: asked once its objects are known.

    Returns:
        Bytes that were freed.

    Raises:
        TransientError: the store is busy, or kept something.
        PermanentError: the store cannot be used.
    """
    objects = _ours(exchange.sizes(batch), home_id).get(batch, {})
    if not objects or not still_due():
        return 0
    # Without its plan a batch is gone for every worker, whatever cuts this short.
    exchange.remove(sorted(objects, key=lambda name: not name.endswith("/plan.json")))
    left = _ours(exchange.sizes(batch), home_id).get(batch, {})
    if kept := objects.keys() & left.keys():
        raise TransientError(
            f"The store kept {amount(len(kept), 'object')} of batch {batch} in the "
            "exchange. Check that the login may delete."
        )
    return sum(objects.values())


def _ours(sizes: dict[str, int], home_id: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, size in sizes.items():
        matched = _NAME.fullmatch(name)
        if matched and matched["home"] == home_id[:HOME_DIGITS]:
            found.setdefault(matched["batch"], {})[name] = size
    return found
