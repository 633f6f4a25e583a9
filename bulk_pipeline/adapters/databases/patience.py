"""How long a refused login may be that of a server which is still starting up."""

import time
from types import TracebackType
from typing import Self

from bulk_pipeline.core.errors import DatabaseLeftAlone, LoginRefused


class Patience:
    """Context manager around each attempt at one piece of work.

    A refused login is transient until it has been refused for all the grace time. A
    breaker that opens meanwhile is no answer of the server and ends nothing.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._first_refusal: float | None = None
        self._refusal: LoginRefused | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, LoginRefused):
            self._refusal = error
        elif not isinstance(error, DatabaseLeftAlone):
            self._first_refusal = self._refusal = None
        if self._refusal is None:
            return
        now = time.monotonic()
        if self._first_refusal is None:
            self._first_refusal = now
        if now - self._first_refusal >= self._grace_seconds:
            from bulk_pipeline.adapters.sqlserver_errors import (  # noqa: PLC0415
                permanent_login_refusal,  # SQLite refuses no login
            )

            raise permanent_login_refusal(self._refusal) from error
