"""Workbooks made to harm, or damaged: a refusal that says what to do, never more."""

import contextlib
import random
import re
import zipfile
from pathlib import Path

import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks.spreadsheet import open_spreadsheet
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    BOOK,
    SHEET,
    STYLES,
    TEXTS,
    Write,
    packed,
    parts_of,
    replaced,
    with_texts,
    without,
)

LINKS = "xl/_rels/workbook.xml.rels"
NUMBER = b'<c r="B2" t="n"><v>7777</v></c>'
SHARED = b'<c r="B2" t="s"><v>0</v></c>'


@pytest.fixture
def path(write: Write) -> Path:
    """A good workbook, for a test to spoil."""
    return write(Data=[["symbol", "year"], ["A", 7777]])


def refusal(path: Path, limits: Limits | None = None) -> str:
    """Why a workbook is refused: a sentence that leaks no path and is no trace."""
    with pytest.raises(UnreadableFile) as caught:
        rows_of(open_text(path, limits=limits or Limits()))
    message = str(caught.value)
    assert re.match(r"dropped\.csv(, sheet '.*'(, cell \w+)?)?: .*\.$", message)
    assert str(path.parent) not in message
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize("place", ["XFD1048576", "B99999999999", "ZZZZZZZZZZZ2"])
def test_a_cell_far_away_ends_only_the_child(path: Path, place: str) -> None:
    """Five kilobytes with a cell in the last corner abort a process that reads it."""
    replaced(path, SHEET, b'r="B2"', f'r="{place}"'.encode())
    assert "4,294,967,296 bytes of memory. A cell far" in refusal(path)


def test_a_row_far_away_ends_only_the_child(path: Path) -> None:
    """The same without a name for any cell."""
    replaced(path, SHEET, b'<row r="2"', b'<row r="99999999999"')
    replaced(path, SHEET, b' r="A2"', b"")
    replaced(path, SHEET, b' r="B2"', b"")
    assert "within the limits" in refusal(path)


def test_a_count_of_texts_that_lies_ends_only_the_child(path: Path) -> None:
    """A parser that believes the count asks for that much memory."""
    with_texts(replaced(path, SHEET, NUMBER, SHARED), "<si><t>x</t></si>")
    replaced(path, TEXTS, b"<sst ", b'<sst uniqueCount="4000000000" ')
    assert "within the limits" in refusal(path)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("size", ["A1:XFD1048576", "B7:AA12", "A1"])
def test_a_size_that_lies_does_not_matter(path: Path, size: str) -> None:
    """Programs that write as they go do not know the size when they begin."""
    dimension = b'<dimension ref="%s"'
    replaced(path, SHEET, dimension % b"A1:B2", dimension % size.encode())
    assert rows_of(open_text(path))[0] == [("A", "7777")]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("part", [BOOK, LINKS, STYLES, TEXTS, SHEET])
def test_a_document_type_is_refused_in_every_part(path: Path, part: str) -> None:
    """It can declare a text that unfolds to gigabytes, a billion laughs."""
    with_texts(path, "<si><t>x</t></si>")
    laughs = '<!DOCTYPE x [<!ENTITY a0 "ha">'
    laughs += "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    parts = parts_of(path)
    content = parts[part].replace(b"</", b"&a9;</", 1)
    packed(path, {**parts, part: laughs.encode() + b"]>" + content})
    assert "declares an XML document type" in refusal(path)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("value", ["77<!-- -->77", "<![CDATA[7777]]>", "<!---->7777"])
def test_a_value_in_pieces_is_refused(path: Path, value: str) -> None:
    """The parser reads a piece of it: 77 for 7777."""
    replaced(path, SHEET, b"<v>7777</v>", f"<v>{value}</v>".encode())
    assert "a value is broken up by a comment" in refusal(path)


@pytest.mark.usefixtures("in_process")
def test_comments_elsewhere_do_not_matter(path: Path) -> None:
    """A program may sign its work."""
    replaced(path, SHEET, b"<sheetData>", b"<!-- by hand --><sheetData><!-- v -->")
    assert rows_of(open_text(path))[0] == [("A", "7777")]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        (SHEET, b"</row>", b"</wor>"),
        (SHEET, b"<v>7777</v>", b"<v>7,7</v>"),
        (SHEET, b'r="B2" t="n"', b'r="B2" t="zzz"'),
        (SHEET, b'r="B2"', b'r="2B"'),
        (SHEET, b"<v>7777</v>", b"<v>\xe9</v>"),
        (SHEET, b"<worksheet", b'<?xml version="1.0" encoding="x"?><worksheet'),
        (SHEET, NUMBER, SHARED),
        (SHEET, b'<row r="2">', b'<row r="x" hidden="1">'),
        (SHEET, b"<sheetData>", b'<cols><col hidden="1"/></cols><sheetData>'),
        (BOOK, b'r:id="rId1"', b'r:id="rId77"'),
        (BOOK, b"</workbook>", b""),
        (LINKS, b"sheet1.xml", b"sheet7.xml"),
        (STYLES, b"<cellXfs", b"<<cellXfs"),
    ],
)
def test_what_no_program_writes_is_refused(
    path: Path, part: str, old: bytes, new: bytes
) -> None:
    """To read the rest of a damaged workbook is to lose rows in silence."""
    assert "damaged" in refusal(replaced(path, part, old, new))


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("part", [SHEET, LINKS, BOOK, "_rels/.rels"])
def test_a_part_that_is_missing_is_refused(path: Path, part: str) -> None:
    """The others cannot make up for it."""
    assert re.search("missing|not found|no workbook", refusal(without(path, part)))


@pytest.mark.usefixtures("in_process")
def test_styles_that_are_missing_make_no_date_and_no_per_cent(path: Path) -> None:
    """Without them a cell is the number that it holds."""
    assert rows_of(open_text(without(path, STYLES)))[0] == [("A", "7777")]


@pytest.mark.usefixtures("in_process")
def test_texts_that_are_missing_are_missed_only_where_they_are_named(
    path: Path,
) -> None:
    """A workbook without texts of its own is good."""
    replaced(path, SHEET, NUMBER, SHARED)
    with_texts(path, "<si><t>x</t></si>")
    assert rows_of(open_text(path))[0] == [("A", "x")]
    assert "string index not found" in refusal(without(path, TEXTS))


@pytest.mark.usefixtures("in_process")
def test_a_workbook_without_sheets_is_refused(path: Path) -> None:
    """There is nothing to read, and that is no table of no rows."""
    sheet = b'<sheet name="Data" sheetId="1" state="visible" r:id="rId1" />'
    assert "no visible sheet" in refusal(replaced(path, BOOK, sheet, b""))


@pytest.mark.usefixtures("in_process")
def test_thousands_of_sheets_are_read(path: Path) -> None:
    """Ten thousand parts are allowed, and to look at each must take no time."""
    parts = parts_of(path)
    name = b'<sheet name="%d" sheetId="%d" state="visible" r:id="r%d" />'
    link = b'<Relationship Id="r%d" Target="worksheets/sheet1.xml" Type="x/worksheet"/>'
    numbers = range(10, 500)
    many = b"".join(name % (n, n, n) for n in numbers) + b"</sheets>"
    links = b"".join(link % n for n in numbers) + b"</Relationships>"
    parts[BOOK] = parts[BOOK].replace(b"</sheets>", many)
    parts[LINKS] = parts[LINKS].replace(b"</Relationships>", links)
    (notice,) = open_text(packed(path, parts)).notices
    assert notice.count == len(numbers)


@pytest.mark.usefixtures("in_process")
def test_too_many_parts_are_refused(path: Path) -> None:
    """Each costs time and memory before a single row is read."""
    limits = Limits(members=len(parts_of(path)) - 1)
    assert re.search("more than .* (parts|members)", refusal(path, limits))
    with pytest.raises(UnreadableFile, match=r"more than 8 parts\. Keep"):
        open_spreadsheet(path, limits)


@pytest.mark.parametrize(
    "limits", [Limits(unpacked_bytes=100_000), Limits(unpacked_ratio=100)]
)
def test_an_archive_that_unpacks_to_too_much_is_refused(
    path: Path, limits: Limits
) -> None:
    """310 kilobytes can unpack to gigabytes."""
    packed(path, {**parts_of(path), "xl/media/image1.png": bytes(65 << 20)})
    assert "the workbook unpacks to" in refusal(path, limits)


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/evil", "xl/../../evil", "XL/Workbook.xml", "a\\..\\b"]
)
def test_names_of_parts_that_lead_elsewhere_are_refused(path: Path, name: str) -> None:
    """Two programs would take them for two different parts."""
    packed(path, {**parts_of(path), name: b""})
    assert "is there twice or lies outside" in refusal(path)


def test_parts_under_a_password_are_refused_by_that_word(path: Path) -> None:
    """It is no damaged file: the one who sent it has the password."""
    content = bytearray(path.read_bytes())
    for entry in re.finditer(rb"PK\x01\x02", content):
        content[entry.start() + 8] |= 1
    path.write_bytes(content)
    assert "protected by a password" in refusal(path)


def test_parts_that_are_packed_in_an_odd_way_are_refused(path: Path) -> None:
    """Excel knows one way, and each further one is a way in."""
    parts = parts_of(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert "packed as no spreadsheet program does it" in refusal(path)


@pytest.mark.parametrize(
    "parts",
    [
        {"[Content_Types].xml": b"", "word/document.xml": b""},
        {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b""},
        {"content.xml": b""},
    ],
)
def test_other_documents_are_no_workbooks(path: Path, parts: dict[str, bytes]) -> None:
    """A letter is an archive too."""
    assert "an archive that is no workbook" in refusal(packed(path, parts))


def test_a_workbook_in_an_ole_file_under_a_password_is_refused(path: Path) -> None:
    """Excel packs a protected workbook so, and it looks like an old one."""
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_016) + name)
    assert "protected by a password. Save it without one." in refusal(path)


def test_a_workbook_that_is_cut_short_is_refused(path: Path) -> None:
    """A half-copied file must not be read as a short one."""
    path.write_bytes(path.read_bytes()[:-30])
    assert "damaged or cut short" in refusal(path)
    with pytest.raises(UnreadableFile, match=r"cut short\. Copy it"):
        open_spreadsheet(path, Limits())


@pytest.mark.parametrize("seed", range(8))
def test_a_workbook_with_flipped_bits_is_read_or_refused(path: Path, seed: int) -> None:
    """Neither a hang nor a trace, wherever the damage is."""
    chance = random.Random(seed)  # noqa: S311 (the same damage in each run)
    content = bytearray(path.read_bytes())
    for _ in range(1 + seed % 3):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    with contextlib.suppress(UnreadableFile):
        assert rows_of(open_text(path))[0] == [("A", "7777")]
