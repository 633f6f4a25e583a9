"""What a workbook is by its content, and whether it may be unpacked.

Nothing is unpacked or parsed here but the table of contents.
"""

import mmap
import zlib
from collections import Counter
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.files.kinds import OLE
from bulk_pipeline.core.errors import UnreadableFile

_PACKAGE = "EncryptedPackage".encode("utf-16-le")
"""Name of the stream that holds a workbook under a password."""

_ENCRYPTED = 0x1
_NAME_CHARS = 60
_DAMAGED = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    zlib.error,
)
_MIME_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"


def workbook_kind(path: Path, name: str, limits: Limits) -> str:
    """``xlsx``, ``xlsb``, ``ods`` or ``xls``, of a file that may be parsed.

    Args:
        path: the file.
        name: what messages call it.
        limits: how many parts it may have and what they may unpack to.

    Raises:
        UnreadableFile: it is no workbook, is damaged, stands under a password, or
            unpacks to too much; names the file, what is wrong, what to do.
    """
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return _packed_kind(path, name, limits)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(_PACKAGE) >= 0:
                raise _protected(name)
    return "xls"


def _packed_kind(path: Path, name: str, limits: Limits) -> str:
    try:
        with ZipFile(path) as archive:
            parts = [part for part in archive.infolist() if not part.is_dir()]
            if len(parts) > limits.members:
                raise _too_many(name, limits)
            if any(part.flag_bits & _ENCRYPTED for part in parts):
                raise _protected(name)
            kind = _kind(archive, {_plain(part): part for part in parts})
    except _DAMAGED as error:
        raise UnreadableFile(
            f"{name}: the workbook is damaged or cut short. Copy it again."
        ) from error
    if not kind:
        raise UnreadableFile(
            f"{name}: an archive that is no workbook. Save the table as .xlsx or CSV "
            "UTF-8."
        )
    _check_names(name, parts)
    _check_size(name, parts, max(path.stat().st_size, 1), limits)
    return kind


def _plain(part: ZipInfo) -> str:
    """A part as it is compared: some programs write upper case and backslashes."""
    return part.filename.replace("\\", "/").lower()


def _kind(archive: ZipFile, parts: dict[str, ZipInfo]) -> str:
    """The kind of a packed workbook, or "" if it is none."""
    if "xl/workbook.xml" in parts:
        return "xlsx"
    if "xl/workbook.bin" in parts:
        return "xlsb"
    if "mimetype" in parts:
        with archive.open(parts["mimetype"]) as file:
            is_sheet = file.read(len(_MIME_TYPE)) == _MIME_TYPE
    else:
        is_sheet = {"content.xml", "meta-inf/manifest.xml"} <= parts.keys()
    return "ods" if is_sheet else ""


def _check_names(name: str, parts: list[ZipInfo]) -> None:
    """Refuse parts that two programs could take for different ones."""
    for part, times in Counter(map(_plain, parts)).items():
        if times > 1 or part.startswith("/") or ".." in part.split("/"):
            raise UnreadableFile(
                f"{name}: the workbook's part {part[:_NAME_CHARS]!r} is there twice "
                "or lies outside the archive. Open it in Excel and save it anew."
            )
    if any(part.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for part in parts):
        raise UnreadableFile(
            f"{name}: the workbook is packed as no spreadsheet program does it. Open "
            "it in Excel and save it anew."
        )


def _check_size(name: str, parts: list[ZipInfo], packed: int, limits: Limits) -> None:
    unpacked = sum(part.file_size for part in parts)
    if not limits.may_unpack(packed, unpacked):
        raise UnreadableFile(
            f"{name}: the workbook unpacks to {unpacked:,} bytes, "
            f"{unpacked // packed:,} times its size; at most "
            f"{limits.unpacked_bytes:,} bytes and {limits.unpacked_ratio:,} times are "
            "read. Delete unused cells, or save it as CSV UTF-8."
        )


def _too_many(name: str, limits: Limits) -> UnreadableFile:
    return UnreadableFile(
        f"{name}: the workbook has more than {limits.members:,} parts. Keep only the "
        "sheet with the table."
    )


def _protected(name: str) -> UnreadableFile:
    return UnreadableFile(
        f"{name}: the workbook is protected by a password. Save it without one."
    )
