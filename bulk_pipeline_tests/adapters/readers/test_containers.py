"""Packed files: one table in, read by its content; bombs and traps are refused."""

import bz2
import gzip
import io
import lzma
import resource
import stat
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text, read_text_table
from bulk_pipeline.core.errors import TransientError, UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import read, refusal, rows_of

TABLE = b"symbol,year\nA,1\nB,2\n"
ROWS = [("A", "1"), ("B", "2")]
MIB = 1 << 20


def zipped(
    members: dict[str, bytes],
    method: int = ZIP_DEFLATED,
    change: Callable[[ZipInfo], object] = bool,
) -> bytes:
    """An archive of these members, each entry changed before it is listed."""
    with io.BytesIO() as file:
        with ZipFile(file, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
            for entry in archive.filelist:
                change(entry)
        return file.getvalue()


def one(content: bytes) -> bytes:
    """An archive of one table."""
    return zipped({"accounts/table.csv": content})


PACKERS = [gzip.compress, bz2.compress, lzma.compress, one]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.dat"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty at first."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail if more than a few pieces of a file are in memory at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", PACKERS)
def test_a_packed_table_is_read_as_the_table_itself(
    path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Suppliers pack what they send, and the name may say .csv or nothing at all."""
    content = pack(b"Accounts\n" + TABLE + b"C\n")
    source = read(path, content)
    assert (source.header, source.header_line) == (("symbol", "year"), 2)
    assert (source.encoding, source.delimiter) == ("utf-8", ",")
    rows, lines, ragged = rows_of(source)
    assert (rows, lines, ragged[0].line) == (ROWS, [3, 4], 5)
    assert source.total_bytes == len(content)


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_what_is_packed_is_judged_as_if_it_were_not(
    path: Path, pack: Callable[[bytes], bytes], encoding: str
) -> None:
    """Encoding, line ends and refusals hold inside a container too."""
    names = ["Société Générale", "Münchener Rück"]
    text = "symbol,name\r" + "".join(f"A,{name}\r" for name in names)
    source = read(path, pack(text.encode(encoding)))
    assert [row[1] for row in rows_of(source)[0]] == names
    assert len(source.notices) == (encoding == "cp1252")
    text = "symbol,name\nA,1\n\0,2\n"
    assert "line 3: a NUL byte" in refusal(path, pack(text.encode("utf-16")))
    assert "a PDF" in refusal(path, pack(b"%PDF-1.7"))


@pytest.mark.parametrize("pack", PACKERS)
def test_a_packed_workbook_or_parquet_file_is_read(
    path: Path, scratch: Path, pack: Callable[[bytes], bytes]
) -> None:
    """What is inside is told by its content, not by the name of the container."""
    book = openpyxl.Workbook()
    for row in (("symbol", "year"), *ROWS):
        book.active.append(row)
    book.save(path)
    packed = pack(path.read_bytes())
    source = read(path, packed)
    assert (source.encoding, source.total_bytes) == ("xlsx", len(packed))
    assert rows_of(source)[:2] == (ROWS, [2, 3])
    pq.write_table(pa.table({"symbol": ["A", "B"], "year": ["1", "2"]}), path)
    packed = pack(path.read_bytes())
    source = read(path, packed)
    assert (source.encoding, source.total_bytes) == ("parquet", len(packed))
    assert rows_of(source)[0] == ROWS
    assert sum(chunk.bytes_read for chunk in source.chunks()) == len(packed)
    assert list(scratch.iterdir()) == []


def test_the_bytes_read_are_those_of_the_packed_file(path: Path) -> None:
    """A person watches the progress of a long load, in bytes of the file."""
    content = b"symbol,year\n" + b"".join(b"A,%d\n" % n for n in range(10_000))
    source = read(path, gzip.compress(content), block_bytes=5_000)
    sizes = [chunk.bytes_read for chunk in source.chunks()]
    assert len(sizes) > 5
    assert min(sizes) > 0
    assert source.total_bytes * 0.98 < sum(sizes) <= source.total_bytes


def test_the_rows_may_be_asked_for_again_and_at_once(path: Path) -> None:
    """A vote on decimal commas reads the file while another reader is halfway."""
    content = b"symbol,year\n" + b"".join(b"A,%d\n" % n for n in range(1_000))
    source = read(path, gzip.compress(content), block_bytes=64)
    pairs = zip(source.chunks(), source.chunks(), strict=True)
    assert all(one.table == other.table for one, other in pairs)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_streams_that_follow_one_another_are_one_table(
    path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Parallel packers write one stream for each part of a file."""
    content = pack(TABLE[:15]) + pack(b"") + pack(TABLE[15:])
    assert rows_of(read(path, content))[0] == ROWS


def test_what_an_operating_system_adds_is_passed_over(path: Path) -> None:
    """A Mac packs its own notes along, without asking."""
    names = ("in/", "in/.hidden", ".DS_Store", "in/.DS_Store", "__MACOSX/in/._a.csv")
    content = zipped({**dict.fromkeys(names, b"x"), "in/a.csv": TABLE})
    assert rows_of(read(path, content))[0] == ROWS


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
def test_an_archive_with_a_comment_is_read(path: Path, method: int) -> None:
    """Some programs sign what they pack."""
    with ZipFile(path, "w", method) as archive:
        archive.writestr("Übersicht 2012.csv", TABLE)
        archive.comment = b"packed by hand"
    assert rows_of(open_text(path))[0] == ROWS


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (zipped({}), "holds no file"),
        (zipped({"a/": b"", "__MACOSX/a.csv": b"x"}), "holds no file"),
        (zipped({"a.csv": TABLE, "b.csv": TABLE}), "2 files: 'a.csv', 'b.csv';"),
        (
            zipped({f"{n}.csv": TABLE for n in range(9)}),
            "9 files: '0.csv', '1.csv', '2.csv', '3.csv', '4.csv', ...;",
        ),
        (
            zipped({"a\n\u202eb.csv": TABLE, "x" * 99: TABLE}),
            rf"2 files: 'a\n\u202eb.csv', '{'x' * 60}...';",
        ),
        (zipped({"Index/Document.iwa": b"", "p.jpg": b""}), "Apple Numbers"),
        (zipped({"word/a.xml": b"", "[Content_Types].xml": b""}), "no workbook"),
        (zipped({"../a.csv": TABLE}), "'../a.csv' of the archive lies outside"),
        (zipped({"a/../../a.csv": TABLE}), "lies outside"),
        (zipped({"/etc/a.csv": TABLE}), "lies outside"),
        (zipped({"C:a.csv": TABLE}), "lies outside"),
        (zipped({"\\\\host\\a.csv": TABLE}), "lies outside"),
        (zipped({"a\\..\\..\\a.csv": TABLE}), "lies outside"),
        (zipped({"a.csv": TABLE, "..": b""}), "lies outside"),
        (zipped({"a.csv": TABLE}, ZIP_BZIP2), "by the method 12"),
        (zipped({"a.csv": TABLE}, ZIP_LZMA), "by the method 14"),
    ],
)
def test_an_archive_that_is_not_one_table_is_refused(
    path: Path, content: bytes, what: str
) -> None:
    """Which of two tables was meant nobody can guess, and traps are no tables."""
    assert what in refusal(path, content)


def _set(**values: int) -> Callable[[ZipInfo], object]:
    """What sets these fields of an entry before it is listed."""
    return lambda entry: [setattr(entry, name, value) for name, value in values.items()]


LINK = _set(external_attr=(stat.S_IFLNK | 0o777) << 16)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (LINK, "'a.csv' of the archive is a link"),
        (_set(flag_bits=0x1), "'a.csv' in the archive is under a password"),
        (_set(flag_bits=0x40), "'a.csv' in the archive is under a password"),
        (_set(compress_type=9), "by the method 9"),
        (_set(CRC=1), "damaged"),
        (_set(file_size=3), "damaged"),
        (_set(file_size=1 << 30), "damaged"),
        (_set(compress_size=1 << 30), "damaged"),
        (_set(header_offset=1 << 20), "damaged"),
        (_set(flag_bits=0x20), "damaged"),
        (_set(extract_version=99), "damaged"),
    ],
)
def test_a_member_that_is_not_what_it_says_is_refused(
    path: Path, change: Callable[[ZipInfo], object], what: str
) -> None:
    """The table of contents of an archive is a claim, not a fact."""
    assert what in refusal(path, zipped({"a.csv": TABLE}, change=change))


def test_members_that_share_bytes_are_refused(path: Path) -> None:
    """So a bomb of gigabytes fits into kilobytes."""
    with ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TABLE)
        archive.writestr(".b", TABLE)
        archive.filelist[1].header_offset = 0
    assert "damaged" in refusal(path, path.read_bytes())


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize(
    "inner", [*PACKERS, lambda content: zipped({"a": content, "b": b""})]
)
def test_a_container_in_a_container_is_refused(
    path: Path, pack: Callable[[bytes], bytes], inner: Callable[[bytes], bytes]
) -> None:
    """Each layer multiplies what a small file can become."""
    assert "a packed file within a packed file" in refusal(path, pack(inner(TABLE)))


@pytest.mark.parametrize("pack", PACKERS)
def test_a_container_of_nothing_is_refused(
    path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """It was packed before the export had written a byte."""
    assert "the packed file is empty" in refusal(path, pack(b""))


@pytest.mark.parametrize("pack", PACKERS)
def test_a_container_cut_short_or_altered_is_refused(
    path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Half of a table looks like a table."""
    lines = b"".join(b"A%d,%d\n" % (n, n * 7919) for n in range(9_999))
    content = pack(b"symbol,year\n" + lines)
    if pack is lzma.compress:
        assert "damaged" in refusal(path, content + b"x")
    for cut in (12, 20, len(content) // 2, len(content) - 1):
        assert "damaged" in refusal(path, content[:cut])
    for at in range(len(content) // 3, len(content) // 3 + 50):
        altered = bytearray(content)
        altered[at] ^= 0xFF
        assert "damaged" in refusal(path, bytes(altered))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(bytes(MIB)) * 1_024, "too large"),
        (bz2.compress(bytes(MIB)) * 1_024, "too large"),
        (lzma.compress(bytes(128 * MIB), preset=0), "too large"),
        (zipped({"a.csv": bytes(128 * MIB)}), "too large"),
        (zipped({"a.csv": bytes(128 * MIB)}, change=_set(file_size=99)), "damaged"),
        (gzip.compress(b"x" * MIB) * 1_024, "too large"),
        (gzip.compress(b"x" * MIB) * 63, "line 1: a line of more than"),
        (
            gzip.compress(b'symbol\n"' + (b"x" * 99 + b"\n") * 20_000),
            "line 2: a row of",
        ),
    ],
    ids=["gzip", "bzip2", "xz", "zip", "lying zip", "text", "endless line", "quote"],
)
def test_a_bomb_is_refused_in_little_memory(
    path: Path, scratch: Path, content: bytes, what: str
) -> None:
    """A megabyte must not become the memory or the disk of the machine."""
    path.write_bytes(content)
    with little_memory(), pytest.raises(UnreadableFile, match=what):
        rows_of(open_text(path, limits=Limits(block_bytes=MIB)))
    assert list(scratch.iterdir()) == []


def test_a_stream_that_asks_for_much_memory_is_refused(path: Path) -> None:
    """The header of an xz file alone can ask for gigabytes."""
    chain = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 * MIB}]
    content = lzma.compress(TABLE, filters=chain)
    assert "damaged" in refusal(path, content)


def test_the_limits_of_unpacking_are_those_that_are_set(path: Path) -> None:
    """An operator knows how much room there is."""
    content = gzip.compress(b"symbol,year\n" + b"A,1\n" * 1_000)
    message = refusal(path, content, unpacked_bytes=4_000)
    assert "at most 4,000 bytes and 200 times its size" in message
    source = read(path, content, unpacked_ratio=1)  # small files are no bombs
    assert len(rows_of(source)[0]) == 1_000


@pytest.mark.parametrize("remark", [b"", b"x" * 60_000])
def test_an_archive_of_too_many_members_is_refused(path: Path, remark: bytes) -> None:
    """To list millions of names takes gigabytes."""
    with ZipFile(path, "w") as archive:
        for number in range(100):
            entry = ZipInfo(f"{number}.csv")
            entry.comment = remark
            archive.writestr(entry, b"")
    with little_memory():
        message = refusal(path, path.read_bytes(), members=1_000 if remark else 99)
    assert "an archive of more than" in message


def test_nothing_is_left_behind(path: Path, scratch: Path) -> None:
    """What was unpacked holds company data and takes room."""
    source = read(path, gzip.compress(TABLE))
    assert rows_of(source)[0] == ROWS
    assert list(scratch.iterdir()) == []


def test_no_room_to_unpack_is_no_fault_of_the_file(path: Path, scratch: Path) -> None:
    """The same file is read once there is space; it must not be put away."""
    path.write_bytes(gzip.compress(bytes(4 * MIB)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, hard))
    try:
        with pytest.raises(TransientError, match=r"^dropped\.dat: cannot be unpacked"):
            open_text(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    scratch.rmdir()
    with pytest.raises(TransientError, match=r"^dropped\.dat: cannot be unpacked"):
        open_text(path)


def test_a_packed_table_is_a_table_of_texts(path: Path) -> None:
    """Notebooks read the same files as the loads do."""
    path.write_bytes(one(TABLE))
    table = read_text_table(path)
    assert table.table.to_pydict() == {"symbol": ["A", "B"], "year": ["1", "2"]}
    assert (table.line_numbers.to_pylist(), table.warnings) == ([2, 3], ())
