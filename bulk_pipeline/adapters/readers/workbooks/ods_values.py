"""What a cell of an OpenDocument spreadsheet holds, by its ``office:value-type``."""

import re
from collections.abc import Mapping
from enum import Enum

from bulk_pipeline.adapters.readers.workbooks.cell_formats import number_text

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "

_TYPE, _NUMBER, _TRUTH, _DATE, _STRING = (
    f"{OFFICE}{name}"
    for name in ("value-type", "value", "boolean-value", "date-value", "string-value")
)
_FORMULA = f"{TABLE}formula"
_CALC_TYPE = (
    "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 value-type"
)
_ERROR = re.compile(r"#\S*[!?]|#N/A|#NV|Err:\d{3}")


class Holds(Enum):
    """What there is in a cell."""

    TEXT = "text"
    VALUE = "value"
    NUMBER = "number"
    PERCENT = "percent"
    ERROR = "error"
    NO_VALUE = "formula without a value"


Held = tuple[Holds, str]

_NUMBERS = {
    "float": Holds.NUMBER,
    "currency": Holds.VALUE,
    "percentage": Holds.PERCENT,
}


def held(attributes: Mapping[str, str], shown: str | None) -> Held | None:
    """What a cell holds, and its text; None if it is blank.

    Args:
        attributes: of the cell, by namespace and name.
        shown: the text that the cell shows; None if it says nothing of one.
    """
    sort = attributes.get(_TYPE)
    formula = _FORMULA in attributes
    if _is_error(attributes, shown or "", formula=formula, sort=sort):
        return Holds.ERROR, ""
    if sort in _NUMBERS and _NUMBER in attributes:
        return _NUMBERS[sort], number_text(float(attributes[_NUMBER]))
    value = _value(attributes, shown, sort)
    if value is not None:
        return Holds.VALUE, value
    text = attributes.get(_STRING, shown)
    if text:
        return Holds.TEXT, text
    return (Holds.NO_VALUE, "") if formula and text is None else None


def _value(
    attributes: Mapping[str, str], shown: str | None, sort: str | None
) -> str | None:
    """Text of a truth or a date; a time of no day is as it is shown."""
    if sort == "boolean":
        return attributes.get(_TRUTH)
    if sort == "date" and _DATE in attributes:
        day, _, time = attributes[_DATE].partition("T")
        return f"{day} {time or '00:00:00'}"
    return shown if sort == "time" else None


def _is_error(
    attributes: Mapping[str, str], shown: str, *, formula: bool, sort: str | None
) -> bool:
    """LibreOffice says so; others write the number 0 or a text, and show the error."""
    if attributes.get(_CALC_TYPE) == "error":
        return True
    return (formula or sort != "string") and bool(_ERROR.fullmatch(shown))
