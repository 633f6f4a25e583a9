"""Which member of a zip archive is the table, and which archives are refused.

Nothing is ever written under the name of a member.
"""

import re
import stat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from bulk_pipeline.core.errors import UnreadableFile

_HEADER_BYTES = 30
_ENCIPHERED = 0x41
_NAMED = 5
_NAME_CHARS = 60
_OUTSIDE = re.compile(r"[\\/]|[A-Za-z]:|(.*[\\/])?\.\.([\\/]|$)", re.DOTALL)
_PASSED_OVER = re.compile(r"(__MACOSX/.*|(.*/)?(\.[^/]*)?)$", re.DOTALL)


def table_member(name: str, archive: ZipFile) -> ZipInfo:
    """The one member that is no folder and no file of an operating system.

    Args:
        name: of the archive, for messages.
        archive: opened.

    Raises:
        UnreadableFile: there is none or more than one, it cannot be read, or a member
            leads out of the archive.
        BadZipFile: members overlap.
    """
    entries = archive.infolist()
    for entry in entries:
        _check_place(name, entry)
    _check_overlap(archive)
    if any(entry.filename.endswith(".iwa") for entry in entries):
        raise UnreadableFile(
            f"{name}: the file is an Apple Numbers document. Export the table as .xlsx "
            "or CSV UTF-8."
        )
    found = [entry for entry in entries if not _PASSED_OVER.match(entry.filename)]
    if len(found) != 1:
        shown = ", ".join(map(_shown, found[:_NAMED]))
        more = ", ..." if len(found) > _NAMED else ""
        what = f"{len(found):,} files: {shown}{more}" if found else "no file"
        raise UnreadableFile(
            f"{name}: the archive holds {what}; one table is read. Pack one table "
            "alone, or drop the files unpacked."
        )
    _check_packing(name, found[0])
    return found[0]


def _check_place(name: str, entry: ZipInfo) -> None:
    """Refuse what whoever unpacks the archive might find in another folder."""
    what = ""
    if stat.S_ISLNK(entry.external_attr >> 16):
        what = "is a link"
    elif _OUTSIDE.match(entry.filename):
        what = "lies outside the archive"
    if what:
        raise UnreadableFile(
            f"{name}: the member {_shown(entry)} of the archive {what}. Drop the table "
            "unpacked."
        )


def _check_overlap(archive: ZipFile) -> None:
    """Refuse members that share bytes, of which archive bombs are made."""
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    starts = [entry.header_offset for entry in entries[1:]]
    for entry, following in zip(entries, [*starts, archive.start_dir], strict=False):
        if entry.header_offset + _HEADER_BYTES + entry.compress_size > following:
            raise BadZipFile


def _check_packing(name: str, table: ZipInfo) -> None:
    if table.flag_bits & _ENCIPHERED:
        raise UnreadableFile(
            f"{name}: {_shown(table)} in the archive is under a password. Pack it "
            "without one, or drop it unpacked."
        )
    if table.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise UnreadableFile(
            f"{name}: {_shown(table)} in the archive is packed by the method "
            f"{table.compress_type}, which is not read. Pack it by Deflate, or drop it "
            "unpacked."
        )


def _shown(entry: ZipInfo) -> str:
    """The name of a member, short, with every odd character escaped."""
    name = entry.filename
    return repr(name if len(name) <= _NAME_CHARS else f"{name[:_NAME_CHARS]}...")
