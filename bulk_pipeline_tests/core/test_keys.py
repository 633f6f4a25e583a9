"""The laws of keys: safe as a path and a partition, and never a raw file name."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.keys import SLUG_LENGTH, batch_key, slug, upload_key

NOW = datetime(2026, 3, 9, 8, 5, 7, tzinfo=UTC)
SAFE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
BATCH = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}-[a-z0-9]+(-[a-z0-9]+)*")


def test_an_upload_key_is_its_moment_and_its_token():
    """Keys sort in the order of arrival, which decides what is newer."""
    assert upload_key(NOW, "1f2e3d4c") == "20260309T080507Z-1f2e3d4c"
    assert upload_key(NOW, "ff") < upload_key(NOW.replace(second=8), "00")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Accounts 2012.xlsx", "accounts-2012"),
        ("accounts.csv.gz", "accounts-csv"),
        ("no_ending", "no-ending"),
        (".csv", "csv"),
        ("Geb\u00fchren \u2013 \u00dcbersicht.csv", "gebuhren-ubersicht"),
        ("\u6c7a\u7b97.xlsx", "file"),
        ("", "file"),
        ("...", "file"),
        ("../../etc/passwd", "file"),
        ("'; DROP TABLE x; --.csv", "drop-table-x"),
        ("a" * 39 + " b.csv", "a" * 39),
        ("a" * 60 + ".csv", "a" * SLUG_LENGTH),
    ],
)
def test_a_slug_keeps_the_words_of_a_name_and_nothing_else(name, words):
    """An analyst recognises the file; a shell or a path never meets its signs."""
    assert slug(name) == words


@settings(deadline=None)
@given(st.text())
def test_any_name_gives_a_safe_slug(name):
    """The slug is part of folder names: a slash or a dot could leave the folder."""
    assert SAFE.fullmatch(slug(name))
    assert len(slug(name)) <= SLUG_LENGTH


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_batch_key_never_holds_a_raw_name(names):
    """Partition keys travel through URLs, logs and folders that others can write."""
    key = batch_key(NOW, [f"upload-{n}" for n, _ in enumerate(names)], names)
    assert BATCH.fullmatch(key)
    assert key.startswith("20260309T080507Z-")
    if len(names) > 1:
        assert key.endswith(f"-{len(names)}-files")


def test_a_batch_of_one_file_is_recognised_by_it():
    """In a list of runs the name is what people look for."""
    key = batch_key(NOW, ["u1"], ["Accounts 2012.xlsx"])
    assert key.endswith("-accounts-2012")


@pytest.mark.parametrize("name", ["refused.csv", "accounts-refused.csv", "x refused"])
def test_no_file_name_makes_a_batch_look_like_the_list_of_refused_ones(name):
    """A partition whose name ends so shows refused files and loads nothing."""
    assert not batch_key(NOW, ["u1"], [name]).endswith("-refused")


def test_batches_of_one_second_differ_by_their_uploads():
    """Two batches with one key would overwrite each other's folder."""
    first = batch_key(NOW, ["u1"], ["a.csv"])
    assert first == batch_key(NOW, ["u1"], ["a.csv"])
    assert first != batch_key(NOW, ["u2"], ["a.csv"])
    assert first != batch_key(NOW, ["u1", "u2"], ["a.csv", "a.csv"])
