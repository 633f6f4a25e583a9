"""What an examination of an installation finds: each fault with its cure.

A finding holds no secret and no row of company data: it is printed, copied into
tickets and kept in logs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bulk_pipeline.core.wording import AGAIN, AGAIN_SOON, amount

_BRACKET_OR_END = re.compile(r"[()]|\.\s+")
_TRIED_AGAIN = f"{AGAIN}; if it stays so, "


class Area(StrEnum):
    """What a finding is about, in the order of a report."""

    SETTINGS = "settings"
    PACKAGES = "Python and packages"
    MACHINE = "machine"
    HOME = "home"
    DATABASE = "database"
    REPLICA = "replica"
    SYNCHRONISATION = "synchronisation"
    MODEL = "model"
    DAGSTER = "Dagster"


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works; somebody may lose time or data by it."""
    FAILURE = "failure"
    """Something does not work as it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: what it is about.
        level: how bad it is.
        what: what was found, in a sentence or a few words.
        cure: what to do; empty if, and only if, nothing has to be done.
        minor: of use only to somebody who wants to see everything.

    Raises:
        ValueError: a fault without a cure, or a cure without a fault.
    """

    area: Area
    level: Level
    what: str
    cure: str = ""
    minor: bool = False

    def __post_init__(self) -> None:
        if (self.level is Level.OK) == bool(self.cure):
            raise ValueError(f"{self.what!r}: a cure is there for a fault and only so.")


def fine(area: Area, what: str, *, minor: bool = False) -> Finding:
    """Something that is as it should be."""
    return Finding(area, Level.OK, what, minor=minor)


def warning(area: Area, what: str, cure: str) -> Finding:
    """Something that works and should be otherwise."""
    return Finding(area, Level.WARNING, what, cure)


def failure(area: Area, what: str, cure: str) -> Finding:
    """Something that does not work."""
    return Finding(area, Level.FAILURE, what, cure)


def refused(area: Area, message: str) -> Finding:
    """The failure that one of our errors tells of.

    Args:
        area: where it came up.
        message: the error's: what happened (perhaps with a driver's words in brackets),
            then the cure.
    """
    what, cure = _parted(message)
    # Nobody tries again after an examination.
    if cure.startswith(_TRIED_AGAIN):
        rest = cure.removeprefix(_TRIED_AGAIN)
        cure = rest[:1].upper() + rest[1:]
    return failure(area, what, cure.replace(AGAIN_SOON, "."))


def _parted(message: str) -> tuple[str, str]:
    """The first sentence, whatever is in its brackets, and the rest."""
    depth = 0
    for found in _BRACKET_OR_END.finditer(message):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if found[0][0] == "." and depth <= 0 and found.end() < len(message):
            return message[: found.start() + 1], message[found.end() :]
    return message, "See the message."


def counted(findings: Iterable[Finding], level: Level, word: str) -> str:
    """How many findings are of a level, for people: 1 warning, 2 warnings."""
    return amount(number(findings, level), word)


def number(findings: Iterable[Finding], level: Level) -> int:
    """How many findings are of a level."""
    return sum(finding.level is level for finding in findings)
