"""Who may use the upload API: users and the hashes of their tokens, in the home.

A token is 256 random bits, so that one round of SHA-256 hides it as well as a slow hash
would. The token itself is shown once and stored nowhere.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.home import Home, make_home
from bulk_pipeline.adapters.locks import FileLock
from bulk_pipeline.core.errors import ConfigurationError, TransientError

USER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""Names that are safe as a folder of the inbox, in a log and in an address."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN_BYTES = 32
_LOCK_TRIES, _LOCK_SECONDS = 100, 0.05


@dataclass(frozen=True, slots=True)
class Token:
    """What is stored of a token.

    Attributes:
        user: whose it is.
        sha256: hex hash of it.
        made_at: moment, UTC, ISO 8601.
    """

    user: str
    sha256: str
    made_at: str

    @property
    def id(self) -> str:
        """Enough of the hash to tell tokens of one user apart."""
        return self.sha256[:8]


class Tokens:
    """The tokens of one home; what another process changes is seen at once."""

    def __init__(self, home: Home) -> None:
        self.path = home.root / "api_tokens.json"
        self._seen: tuple[int, int, int] | None = None
        self._known: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """Every token, first made first.

        Raises:
            ConfigurationError: the file cannot be read; nobody is let in then.
        """
        try:
            found = self.path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp != self._seen:
                self._known = tuple(_read(self.path))
                self._seen = stamp
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(
                f"{self.path} cannot be read as tokens. Move it away and make the "
                "tokens anew with `bulk-pipeline tokens add`."
            ) from error
        return self._known

    def user_of(self, token: str) -> str | None:
        """Whose token this is; every stored hash is compared, in constant time."""
        given = _hash(token)
        found = None
        for known in self.all():
            if hmac.compare_digest(known.sha256, given):
                found = known.user
        return found

    def add(self, user: str) -> str:
        """A new token of a user, who may have others.

        Returns:
            The token, which cannot be had again.

        Raises:
            ConfigurationError: the name is none for a user.
        """
        if not USER.fullmatch(user):
            raise ConfigurationError(
                f"{user!r} is no name for a user. Use 1 to 32 of a-z, 0-9 and hyphens, "
                "no hyphen first; it is the subfolder of the inbox, too."
            )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._changing():
            made = Token(user, _hash(token), datetime.now(UTC).isoformat())
            self._write([*self.all(), made])
        return token

    def remove(self, user: str, token_id: str | None = None) -> int:
        """Remove the tokens of a user, or one of them; they are void at once.

        Returns:
            How many were removed.

        Raises:
            ConfigurationError: there is none of that user or id.
        """
        with self._changing():
            known = self.all()
            kept = [t for t in known if t.user != user or token_id not in (None, t.id)]
            if len(kept) == len(known):
                raise ConfigurationError(
                    f"User {user!r} has no {'such token' if token_id else 'token'}. "
                    "See `bulk-pipeline tokens list`."
                )
            self._write(kept)
        return len(known) - len(kept)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one that changes the file."""
        make_home(self.path.parent)
        with closing(FileLock(self.path.with_suffix(".lock"))) as lock:
            for _ in range(_LOCK_TRIES):
                if lock.take():
                    break
                time.sleep(_LOCK_SECONDS)
            else:
                raise TransientError(
                    f"{self.path} is being changed by another process. Try again."
                )
            yield

    def _write(self, tokens: list[Token]) -> None:
        # Written by rename under a name that only this user may read: mode 0600.
        write_json(self.path, {"tokens": [asdict(t) for t in tokens]}, lasting=True)


def _read(path: Path) -> Iterator[Token]:
    for entry in json.loads(path.read_text(encoding="utf-8"))["tokens"]:
        token = Token(**entry)
        if not USER.fullmatch(token.user) or not _SHA256.fullmatch(token.sha256):
            raise ValueError(token.user)
        yield token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
