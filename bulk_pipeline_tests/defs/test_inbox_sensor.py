"""Laws of the watched folder, tick by tick."""

import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from bulk_pipeline.adapters import claiming
from bulk_pipeline.adapters.batches import Options, batch_in
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.tick import LOCK_FILE
from bulk_pipeline_tests.builders import ROW, write_csv
from bulk_pipeline_tests.defs.watching import NO_TABLE, QUIET_SECONDS, Watch


class Killed(BaseException):
    """Stands for the end of a process in the middle of a line."""


def test_a_settled_file_becomes_one_run_and_leaves_the_inbox(watch: Watch) -> None:
    """This is what the folder is for."""
    path = watch.drop("accounts.csv", "AA", "BB")
    watch.later()
    [request] = watch.asked()

    assert request.run_key == f"{request.partition_key}:1"
    assert str(request.partition_key).endswith("-accounts")
    assert request.tags["bulk_pipeline/files"] == "accounts.csv"
    assert not path.exists()
    assert watch.run(request).success
    assert watch.states() == {"accounts.csv": "loaded"}
    assert watch.stored() == 2
    assert (watch.root / "archive" / str(request.partition_key)).is_dir()
    assert not list((watch.root / "landing").iterdir())
    assert watch.keys() == []


def test_the_partition_of_a_batch_is_asked_for_with_its_run(watch: Watch) -> None:
    """Dagster refuses a run of a partition that it does not know."""
    watch.drop("accounts.csv")
    watch.later()
    answer = watch.look()

    assert isinstance(answer, dg.SensorResult)
    [request] = answer.run_requests or ()
    [added] = answer.dynamic_partitions_requests or ()
    assert list(added.partition_keys) == [request.partition_key]


def test_a_folder_that_is_no_batch_stops_nothing(watch: Watch) -> None:
    """A folder that somebody made in the landing must not stop everybody's files."""
    (watch.root / "landing" / "notes").mkdir(parents=True)
    watch.drop("a.csv")
    watch.later()

    assert len(watch.asked()) == 1


def test_an_empty_inbox_says_that_nothing_waits(watch: Watch) -> None:
    """Whoever looks at a quiet sensor must see that it looks."""
    answer = watch.look()

    assert isinstance(answer, dg.SensorResult)
    assert "0 files" in str(answer.skip_reason)


def test_a_file_that_is_being_written_waits(watch: Watch) -> None:
    """Half a file reads as a whole one: its last rows would be lost in silence."""
    path = watch.drop("accounts.csv", "AA")
    fresh = watch.look()
    watch.later(QUIET_SECONDS - 1)
    growing = watch.keys()

    assert isinstance(fresh, dg.SensorResult)
    assert "1 file is still being written" in str(fresh.skip_reason)
    assert growing == []
    assert path.exists()


def test_a_file_that_is_written_again_waits_again(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow copy pauses; a pause is not its end."""
    path = watch.drop("accounts.csv", "AA")
    # Long enough for the pause between the two writes to be shorter on any machine.
    monkeypatch.setenv("BULK_PIPELINE_QUIET_SECONDS", "60")
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
    watch.ahead = 59.0
    assert watch.keys() == []
    watch.ahead = 61.0
    assert len(watch.keys()) == 1


def test_a_file_with_an_old_date_that_was_just_copied_waits(watch: Watch) -> None:
    """`cp -p` and most downloads set the old date while bytes are still coming."""
    path = watch.drop("accounts.csv")
    os.utime(path, (1_000_000_000, 1_000_000_000))

    assert watch.keys() == []
    watch.later()
    assert len(watch.keys()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "a.csv.part",
        "a.PART",
        "~$a.xlsx",
        "a.tmp",
        ".a.csv.swp",
        "a.crdownload",
        "a.csv.filepart",
        "team/.hidden.csv",
        ".team/a.csv",
    ],
)
def test_unfinished_names_are_never_taken(watch: Watch, name: str) -> None:
    """A program renames its file when it is whole; until then it is the program's."""
    path = watch.drop(name)
    watch.later(1e6)

    assert watch.keys() == []
    assert path.exists()
    path.rename(watch.inbox / "whole.csv")
    watch.later()
    assert len(watch.keys()) == 1


def test_only_names_of_the_pattern_are_taken(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some inboxes are shared with other programs."""
    monkeypatch.setenv("BULK_PIPELINE_INBOX_PATTERN", "*.csv")
    watch.drop("a.CSV")
    other = watch.drop("notes.txt")
    watch.later()

    [request] = watch.asked()
    assert watch.names(request) == ["a.CSV"]
    assert other.exists()


def test_a_subfolder_is_kept_as_who_submitted(watch: Watch) -> None:
    """A reject file must find its way back to the team that sent the rows."""
    watch.drop("team-a/accounts.csv", "AA")
    watch.drop("team-b/accounts.csv", "BB")
    watch.take()

    uploads = watch.runner.installation.journal.uploads()
    assert sorted((u.submitted_by, u.file) for u in uploads) == [
        ("team-a", "accounts.csv"),
        ("team-b", "accounts.csv"),
    ]
    assert {u.state for u in uploads} == {"loaded"}


def test_deeper_folders_are_left_alone(watch: Watch) -> None:
    """Who submitted is one folder; a tree that was dropped by mistake is not eaten."""
    path = watch.drop("team/2020/accounts.csv")
    watch.later()

    assert watch.keys() == []
    assert path.exists()


def test_a_name_dropped_again_with_other_content_is_a_new_upload(
    watch: Watch,
) -> None:
    """Everybody calls it accounts.xlsx, every year."""
    watch.drop("accounts.csv", "AA")
    [first] = watch.take()
    watch.drop("accounts.csv", "BB")
    [second] = watch.take()

    assert first.success
    assert second.success
    one, two = watch.runner.installation.journal.uploads()
    assert (one.state, two.state) == ("loaded", "loaded")
    assert one.key != two.key
    assert watch.stored() == 2


def test_a_content_dropped_again_under_another_name_is_repeated(watch: Watch) -> None:
    """People send a file twice; nothing is stored twice, and both are told."""
    watch.drop("first.csv", "AA")
    watch.take()
    watch.drop("second.csv", "AA")
    [again] = watch.take()

    assert again.success
    assert watch.states() == {"first.csv": "loaded", "second.csv": "repeated"}
    assert watch.stored() == 1


def test_a_tick_whose_answer_is_lost_loses_nothing(watch: Watch) -> None:
    """A daemon dies between the claim and the launch; the UI offers dry runs."""
    watch.drop("accounts.csv")
    watch.later()
    [lost] = watch.asked()
    [asked] = watch.asked()

    assert (asked.run_key, asked.partition_key) == (lost.run_key, lost.partition_key)
    assert watch.run(asked).success
    assert watch.keys() == []
    assert watch.stored() == 1


def test_a_claim_that_no_journal_knows_is_asked_for(watch: Watch) -> None:
    """A tick is killed after the files moved and before it wrote down that they did."""
    watch.drop("accounts.csv")
    home = watch.runner.installation.home
    options = Options.from_settings(watch.runner.installation.settings)
    batch = claiming.claim(home, claiming.look(home.inbox), options, watch.now())

    assert batch is not None
    assert watch.states() == {}
    assert watch.keys() == [f"{batch.key}:1"]
    assert watch.states() == {"accounts.csv": "claimed"}


def test_a_claim_that_was_cut_short_is_finished(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two files, a claim leaves one here and one there."""
    watch.drop("a.csv", "AA")
    watch.drop("b.csv", "BB")
    watch.later()
    moves: list[Path] = []
    real = claiming._move

    def move(source: Path, target: Path) -> None:
        if moves:
            raise Killed
        moves.append(source)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(claiming, "_move", move)
        with pytest.raises(Killed):
            watch.look()
    results = [watch.run(request) for request in watch.asked()]

    assert [result.success for result in results] == [True, True]
    assert watch.states() == {"a.csv": "loaded", "b.csv": "loaded"}
    assert watch.stored() == 2


def test_a_batch_has_at_most_so_many_files_oldest_first(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a batch the older file wins a key, so the order must be that of time."""
    monkeypatch.setenv("BULK_PIPELINE_BATCH_FILES", "2")
    for age, name in enumerate(["e.csv", "d.csv", "c.csv", "b.csv", "a.csv"]):
        path = watch.drop(name, name[0])
        os.utime(path, (1_000_000_000 + age, 1_000_000_000 + age))
    watch.later()
    requests = watch.asked()

    assert sorted(watch.names(request) for request in requests) == [
        ["a.csv"],
        ["c.csv", "b.csv"],
        ["e.csv", "d.csv"],
    ]
    assert len({request.run_key for request in requests}) == 3


def test_a_batch_has_at_most_so_many_bytes_and_a_big_file_is_alone(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One huge file must not keep the small ones waiting, nor be left for ever."""
    monkeypatch.setenv("BULK_PIPELINE_BATCH_BYTES", "1000")
    sizes = {"small.csv": 400, "other.csv": 500, "big.csv": 5000, "last.csv": 10}
    for age, (name, size) in enumerate(sizes.items()):
        path = watch.drop(name, content=b"x" * size)
        os.utime(path, (1_000_000_000 + age, 1_000_000_000 + age))
    watch.later()

    assert sorted(watch.names(request) for request in watch.asked()) == [
        ["big.csv"],
        ["small.csv", "other.csv", "last.csv"],
    ]


def no_database(folder: Path) -> Path:
    """A folder where the database should be."""
    path = folder / "folder.db"
    path.mkdir()
    return path


def garbage(folder: Path) -> Path:
    """A file that is no database."""
    path = folder / "garbage.db"
    path.write_bytes(b"this is no database, and never was one. " * 1000)
    return path


@pytest.mark.parametrize("broken", [no_database, garbage])
def test_files_stay_in_the_inbox_while_the_database_is_down(
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Any,
) -> None:
    """Claimed files could only fail, run after run, until somebody repairs it."""
    path = watch.drop("accounts.csv")
    watch.later()
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{broken(tmp_path)}")
        answer = watch.look()

    assert isinstance(answer, dg.SkipReason)
    assert "The files stay in the inbox" in str(answer.skip_message)
    assert path.exists()
    assert len(watch.keys()) == 1


def test_a_setting_that_cannot_be_used_is_the_reason_to_skip(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick's line in the UI is where an operator looks first."""
    watch.drop("accounts.csv")
    monkeypatch.setenv("BULK_PIPELINE_BATCH_FILES", "none")
    answer = watch.look()

    assert isinstance(answer, dg.SkipReason)
    assert "BULK_PIPELINE_BATCH_FILES" in str(answer.skip_message)


def test_a_tick_does_not_wait_for_a_load_to_end(watch: Watch) -> None:
    """A big load holds the database's one write lock for a while; ticks only read."""
    watch.drop("accounts.csv")
    watch.later()
    writer = sqlite3.connect(watch.root / "bulk_pipeline.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        before = time.monotonic()
        asked = watch.keys()
        took = time.monotonic() - before
    finally:
        writer.close()

    assert len(asked) == 1
    assert took < 10


def test_of_two_ticks_at_once_the_second_skips(watch: Watch) -> None:
    """A tick in the UI and one of the daemon must not claim the same file."""
    path = watch.drop("accounts.csv")
    watch.later()
    with only_one(watch.root / LOCK_FILE) as alone:
        answer = watch.look()

    assert alone
    assert isinstance(answer, dg.SkipReason)
    assert path.exists()
    assert len(watch.keys()) == 1


def test_looks_are_as_far_apart_as_the_setting_says(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a slow network share costs more than on a disk."""
    monkeypatch.setenv("BULK_PIPELINE_INBOX_SECONDS", "1000")
    first, second = watch.look(), watch.look()
    watch.later(1001)
    third = watch.look()

    assert isinstance(first, dg.SensorResult)
    assert isinstance(second, dg.SkipReason)
    assert isinstance(third, dg.SensorResult)


def test_links_pipes_and_folders_are_not_touched(watch: Watch, tmp_path: Path) -> None:
    """A link could name any file of the machine, and a pipe never ends."""
    secret = tmp_path / "secret.csv"
    write_csv(secret, [ROW])
    (watch.inbox / "link.csv").symlink_to(secret)
    (watch.inbox / "team").symlink_to(tmp_path)
    os.mkfifo(watch.inbox / "pipe.csv")
    (watch.inbox / "folder.csv").mkdir()
    before = sorted(entry.name for entry in watch.inbox.iterdir())
    watch.later()

    assert watch.keys() == []
    assert sorted(entry.name for entry in watch.inbox.iterdir()) == before
    assert secret.exists()


def test_a_name_that_is_no_text_is_taken_like_any_other(watch: Watch) -> None:
    """An old Windows or Mac archive has such names; one must not stop the inbox."""
    raw = os.fsencode(watch.inbox) + b"/Bilanz-\xe4\xf6.csv"
    write_csv(Path(os.fsdecode(raw)), [ROW])
    watch.drop("other.csv", "BB")
    results = watch.take()

    assert [result.success for result in results] == [True]
    assert set(watch.states().values()) == {"loaded"}
    assert watch.stored() == 2


@pytest.mark.parametrize(
    "name", ["-rf.csv", "two\nlines.csv", "Übung 2020 財務.csv", "a" * 251 + ".csv"]
)
def test_odd_names_are_taken_like_any_other(watch: Watch, name: str) -> None:
    """Names are the user's business; they never become paths or keys of ours."""
    watch.drop(name, "AA")
    watch.drop(name[:-4] + ".txt", content=NO_TABLE)
    [result] = watch.take()

    assert result.success
    assert watch.states() == {name: "loaded", name[:-4] + ".txt": "failed"}
    [shown] = watch.asked()
    assert not watch.run(shown).success


def test_options_of_the_settings_are_fixed_when_a_batch_is_claimed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that waits is loaded as it was meant when it was dropped."""
    watch.drop("accounts.csv")
    monkeypatch.setenv("BULK_PIPELINE_ON_CONFLICT", "update")
    watch.later()
    [request] = watch.asked()
    monkeypatch.setenv("BULK_PIPELINE_ON_CONFLICT", "skip")

    assert watch.run(request).success
    found = batch_in(watch.root / "archive" / str(request.partition_key))
    assert found.options == replace(found.options, on_conflict="update")
