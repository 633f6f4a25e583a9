"""Batches on disk: what was claimed, in which order, under which options."""

import json
import os
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulk_pipeline.adapters.batches import Options, land_copies, read_batch
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.errors import PermanentError, UnreadableFile
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import rows_of, write_csv

OPTIONS = Options("skip", "keep", "Q4", "percent")
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ODD_NAMES = [
    "with space.csv",
    "Größe, Übersicht.csv",
    "半期.csv",
    "a'b\"c;--.csv",
    "new\nline.csv",
    "%s{0}$HOME.csv",
    "=1+1.csv",
    ".csv",
    "no ending",
    "x" * 251 + ".csv",
]


def land(tmp_path, *files, options=OPTIONS):
    """A batch of files in a home."""
    return land_copies(Home(tmp_path / "home"), files, options, NOW)


def aged(path: Path, moment: float) -> Path:
    """A file that was last changed at a moment, seconds since 1970."""
    if not path.exists():
        write_csv(path, rows_of("A", [2001]))
    os.utime(path, (moment, moment))
    return path


def test_files_stand_in_order_of_age_then_name(tmp_path) -> None:
    """Under update the newest value must win, whatever the files are called."""
    files = [
        aged(tmp_path / "b.csv", 300),
        aged(tmp_path / "d.csv", 200),
        aged(tmp_path / "c.csv", 200),
        aged(tmp_path / "a.csv", 300.5),
    ]
    batch = land(tmp_path, *files)
    names = [upload.file_name for upload in batch.uploads]
    assert names == ["c.csv", "d.csv", "b.csv", "a.csv"]


def test_a_batch_is_read_as_it_was_claimed(tmp_path) -> None:
    """A run may come days later, in another process, under other settings."""
    options = replace(OPTIONS, on_conflict="update", force=True, blank_quarter="FY")
    batch = land(tmp_path, aged(tmp_path / "a.csv", 1), options=options)
    assert read_batch(Home(tmp_path / "home"), batch.key) == batch
    assert batch.options == options
    assert batch.created_at == NOW.isoformat()
    with pytest.raises(FrozenInstanceError):
        batch.key = "other"  # type: ignore[misc]


def test_the_users_files_stay(tmp_path) -> None:
    """Loading by hand is no reason to lose one's file."""
    path = aged(tmp_path / "a.csv", 1)
    content = path.read_bytes()
    batch = land(tmp_path, path)
    assert path.read_bytes() == content
    landed = Home(tmp_path / "home").landing(batch.key) / batch.uploads[0].stored_name
    assert landed.read_bytes() == content
    assert batch.uploads[0].bytes == len(content)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept_for_people_and_nowhere_else(
    small: Pipeline, tmp_path, name
) -> None:
    """A file name is text from outside: never a path, a key or a statement of ours."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    report = small.load(aged(folder / name, 1)).uploads[0]
    assert (report.file, report.state) == (name, "loaded")
    assert small.value("SELECT file_name FROM uploads") == name
    (upload,) = small.batch(report.batch).uploads
    for ours in (report.batch, upload.key, upload.stored_name):
        assert ours.isascii()
        assert not {*ours} & {*" /\\'\"\n%$;"}


def test_a_name_that_is_no_text_can_be_loaded(small: Pipeline, tmp_path) -> None:
    """Old shares hold names in other encodings; the file in it is as good as any."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bilanz-\xfc.csv"))
    report = small.load(aged(path, 1)).uploads[0]
    assert (report.state, report.inserted) == ("loaded", 1)
    assert report.file.startswith("bilanz-")
    report.file.encode()  # it can be shown
    (journalled,) = small.installation.journal.uploads()
    assert journalled.file == report.file


def test_two_files_of_one_name_are_two_uploads(small: Pipeline, tmp_path) -> None:
    """Each month's folder has a file of the same name."""
    files = []
    for number, symbol in enumerate("AB"):
        folder = tmp_path / symbol
        folder.mkdir()
        path = write_csv(folder / "accounts.csv", rows_of(symbol, [2001]))
        files.append(aged(path, number))
    published = small.load(*files)
    assert [report.inserted for report in published.uploads] == [1, 1]
    assert len({report.key for report in published.uploads}) == 2


@pytest.mark.parametrize("kind", ["directory", "pipe", "missing", "dangling"])
def test_what_is_no_file_is_refused_by_name(tmp_path, kind) -> None:
    """A batch must not land without one of the files that were named."""
    odd = tmp_path / f"{kind}.csv"
    if kind == "directory":
        odd.mkdir()
    elif kind == "pipe":
        os.mkfifo(odd)
    elif kind == "dangling":
        odd.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableFile, match=rf"{kind}\.csv"):
        land(tmp_path, aged(tmp_path / "good.csv", 1), odd)
    assert not (tmp_path / "home").exists()


def test_batches_of_one_moment_have_keys_of_their_own(tmp_path) -> None:
    """Two people may load the same file in the same second."""
    path = aged(tmp_path / "My Accounts (2).csv", 1)
    keys = {land(tmp_path, path).key for _ in range(20)}
    assert len(keys) == 20
    assert all(key.startswith("20240501T120000Z-") for key in keys)
    assert all(key.endswith("-my-accounts-2") for key in keys)
    other = aged(tmp_path / "b.csv", 1)
    assert land(tmp_path, path, other).key.endswith("-2-files")


def test_a_batch_file_is_plain_json(tmp_path) -> None:
    """The journal can be made again from these files alone."""
    batch = land(tmp_path, aged(tmp_path / "a.csv", 1))
    folder = Home(tmp_path / "home").landing(batch.key)
    document = json.loads((folder / "batch.json").read_text())
    assert document["key"] == batch.key
    assert document["options"]["on_conflict"] == "skip"
    assert document["uploads"][0]["file_name"] == "a.csv"


def test_a_batch_that_never_landed_is_named(tmp_path) -> None:
    """The message must say where to look: another home."""
    with pytest.raises(PermanentError, match=r"No batch x has.*BULK_PIPELINE_HOME"):
        read_batch(Home(tmp_path), "x")
