"""How figures are written: what stands around the digits, and what groups them.

All functions take and return n texts in row order. They read a decimal point: texts
with a decimal comma have their marks exchanged first.
"""

from collections.abc import Callable

import polars as pl

MINUS_SIGN = "\u2212"
_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHES = "'\u2019"
_LEADING = "^[+-]?[1-9][0-9]{0,2}"
_EXPONENT = "(?:[eE][+-]?[0-9]+)?$"
_DRESSED = rf"[({MINUS_SIGN}]|^[+-]\s"
_SPACED = (
    rf"{_LEADING}(?:(?:[{_SPACES}][0-9]{{3}})+|(?:[{_APOSTROPHES}][0-9]{{3}})+)"
    rf"(?:[.,][0-9]*)?{_EXPONENT}"
)
_GROUPED = rf"{_LEADING}(?:,[0-9]{{3}})+(?:\.[0-9]*)?{_EXPONENT}"


def exchanged(texts: pl.Series) -> pl.Series:
    """Texts with a point for each comma and a comma for each point."""
    points = texts.str.replace_all(",", ".", literal=True)
    places = texts.str.contains(".", literal=True).arg_true()
    both = texts.gather(places).str.replace_many([",", "."], [".", ","])
    return points.scatter(places, both)


def bare(texts: pl.Series) -> pl.Series:
    """Trimmed texts, ``(3.2)`` and a true minus as ``-3.2``, no blank after a sign.

    A percent sign stays where it is, at the end.
    """
    return _where(_DRESSED, texts.str.strip_chars(), _undressed)


def figures(bare_texts: pl.Series, *, percent: bool) -> pl.Series:
    """Bare texts without what parts groups of three digits: blanks or apostrophes.

    Args:
        bare_texts: as ``bare`` returns them.
        percent: whether a percent sign may stand at the end; it is taken off.
    """
    texts = bare_texts.str.strip_suffix("%") if percent else bare_texts
    parting = f"[{_SPACES}{_APOSTROPHES}]"
    return _where(
        _SPACED,
        texts.str.strip_chars(),
        lambda found: found.str.replace_all(parting, ""),
    )


def numbers(texts: pl.Series) -> pl.Series:
    """Float64 of figures; null where one is no number.

    Commas may part groups of three digits before the point, all of them or none. What
    is too large becomes an infinity.
    """
    joined = _where(
        _GROUPED, texts, lambda found: found.str.replace_all(",", "", literal=True)
    )
    return joined.cast(pl.Float64, strict=False)


def _undressed(texts: pl.Series) -> pl.Series:
    return (
        texts.str.replace_all(MINUS_SIGN, "-", literal=True)
        .str.replace(r"^\(\s*([^()+-][^()]*)\)(\s*%?)$", "-${1}${2}")
        .str.replace(r"^([+-]?)\s+", "${1}")
    )


def _where(
    pattern: str, texts: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Texts of which those that match are changed."""
    places = texts.str.contains(pattern).arg_true()
    if places.is_empty():
        return texts
    # A series is scattered into where it is, and this one may be the caller's.
    return texts.clone().scatter(places, change(texts.gather(places)))
