"""What every request works with; made once, when the server starts."""

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from anyio import CapacityLimiter

from bulk_pipeline.adapters.api_tokens import Tokens
from bulk_pipeline.adapters.installation import Installation

ANYBODY = "api"
"""User, and subfolder of the inbox, where there are no tokens."""
MOST_UPLOADS = 64
"""Files that arrive at once; each keeps about half a megabyte in memory."""
MOST_DOWNLOADS = 4
"""Downloads that are written at once; each holds rows in memory and a thread."""
MOST_SENT = 32
"""Downloads that are open at once; each holds its file on the disk until its end."""
MOST_LOOKS = 2
"""Questions about the health that are asked at once; strangers may ask them."""


@dataclass(frozen=True)
class Door:
    """The home behind the API and who may come in.

    Attributes:
        installation: the home, its journal and its database.
        tokens: who may come in.
        loopback: whether only this machine can reach the server; where not, a token is
            needed even when there is none.
        port: that the server answers on; a Host without tokens must name it.
        arriving: room for files that arrive at once.
        writing: room for downloads that are written at once.
        sending: room for downloads that are open at once.
        looking: room for looks at the health.
    """

    installation: Installation
    tokens: Tokens
    loopback: bool
    port: int
    arriving: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(MOST_UPLOADS)
    )
    writing: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(MOST_DOWNLOADS)
    )
    sending: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(MOST_SENT)
    )
    looking: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(MOST_LOOKS)
    )

    @classmethod
    def of(cls, installation: Installation, *, loopback: bool, port: int) -> "Door":
        """The door of an installation."""
        return cls(installation, Tokens(installation.home), loopback, port)
