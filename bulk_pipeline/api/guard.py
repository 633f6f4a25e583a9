"""What every request passes before anything else looks at it, and every answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from bulk_pipeline.api.bodies import Body, ClientGone
from bulk_pipeline.api.door import ANYBODY, Door
from bulk_pipeline.api.origins import require_own, require_own_fetch
from bulk_pipeline.api.rates import Rates
from bulk_pipeline.api.refusals import Refusal, later, refusal_of
from bulk_pipeline.core.errors import BulkPipelineError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/", "/favicon.ico", "/health", "/openapi.json")
OPEN_BELOW = "/page/"
"""What holds no data and starts nothing; all else needs a token, whatever it is."""
USER_KEY = "user"
HEADER_BYTES = 16 * 1024
"""Of a whole request before its body: path, names and values."""
UPLOADING = "/api/v1/ultra/process-excel"
ACCESS = logging.getLogger(f"{__name__}.access")
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass
class Guard:
    """Wraps the application: Host, Origin, token, rate, size, time, headers, log."""

    app: App
    door: Door

    def __post_init__(self) -> None:
        self._rates = Rates(self.door.installation.settings.api_requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        headers: dict[str, str] = {}
        body = Body(receive)
        try:
            headers = _texts(scope)
            user = self._admitted(scope, headers)
            uploading = scope["path"] == UPLOADING and scope["method"] == "POST"
            if _has_body(headers) and not uploading:
                receive = await body.small()
        except ClientGone:
            return
        except (Refusal, BulkPipelineError) as error:
            if _has_body(headers) and "expect" not in headers:
                await body.drain()
            await refusal_of(error).response()(scope, receive, answer)
        else:
            scope.setdefault("state", {})[USER_KEY] = answer.user = user
            try:
                await self.app(scope, receive, answer)
            except asyncio.CancelledError:
                # The server stops and waits no longer; the client shall hear why.
                if not answer.status:
                    await later(503, "The server stops.").response()(
                        scope, receive, answer
                    )
        finally:
            answer.log()

    def _admitted(self, scope: Scope, headers: dict[str, str]) -> str:
        """The user of a request; "" for what is open to everybody.

        Raises:
            Refusal: 400, 401, 403 or 429.
            ConfigurationError: the tokens cannot be read.
        """
        door = self.door
        anybody = door.loopback and not door.tokens.all()
        require_own(headers, local_port=door.port if anybody else None)
        address = f"address {(scope.get('client') or ('',))[0]}"
        if scope["path"] in OPEN or scope["path"].startswith(OPEN_BELOW):
            self._count(address)
            return ""
        require_own_fetch(headers)
        if anybody:
            self._count(address)
            return ANYBODY
        scheme, _, token = headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and door.tokens.user_of(token.strip())
        self._count(f"user {known}" if known else address)
        if not known:
            raise Refusal(
                401,
                "A token is needed, and this is none that is known.",
                "Send the header 'Authorization: Bearer TOKEN'. The operator makes one "
                "by `bulk-pipeline tokens add USER`.",
                {"WWW-Authenticate": "Bearer"},
            )
        return known

    def _count(self, who: str) -> None:
        if seconds := self._rates.wait_seconds(who):
            raise later(429, "Too many requests in a short time.", seconds)


class _Answer:
    """Sends an answer with the headers of all answers, and notes it for the log."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._began = time.monotonic()
        self.user = ""
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Pass one message of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message.get("headers", ())}
            ours = {**_HEADERS, "cache-control": "no-store"}
            added = [(n.encode(), v.encode()) for n, v in ours.items()]
            message["headers"] = [
                *message.get("headers", ()),
                *(pair for pair in added if pair[0] not in given),
            ]
        await self._send(message)

    def log(self) -> None:
        """One line: no query, no header, no body; the path as a literal."""
        ACCESS.info(
            "%s %.200r %d %s %.3f s",
            self._scope["method"],
            self._scope["path"],
            self.status,
            self.user or "-",
            time.monotonic() - self._began,
        )


def _has_body(headers: dict[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _texts(scope: Scope) -> dict[str, str]:
    """The headers as texts.

    Raises:
        Refusal: they are too large, one that decides who asks is there twice, or two
            of them say where the body ends.
    """
    found: dict[str, str] = {}
    size = sum(len(raw) + len(value) for raw, value in scope["headers"])
    if size + len(scope.get("raw_path") or b"") > HEADER_BYTES:
        said = f"Path and headers are beyond {HEADER_BYTES:,} bytes."
        raise Refusal(431, said, "Send fewer or shorter ones.")
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found and name in ("host", "origin", "authorization"):
            raise Refusal(400, f"The header {name} is there twice.", "Send it once.")
        found[name] = value.decode("latin-1")
    if "content-length" in found and "transfer-encoding" in found:
        # A proxy may believe the other one, and take the rest for a second request.
        said = "Content-Length and Transfer-Encoding exclude each other."
        raise Refusal(400, said, "Send one of the two.", {"Connection": "close"})
    return found
