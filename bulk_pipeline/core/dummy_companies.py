"""Made-up companies: symbol, name, sector and market value of each number.

Words and their order belong here. How many companies there are and what they report
does not.
"""

import numpy as np
import polars as pl

from bulk_pipeline.core import schema

_LETTERS = pl.Series(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_SPELLED = "albacodaelfigohainjokalumonaorpaqurosetiumvawixeyozü"
_SYLLABLES = pl.Series([_SPELLED[at : at + 2] for at in range(0, 52, 2)])
"""One for each letter, of equal length: other letters, another name."""
_CLASSES = pl.Series(["", ".B"])
_CLASS_B_SHARE = 0.04
_PREFIXES = pl.Series(["", "", "", "", "", "", "", "The ", "Gebrüder ", "A. & B. "])
_SUFFIXES = pl.Series(
    [
        " Inc.",
        ", Inc.",
        " Corporation",
        " & Co.",
        " Holdings plc",
        " S.A.",
        ", Ltd.",
        " Group",
        ' "Prime" Stores Company',
        " Söhne GmbH",
        " Partners",
    ]
)
_SECTORS = pl.Series(
    [
        "Communication Services",
        "Consumer Discretionary",
        "Consumer Staples",
        "Energy",
        "Financials",
        "Health Care",
        "Industrials",
        "Information Technology",
        "Materials",
        "Real Estate",
        "Utilities",
    ]
)


def dummy_companies(seed: int, numbers: range, total: int) -> pl.DataFrame:
    """Companies by number; a number means the same company in every call.

    Args:
        seed: 0 or more.
        numbers: the n companies wanted, from 0, in steps of 1.
        total: number of companies that exist; it decides the length of a symbol.

    Returns:
        n rows in the order of ``numbers``: symbol (3 to 9 characters, unique), name
        (unique for a symbol without its class), sector, market cap (Int64,
        log-normal about 3.6e9). No nulls.
    """
    # one step of the counter is four draws, so a number has its own four
    bits = np.random.Philox(seed=seed, counter=numbers.start)
    draws = np.random.Generator(bits).random((len(numbers), 4))
    prefix, suffix = _two_choices(draws[:, 2], len(_SUFFIXES))
    class_, sector = _two_choices(draws[:, 3], len(_SECTORS))
    digits = _digits(seed, numbers, total)
    stems = pl.concat_str([_SYLLABLES.gather(digit) for digit in digits])
    symbol = [
        *(_LETTERS.gather(digit) for digit in digits),
        _CLASSES.gather((class_ < _CLASS_B_SHARE).astype(np.int64)),
    ]
    name = [
        _PREFIXES.gather((prefix * len(_PREFIXES)).astype(np.int64)),
        stems.str.to_titlecase(),
        _SUFFIXES.gather(suffix),
    ]
    normal = np.sqrt(-2 * np.log1p(-draws[:, 0])) * np.cos(2 * np.pi * draws[:, 1])
    return pl.select(
        pl.concat_str(symbol).alias(schema.SYMBOL.name),
        pl.concat_str(name).alias(schema.NAME.name),
        _SECTORS.gather(sector).alias(schema.SECTOR.name),
        pl.Series(schema.MARKET_CAP.name, np.exp(22 + 1.6 * normal).astype(np.int64)),
    )


def _two_choices(draws: np.ndarray, among: int) -> tuple[np.ndarray, np.ndarray]:
    """The fraction in [0, 1) that is left of each draw, and its choice of ``among``."""
    choices = (draws * among).astype(np.int64)
    return draws * among - choices, choices


def _digits(seed: int, numbers: range, total: int) -> list[np.ndarray]:
    """Each number as three or more digits of base 26, no two numbers alike."""
    base = len(_LETTERS)
    length = 3
    while base**length < total:
        length += 1
    # a factor that shares no divisor with 26 visits each symbol once, in no visible
    # order
    codes = np.arange(numbers.start, numbers.stop) * 10_007 + seed % base**length
    return [codes // base**place % base for place in range(length)]
