"""Encodings: the one that fits the whole file, a guess that is told, or a refusal."""

import tracemalloc
from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.notices import NoticeKind
from bulk_pipeline_tests.adapters.readers.opened import read, refusal, rows_of

LEGACY = {
    "cp1252": "Société Générale,Münchener Rück,Ørsted,Telefónica,L\u2019Oréal,Peñoles",
    "cp1250": "Česká spořitelna,Żabka Polska,Škoda Auto,Płock,Győr,Śląski Węgiel",
    "cp1251": "Газпром нефть,Сбербанк России,Лукойл,Магнит",
    "cp1253": "Εθνική Τράπεζα,Μυτιληναίος,Ελληνικά Πετρέλαια",
    "cp1254": "Türkiye İş Bankas\u0131,Koç Holding,Ereğli Demir,Şişe Cam",
    "cp1257": "Šiaulių bankas,Rokiškio sūris,Žemaitijos pienas,Ūkio bankas",
    "cp932": "トヨタ自動車,三菱商事株式会社,任天堂,ポーラ",
    "gb18030": "中国石油,贵州茅台,平安保险,比亚迪股份",
    "cp949": "삼성전자,현대자동차,포스코홀딩스",
    "big5hkscs": "台積電,鴻海精密,中華電信,國泰金控",
    "koi8-r": "Газпром,Лукойл,Сбербанк России,Норильский никель",
    "mac-roman": "Société Générale,Münchener Rück,Telefónica,Peñoles",
    "cp850": "Société Générale,Münchener Rück,Telefónica,Peñoles",
}
"""Codec → names of companies."""

WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
TEXT = "symbol,name\nA,Société 💶\nB,北京\n"
ROWS = [("A", "Société 💶"), ("B", "北京")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.dat"


def table(names: list[str], delimiter: str = ",") -> str:
    """A table of accounts of these companies."""
    rows = [
        (f"S{n}", name, "2012", "24.111", "-24.182") for n, name in enumerate(names)
    ]
    header = ("symbol", "name", "year", "debt", "margin")
    return "".join(f"{delimiter.join(row)}\r\n" for row in (header, *rows))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", *WIDE])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_unicode_is_told_by_its_mark_or_its_bytes(
    path: Path, encoding: str, mark: str, block_bytes: int
) -> None:
    """Taken for another it is a table of NULs, or none."""
    source = read(path, (mark + TEXT).encode(encoding), block_bytes=block_bytes)
    assert (source.header, source.encoding) == (("symbol", "name"), encoding)
    assert rows_of(source) == (ROWS, [2, 3], [])
    assert source.notices == ()


@pytest.mark.parametrize("codec", LEGACY)
@pytest.mark.parametrize("delimiter", [";", "|"])
def test_a_legacy_encoding_is_guessed_and_the_guess_is_told(
    path: Path, codec: str, delimiter: str
) -> None:
    """Bytes taken for another alphabet are names that nobody finds again."""
    names = LEGACY[codec].split(",")
    if (codec, delimiter) == ("cp932", "|"):
        names.remove("ポーラ")  # its second byte is the delimiter
    source = read(path, table(names, delimiter).encode(codec))
    assert [row[1] for row in rows_of(source)[0]] == names
    (notice,) = source.notices
    assert (notice.kind, notice.count) == (NoticeKind.GUESSED_ENCODING, 1)
    assert source.encoding in notice.text
    assert "BULK_PIPELINE_ENCODING" in notice.text


def test_names_of_many_western_languages_are_one_western_file(path: Path) -> None:
    """A Czech or a Chinese guess is what whole rows of figures lead to."""
    names = [
        *("Société Générale", "Münchener Rück", "Telefónica", "Electrolux Göteborg"),
        *(
            "Mærsk",
            "Škoda",
            "São Paulo",
            "Österreichische Post",
            "Café “Zürich” \u2013 €",
        ),
    ]
    source = read(path, table(names).encode("cp1252"))
    assert source.encoding == "cp1252"
    assert [row[1] for row in rows_of(source)[0]] == names


def test_what_reads_the_same_in_the_western_encoding_is_called_so(path: Path) -> None:
    """Nobody understands why a French file should be Hungarian."""
    source = read(path, b"symbol,name\nA,Soci\xe9t\xe9 G\xe9n\xe9rale\n")
    assert source.encoding == "cp1252"


@pytest.mark.parametrize("filler", ["Acme", "Nestl\xe9"])
def test_the_guess_looks_at_the_whole_file(path: Path, filler: str) -> None:
    """The first megabytes may be plain, or say nothing of what comes below."""
    codec = "cp932" if filler == "Acme" else "cp1252"
    names = [filler] * 120_000 + LEGACY[codec].split(",") * 20
    source = read(path, table(names).encode(codec))
    assert [row[1] for row in rows_of(source)[0]] == names


def test_the_guess_of_a_large_file_takes_a_part_of_each_part(path: Path) -> None:
    """Its first thousand names may be those of one country."""
    names = LEGACY["cp932"].split(",")
    plain = table(["Acme"] * 20_000).encode()
    content = b"symbol,name,year,debt,margin\r\n" + b"".join(
        b"".join(table([name]).encode("cp932").splitlines(keepends=True)[1:]) + plain
        for name in names * 18
    )
    source = read(path, content)
    found = {row[1] for row in rows_of(source)[0]}
    assert set(names) <= found


def test_bytes_that_are_no_text_in_any_encoding_are_refused(path: Path) -> None:
    """Such a file is damaged or of a kind that nobody knows."""
    message = refusal(path, b"\x01\x02\x03\xff\xfe\x05\x06" * 99)
    assert "neither text nor a kind of file that is read" in message


@pytest.mark.parametrize("good", [1, 3, 500])
def test_bad_bytes_among_good_utf8_are_refused_by_line(path: Path, good: int) -> None:
    """A guess would garble every name that is right."""
    content = table([f"Société {n}" for n in range(good)]).encode()
    content += b"X,Caf\xe9 Z\xfcrich,2012,1,1\r\n"
    message = refusal(path, content)
    assert f"line {good + 2:,}: byte 0xe9 is no UTF-8" in message
    assert "Save the file as CSV UTF-8" in message


@pytest.mark.parametrize(
    ("encoding", "cut"),
    [("utf-8", 1), ("utf-16-le", 1), ("utf-16-be", 2), ("utf-32-le", 3), ("cp932", 1)],
)
def test_text_cut_inside_a_character_is_refused(
    path: Path, encoding: str, cut: int
) -> None:
    """The rest of the file is missing, whatever the rows so far look like."""
    name = "社" if encoding == "cp932" else "💶"
    text = f"symbol,name\nA,{name}{name}{name}\nB,{name}"
    message = refusal(path, text.encode(encoding)[:-cut])
    assert "line 3: the text is cut short in the middle of a character" in message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("symbol,name\nA,1\nB,\0\n".encode("utf-16"), 3),
        ("symbol,name\n\0A,1\n".encode("utf-32"), 2),
        ("symbol,\0name\n".encode("utf-16-le"), 1),
    ],
)
def test_a_nul_character_is_refused_by_line(
    path: Path, content: bytes, line: int
) -> None:
    """It ends the text for whoever reads it next."""
    assert f"line {line}: a NUL byte" in refusal(path, content)


def test_plain_text_with_a_stray_nul_is_no_utf16(path: Path) -> None:
    """Its letters two by two are Chinese of no sense."""
    for at in range(12, 19):
        content = bytearray(b"symbol,year\nA,2012\nB,2013\n")
        content[at] = 0
        assert "line 2: a NUL byte" in refusal(path, bytes(content))


def test_half_a_surrogate_pair_is_refused_by_line(path: Path) -> None:
    """Half a character is none, and no other program would take it."""
    content = "symbol,name\nA,x\nB,".encode("utf-16") + b"\x3d\xd8,\0\n\0"
    assert "line 3: byte 0x3d is no utf-16-le" in refusal(path, content)


def test_the_encoding_that_is_asked_for_is_used(path: Path) -> None:
    """Who knows what a supplier sends need not hope for a good guess."""
    content = "symbol,name\nA,Łódź\n".encode("cp1250")
    source = read(path, content, encoding="cp1250")
    assert (source.encoding, source.notices) == ("cp1250", ())
    assert rows_of(source)[0] == [("A", "Łódź")]
    source = read(path, content, encoding="windows-1251")
    assert source.encoding == "cp1251"
    assert rows_of(source)[0] == [("A", content[-5:-1].decode("cp1251"))]


@pytest.mark.parametrize("mark_of", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_goes_before_the_encoding_that_is_asked_for(
    path: Path, mark_of: str
) -> None:
    """One setting is for all files, and some of them say what they are."""
    source = read(path, TEXT.encode(mark_of), encoding="cp1252")
    assert rows_of(source)[0] == ROWS


@pytest.mark.parametrize(
    ("encoding", "what"),
    [
        ("utf-8", "line 3: byte 0x81 is no UTF-8"),
        ("utf-8-sig", "line 3: byte 0x81 is no UTF-8"),
        ("cp1252", "line 3: byte 0x81 is no cp1252"),
        ("ascii", "line 3: byte 0x81 is no ascii"),
        ("utf-16", "line 1: this is no utf-16"),
    ],
)
def test_a_file_that_does_not_fit_what_is_asked_for_is_refused_by_line(
    path: Path, encoding: str, what: str
) -> None:
    """To guess on would hide that the setting is wrong."""
    message = refusal(path, b"symbol,name\nA,x\nB,\x81\n", encoding=encoding)
    assert what in message
    assert "BULK_PIPELINE_ENCODING" in message


@pytest.mark.parametrize("name", ["hex", "klingon", "undefined"])
def test_an_encoding_that_is_none_is_a_wrong_setting(path: Path, name: str) -> None:
    """It is no fault of the file, which must not be put away as refused."""
    path.write_bytes(b"symbol\n")
    with pytest.raises(ConfigurationError, match="BULK_PIPELINE_ENCODING"):
        open_text(path, encoding=name)


@pytest.mark.parametrize("codec", ["cp932", "cp1250"])
def test_a_guess_that_does_not_fit_to_the_end_is_refused_by_line(
    path: Path, codec: str
) -> None:
    """One bad byte far below must not turn good names into others."""
    names = LEGACY[codec].split(",") * 20_000
    content = table(names).encode(codec) + b"X,\x81\r\n"
    message = refusal(path, content)
    assert f"line {len(names) + 2:,}: byte 0x81 is no" in message


def test_what_no_other_candidate_fits_is_read_as_western(path: Path) -> None:
    """A stray letter of the Western set is no reason to refuse the file."""
    names = LEGACY["cp1250"].split(",")
    content = table(names * 20_000).encode("cp1250") + b"X,\x83,2012,1,1\r\n"
    source = read(path, content)
    assert source.encoding == "cp1252"
    assert "cp1252" in source.notices[0].text


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_without_text_is_no_table(path: Path, mark: str) -> None:
    """An export that failed leaves such a file."""
    assert "no header" in refusal(path, "".encode(mark))
    assert "no header" in refusal(path, "".encode(mark), encoding="utf-16")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_long_row_is_refused_in_any_encoding(path: Path, encoding: str) -> None:
    """One endless line would take the memory of the whole machine."""
    content = ("symbol,name\nA,é\n" + "x" * 2_000 + "é,1\n").encode(encoding)
    message = refusal(path, content, line_bytes=1_000, block_bytes=64)
    assert "line 3: a row of more than 1,000 bytes" in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252"])
def test_the_bytes_read_are_those_of_the_file(path: Path, encoding: str) -> None:
    """A person watches the progress of a long load."""
    content = ("symbol,name\n" + "A,é\n" * 1_000).encode(encoding)
    source = read(path, content, block_bytes=500)
    sizes = [chunk.bytes_read for chunk in source.chunks()]
    assert len(sizes) > 5
    assert source.total_bytes * 0.98 < sum(sizes) <= source.total_bytes == len(content)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_memory_does_not_grow_with_the_file(path: Path, encoding: str) -> None:
    """Text of a gigabyte must not be in memory at once to become UTF-8."""
    path.write_bytes(("symbol,name\n" + "A,Nestlé\n" * 2_000_000).encode(encoding))
    tracemalloc.start()
    try:
        assert open_text(path).header == ("symbol", "name")
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 2
    finally:
        tracemalloc.stop()
