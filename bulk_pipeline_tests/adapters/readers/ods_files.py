"""Writes small OpenDocument spreadsheets, cell by cell."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
_SPACES = {
    "draw": f"{_ODF}:drawing:1.0",
    "number": f"{_ODF}:datastyle:1.0",
    "office": f"{_ODF}:office:1.0",
    "style": f"{_ODF}:style:1.0",
    "table": f"{_ODF}:table:1.0",
    "text": f"{_ODF}:text:1.0",
    "calcext": _CALC,
}
_MIME_TYPE = "application/vnd.oasis.opendocument.spreadsheet"


def cell(shown: str | None = None, **attributes: object) -> str:
    """A cell that shows a text; ``office_value=1`` is the attribute office:value."""
    inside = "" if shown is None else f"<text:p>{shown}</text:p>"
    return f"<table:table-cell{_written(attributes)}>{inside}</table:table-cell>"


def text(value: str) -> str:
    """A cell that holds a text, as a person typed it."""
    return cell(escape(value), office_value__type="string")


def number(value: float, sort: str = "float", **attributes: object) -> str:
    """A cell that holds a number; ``sort`` may be percentage or currency."""
    typed = {"office_value__type": sort, "office_value": repr(value)}
    return cell(f"{value:.2f}", **typed, **attributes)


def boolean(*, value: bool) -> str:
    """A cell that holds true or false."""
    truth = str(value).lower()
    typed = {"office_value__type": "boolean", "office_boolean__value": truth}
    return cell(truth.upper(), **typed)


def date(value: str) -> str:
    """A cell that holds a date."""
    return cell("31.12.12", office_value__type="date", office_date__value=value)


def row(*cells: str, **attributes: object) -> str:
    """A row of cells."""
    return f"<table:table-row{_written(attributes)}>{''.join(cells)}</table:table-row>"


def column(**attributes: object) -> str:
    """A column, or several alike."""
    return f"<table:table-column{_written(attributes)}/>"


def table(*rows: str, name: str = "Data", **attributes: object) -> str:
    """A sheet."""
    inside = "".join(rows)
    written = _written({"table_name": name} | attributes)
    return f"<table:table{written}>{inside}</table:table>"


def of_rows(rows: Sequence[Sequence[object]]) -> str:
    """A sheet of texts, numbers, truths and blanks, each in the simplest way."""
    return table(*(row(*map(_of, cells)) for cells in rows))


def write_ods(
    path: Path,
    *tables: str,
    styles: str = "",
    shared_styles: str = "",
    prolog: str = "",
    manifest: str = "",
) -> str:
    """The path of a spreadsheet of tables, which is now a file."""
    body = f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet>"
    content = (
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body>{body}</office:body>"
    )
    parts = {
        "mimetype": _MIME_TYPE,
        "content.xml": prolog + _document("content", content),
        "styles.xml": _document("styles", shared_styles),
        "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return str(path)


def _document(name: str, inside: str) -> str:
    """A part of the spreadsheet, with all prefixes."""
    spaces = "".join(f' xmlns:{name}="{space}"' for name, space in _SPACES.items())
    return f"<office:document-{name}{spaces}>{inside}</office:document-{name}>"


def _of(value: object) -> str:
    """A value as a cell."""
    if isinstance(value, bool):
        return boolean(value=value)
    if isinstance(value, int | float):
        return number(value)
    return cell() if value is None else text(str(value))


def _written(attributes: dict[str, object]) -> str:
    """One underscore divides a prefix from a name, two are a hyphen."""
    return "".join(
        f" {name.replace('__', '-').replace('_', ':', 1)}={quoteattr(str(value))}"
        for name, value in attributes.items()
    )
