"""Fields of a parsed document, checked one by one; a refusal says where it stands.

What a document must hold is told by the module that reads it, not here.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bulk_pipeline.core.errors import ModelRefused


def mapping(found: object, keys: Collection[str], where: str) -> Mapping[str, Any]:
    """An object with exactly these keys."""
    if not isinstance(found, Mapping):
        raise ModelRefused(f"{where} must be an object with {', '.join(keys)}.")
    if missing := [key for key in keys if key not in found]:
        raise ModelRefused(f"{where} has no {', '.join(missing)}. Add it.")
    if unknown := [str(key) for key in found if key not in keys]:
        raise ModelRefused(
            f"{where} has {', '.join(unknown)}, which nothing reads. Remove it; the "
            f"keys are {', '.join(keys)}."
        )
    return found


def sequence(found: object, where: str) -> Sequence[object]:
    """A list."""
    if not isinstance(found, list | tuple):
        raise ModelRefused(f"{where} must be a list.")
    return found


def text(found: object, where: str) -> str:
    """A text that says something."""
    if not isinstance(found, str) or not found.strip():
        raise ModelRefused(f"{where} must be a text that is not blank.")
    return found


def number(found: object, where: str) -> float:
    """A finite number; true and false are none."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        try:
            number = float(found)
        except OverflowError:  # an integer of more than 308 digits
            number = math.inf
        if math.isfinite(number):
            return number
    raise ModelRefused(f"{where} must be a finite number.")


def bound(found: object, where: str) -> float | None:
    """A finite number, or None for no bound."""
    return None if found is None else number(found, where)


def rate(found: object, where: str) -> float:
    """A fraction in [0, 1]."""
    rate = number(found, where)
    if not 0 <= rate <= 1:
        raise ModelRefused(f"{where} is {rate}. Give a fraction in [0, 1].")
    return rate
