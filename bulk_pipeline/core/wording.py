"""Words that messages share: a count with its noun, and who tries again."""

AGAIN = "It is tried again"
"""Begins the cure of what may pass."""
GOES_ON = "; what waits for it goes on by itself."
"""Ends a cure after which nobody has to do anything."""
AGAIN_AT = "It is asked again at"
"""Begins the moment until which a database is left alone."""
AGAIN_SOON = ": it is tried again."
"""Ends a sentence about what passes by itself."""

_ASKED_FOR = {
    AGAIN: "Run it again once that has passed",
    AGAIN_AT: "Run it again after",
    GOES_ON: ", then run it again.",
    AGAIN_SOON: "; run it again then.",
}


def amount(count: int, one: str, many: str = "") -> str:
    """A count with its noun, and with what else follows the number: 1 row, 2,000 rows.

    Args:
        count: how many there are.
        one: what follows the number 1: a noun, or one with its verb.
        many: what follows any other number; by default ``one`` with an s.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def tried_once(message: str) -> str:
    """A message where nobody tries again: what it promises, it asks for instead.

    Args:
        message: of a transient error.
    """
    for promised, asked in _ASKED_FOR.items():
        message = message.replace(promised, asked)
    return message
