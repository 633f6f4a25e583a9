"""Cell texts into symbols, names and sectors."""

import polars as pl

from bulk_pipeline.core.schema import SYMBOL, Column

_UNSEEN_IN_SYMBOLS = r"[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]"
# Persian and Indic scripts write names with the joiners U+200C and U+200D.
_UNSEEN_IN_NAMES = (
    r"[\x00-\x1f\x7f\p{Zl}\p{Zp}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}"
    r"\x{2060}-\x{2069}\x{FEFF}]"
)
_MARKED_AS_TEXT = r"^'([=+\-@])"
"""How exports, ours among them, keep a text from being run as a formula."""


def parse_texts(texts: pl.Series, column: Column) -> tuple[pl.Series, pl.Series | None]:
    """Trimmed texts, symbols in upper case; blanks within stay as they are.

    An apostrophe in front of ``= + - @`` is the mark of an export that the text is no
    formula (``core.export.safe_text``), and no part of the text.

    Args:
        texts: String of length n, never null.
        column: a column of texts: whether it needs a value, and its longest.

    Returns:
        Texts (null where blank) and the reason code (``blank``, ``too_long``,
        ``control_character``, null elsewhere), both of length n in row order; None
        instead of the codes where no cell is refused. A mark that takes no space makes
        a text refused as well: the symbol looks like another and would be a company of
        its own.
    """
    # A file repeats its texts: mostly a look at the distinct ones shows that there is
    # nothing to do.
    distinct = _judged(spellings(texts), column)
    same = distinct["raw"].eq_missing(distinct["text"]).all()
    if same and distinct["refused"].null_count() == distinct.height:
        return texts, None
    judged = _judged(texts, column)
    refused = judged["refused"]
    return judged["text"], None if refused.null_count() == len(refused) else refused


def spellings(texts: pl.Series) -> pl.Series:
    """The distinct texts of n, never null, in no order.

    Files hold the rows of a company one below the other, and to compare neighbours is
    several times as fast as to hash each text.
    """
    first = texts.head(1)
    rest = texts.tail(-1) if len(texts) else texts
    changed = rest.filter(rest != texts.head(len(rest)))
    return pl.concat([first, changed]).unique()


def _judged(texts: pl.Series, column: Column) -> pl.DataFrame:
    """Each text as it stood, as it is kept (null where blank), and why it is not."""
    symbol = column is SYMBOL
    trimmed = pl.col("raw").str.strip_chars()
    if texts.str.contains("'", literal=True).any():
        trimmed = trimmed.str.replace(_MARKED_AS_TEXT, "$1")
    if symbol:
        trimmed = trimmed.str.to_uppercase()
    text = pl.col("text")
    blank = pl.lit("blank" if column.needed else None, dtype=pl.String)
    unseen = _UNSEEN_IN_SYMBOLS if symbol else _UNSEEN_IN_NAMES
    return (
        texts.alias("raw")
        .to_frame()
        .with_columns(text=trimmed)
        .with_columns(
            text=pl.when(text != "").then(text),
            refused=pl.when(text == "")
            .then(blank)
            .when(text.str.len_chars() > (column.max_length or 0))
            .then(pl.lit("too_long"))
            .when(text.str.contains(unseen))
            .then(pl.lit("control_character")),
        )
    )
