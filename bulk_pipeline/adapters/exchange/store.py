"""What an exchange lies on: objects under names, each written whole or not at all."""

from typing import Protocol

from bulk_pipeline.core.errors import TransientError


class ObjectMissing(TransientError):
    """An object is not there; the next attempt at its batch writes it again."""


class StoreBusy(TransientError):
    """The store does not answer, or turns everybody away for now: asked again."""


class Store(Protocol):
    """Objects of one exchange.

    Names have no ``..`` and no leading ``/``. Every call may raise ``StoreBusy``, or
    ``PermanentError`` for what asking again cannot clear.
    """

    def read(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissing: there is none.
        """

    def write(self, name: str, content: bytes) -> None:
        """Put an object in place; a reader sees the old or the new one, never half."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """Name → bytes of the objects in a folder of names; "" for all of them."""

    def remove(self, names: list[str]) -> None:
        """Remove objects; one that is not there is no error."""


def missing(name: str) -> ObjectMissing:
    """The error for an object that is not there; names it and the cure."""
    return ObjectMissing(
        f"{name} is not in the exchange (BULK_PIPELINE_CHUNKS_URL): it was removed, or "
        "this machine looks elsewhere. A batch that waits is sent again by itself; "
        "else materialise batch_predictions of this batch again."
    )
