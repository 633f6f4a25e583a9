"""OpenDocument spreadsheets (.ods), as LibreOffice and others write them.

Runs only in the child process, within its limits.
"""

from zipfile import ZipFile

from bulk_pipeline.adapters.readers.workbooks.book import Book, Fault
from bulk_pipeline.adapters.readers.workbooks.grid_book import GridBook
from bulk_pipeline.adapters.readers.workbooks.ods_content import Content
from bulk_pipeline.adapters.readers.workbooks.ods_styles import Styles
from bulk_pipeline.adapters.readers.workbooks.parts import Parts, parse, safe_parser

_MANIFEST, _STYLES = "META-INF/manifest.xml", "styles.xml"


def open_ods(path: str) -> Book:
    """An OpenDocument spreadsheet.

    Raises:
        Fault: a password protects it, it declares a document type, or it has more
            cells than are read.
        ExpatError: it is damaged.
    """
    styles = Styles()
    of_styles = safe_parser()
    of_styles.StartElementHandler = styles.start
    content = Content(styles)
    parser = safe_parser()
    parser.buffer_text = True
    parser.StartElementHandler = content.start
    parser.EndElementHandler = content.end
    parser.CharacterDataHandler = content.characters
    with ZipFile(path) as archive:
        parts = Parts(archive)
        if _MANIFEST in parts and b"encryption-data" in b"".join(
            parts.pieces(_MANIFEST)
        ):
            raise Fault(
                ": the workbook is protected by a password. Save it without one."
            )
        if _STYLES in parts:
            parse(of_styles, parts.pieces(_STYLES))
        parse(parser, parts.pieces("content.xml"))
    known = {sheet.place: contents for sheet, contents in content.sheets}
    listed = [sheet for sheet, _ in content.sheets]
    return GridBook("ods", listed, lambda sheet: known[sheet.place])
