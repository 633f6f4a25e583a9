"""An exchange in a bucket or container, through fsspec."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from bulk_pipeline.adapters.exchange.object_errors import said, translated
from bulk_pipeline.core.errors import ConfigurationError

PACKAGES = {"s3": "s3fs", "abfs": "adlfs"}
"""Protocol → what fsspec needs for it."""
REMOVED_AT_ONCE = 1000
"""What S3 takes in one call."""
_AZURE_WAITS = {"connection_timeout": 5, "read_timeout": 10}
"""Seconds for a connection and for the next bytes; by itself it waits 20 and 60."""

ANSWER_SECONDS, LISTING_SECONDS = 15.0, 60.0
"""How long an answer to an object, or to a listing, may take. No timeout of the drivers
ends the wait for a store that takes a connection and says nothing: s3fs asks whether it
may send (``Expect: 100-continue``), adlfs gives listings none."""
_SLOWEST_BYTES_PER_SECOND = 250_000
"""Of a link that is served; beyond the answer, an object has as long as that takes."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Objects below a URL. One is put by one call, and is there whole or not at all."""

    url: str
    _files: Any = field(init=False, repr=False, compare=False)
    _root: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_package(self.url)
        try:
            files, root = _opened(self.url)
        except (ValueError, ImportError) as error:
            raise ConfigurationError(
                f"BULK_PIPELINE_CHUNKS_URL cannot be opened ({said(error)}). Set "
                "AWS_* or AZURE_STORAGE_* as s3fs or adlfs read them."
            ) from None
        object.__setattr__(self, "_files", files)
        object.__setattr__(self, "_root", root.rstrip("/"))

    def read(self, name: str) -> bytes:
        """An object's bytes by one call; see ``Store``."""
        with translated(name):
            content: bytes = self._files.cat_file(self._path(name), max_concurrency=1)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object; see ``Store``."""
        seconds = ANSWER_SECONDS + len(content) / _SLOWEST_BYTES_PER_SECOND
        with translated(name):
            self._within(
                seconds,
                self._files._pipe_file,  # noqa: SLF001  # fsspec's awaitable form
                self._path(name),
                content,
            )

    def sizes(self, prefix: str) -> dict[str, int]:
        """Sizes of the objects below a prefix; see ``Store``."""
        with translated(prefix or self.url):
            folder = self._path(prefix).rstrip("/")
            found = self._within(
                LISTING_SECONDS,
                self._files._find,  # noqa: SLF001  # as above
                folder,
                detail=True,
            )
        above = len(self._root) + 1
        return {path[above:]: int(info["size"]) for path, info in found.items()}

    def remove(self, names: list[str]) -> None:
        """Remove objects, many by one call; see ``Store``."""
        for start in range(0, len(names), REMOVED_AT_ONCE):
            some = names[start : start + REMOVED_AT_ONCE]
            with translated(some[0]):
                self._files.rm([self._path(name) for name in some])

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _within(
        self, seconds: float, work: Callable[..., Any], *given: Any, **options: Any
    ) -> Any:
        """Do one call of the driver, and give it up after a time.

        Raises:
            TimeoutError: it was given up.
        """
        from fsspec.asyn import (  # type: ignore[import-untyped]  # noqa: PLC0415
            sync,  # only where an exchange is
        )

        return sync(self._files.loop, work, *given, timeout=seconds, **options)


def tried_by_driver(url: str) -> bool:
    """Whether a driver tries each call again, and cannot be told not to.

    That of Azure tries four times, and waits for more than a minute between them.
    https://learn.microsoft.com/azure/storage/blobs/storage-retry-policy-python
    """
    return url.startswith("abfs://")


def _opened(url: str) -> tuple[Any, str]:
    """What fsspec makes of a URL: its files, and the name of the folder."""
    from fsspec import (  # type: ignore[import-untyped]  # noqa: PLC0415
        url_to_fs,  # only where an exchange is
    )
    from fsspec.config import (  # type: ignore[import-untyped]  # noqa: PLC0415
        conf,  # as above
    )

    # Listings that are remembered hide what other machines wrote since.
    options = {"skip_instance_cache": True, "use_listings_cache": False}
    if tried_by_driver(url):
        return url_to_fs(url, **options, **_AZURE_WAITS)  # type: ignore[no-any-return]
    # s3fs and botocore would try again five times each, and each time of the other.
    given = conf.get("s3", {}).get("config_kwargs", {})
    once = {**given, "retries": {"total_max_attempts": 1}}
    files, root = url_to_fs(url, **options, config_kwargs=once)
    files.retries = 1
    return files, root


def require_package(url: str) -> None:
    """Refuse a protocol whose package is not installed.

    Raises:
        ConfigurationError: names it and the extra that brings it.
    """
    package = PACKAGES[url.partition("://")[0]]
    for needed in ("fsspec", package):
        if find_spec(needed) is None:
            raise ConfigurationError(
                f"BULK_PIPELINE_CHUNKS_URL needs {needed}, which is not installed. "
                "Install it: pip install 'bulk-pipeline[scale]'."
            )
