"""One exchange: verified reads, calls that are tried again, work in threads."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from bulk_pipeline.adapters.exchange.store import Store, StoreBusy
from bulk_pipeline.adapters.failures import attempts
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError, TransientError

T = TypeVar("T")
Item = TypeVar("Item")
AT_ONCE = 4
"""Objects on their way at a time; each is held in memory whole."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 10.0
FOLDER = "file://"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Objects by name, each call tried again while the store is busy.

    Attributes:
        store: what they lie on.
        tries: attempts at each call.
    """

    store: Store
    tries: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The exchange of the settings.

        Raises:
            ConfigurationError: there is none, or it cannot be opened here.
        """
        url = settings.chunks_url
        if not url:
            raise ConfigurationError(
                "BULK_PIPELINE_CHUNKS_URL is not set on this machine. Set it to what "
                "the machine of the home has."
            )
        if url.startswith(FOLDER):
            from bulk_pipeline.adapters.exchange.folder import (  # noqa: PLC0415
                FolderStore,  # one of the two
            )

            return cls(FolderStore(Path(url.removeprefix(FOLDER))), settings.retries)
        from bulk_pipeline.adapters.exchange.objects import (  # noqa: PLC0415
            ObjectStore,  # one of the two
            tried_by_driver,
        )

        return cls(ObjectStore(url), 1 if tried_by_driver(url) else settings.retries)

    def read(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissing: there is none.
            StoreBusy: the store did not give it in any attempt.
            PermanentError: it never will.
        """
        return self._persistently(lambda: self.store.read(name))

    def verified(self, name: str, size: int, sha256: str) -> bytes:
        """The bytes of an object of which is known what they must be.

        Raises:
            TransientError: they are others; names the object. Also as ``read``.
        """
        content = self.read(name)
        if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
            raise damaged(name)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object in place whole; raises as ``read`` does."""
        self._persistently(lambda: self.store.write(name, content))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Name → bytes of the objects in a folder of names; raises as ``read`` does."""
        return self._persistently(lambda: self.store.sizes(prefix))

    def remove(self, names: list[str]) -> None:
        """Remove objects; raises as ``read`` does."""
        self._persistently(lambda: self.store.remove(names))

    def _persistently(self, work: Callable[[], T]) -> T:
        for attempt in attempts(
            StoreBusy, self.tries, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS
        ):
            with attempt:
                return work()
        raise AssertionError  # stamina returns or raises


def each(work: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """The results of some work, in order, a few items at a time in threads.

    The first error comes out, and what had not begun by then is left undone.
    """
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(threads.map(work, items))
    finally:
        threads.shutdown(cancel_futures=True)


def damaged(name: str) -> TransientError:
    """The error for an object that is not what it should be; names it and the cure."""
    return TransientError(
        f"{name} in the exchange (BULK_PIPELINE_CHUNKS_URL) is damaged. A batch that "
        "waits is sent again by itself; else materialise batch_predictions of this "
        "batch again."
    )
