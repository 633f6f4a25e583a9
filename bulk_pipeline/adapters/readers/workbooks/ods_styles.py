"""Styles of an OpenDocument spreadsheet: which hide a table or show per cent."""

from collections.abc import Mapping

_STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0 "
_NUMBER = "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0 "
_DISPLAY = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 display"
_NAME = _STYLE + "name"
_GENERATIONS = 16
"""How far a style's ancestors are asked, for damaged styles descend in a circle."""


class Styles:
    """The styles and number formats that have been heard of, by name."""

    def __init__(self) -> None:
        self._style = self._format = ""
        self._hidden: set[str] = set()
        self._percents: set[str] = set()
        self._parts: dict[str, list[str]] = {}
        self._cells: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins, which may be about a style or a format."""
        if name == _STYLE + "style":
            self._style, self._format = attributes.get(_NAME, ""), ""
            if attributes.get(_STYLE + "family") == "table-cell":
                self._cells[self._style] = (
                    attributes.get(_STYLE + "data-style-name", ""),
                    attributes.get(_STYLE + "parent-style-name", ""),
                )
        elif name == _STYLE + "table-properties":
            if attributes.get(_DISPLAY) == "false":
                self._hidden.add(self._style)
        elif name.startswith(_NUMBER) and name.endswith("-style"):
            self._format = attributes.get(_NAME, "")
            if name == _NUMBER + "percentage-style":
                self._percents.add(self._format)
        elif name == _STYLE + "map" and self._format:
            # a format for each sign: only the parts say that they show per cent
            part = attributes.get(_STYLE + "apply-style-name", "")
            self._parts.setdefault(self._format, []).append(part)

    def hides(self, name: str) -> bool:
        """Whether a table in this style is hidden."""
        return name in self._hidden

    def shows_percent(self, name: str) -> bool:
        """Whether a cell in this style shows a number as per cent."""
        for _ in range(_GENERATIONS):
            form, parent = self._cells.get(name, ("", ""))
            if form:
                return not self._percents.isdisjoint([form, *self._parts.get(form, ())])
            name = parent
        return False
