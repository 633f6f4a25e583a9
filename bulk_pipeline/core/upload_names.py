"""Names of files that came over a network: shown to people, never used as a path."""

import re
import unicodedata

MOST_CHARACTERS = 255
NAMELESS = "file"
KNOWN_SUFFIXES = (
    ".csv.gz",
    ".csv",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xlsm",
    ".xlsb",
    ".xls",
    ".ods",
    ".parquet",
    ".zip",
    ".gz",
)
"""Endings of the kinds that are read; what a file is, its first bytes say."""

_SEPARATORS = re.compile(r"[/\\]")
_FORMAT_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, marks that turn text round, halves of characters, and line ends."""


def harmless_name(given: str) -> str:
    """The base name of what a client calls its file, for people to read.

    What is before a separator, controls, and dots and blanks at the beginning are left
    out; a long name loses the end of its stem, never its suffix.

    Returns:
        One to 255 characters, at most 255 bytes as UTF-8.
    """
    base = _SEPARATORS.split(given)[-1]
    kept = "".join(c for c in base if unicodedata.category(c) not in _FORMAT_CATEGORIES)
    name = kept.strip().lstrip(". ")
    ending = name[len(name) - len(known_suffix(name)) :]
    room = MOST_CHARACTERS - len(ending.encode())
    stem = name.removesuffix(ending).encode()[:room].decode("utf-8", "ignore")
    return (stem + ending) or NAMELESS


def known_suffix(name: str) -> str:
    """The ending of a kind that is read, in lower case; "" for any other."""
    lowered = name.lower()
    return next((end for end in KNOWN_SUFFIXES if lowered.endswith(end)), "")
