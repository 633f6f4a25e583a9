"""Laws of housekeeping: a batch goes as one, and only when it has had its time."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.defs.operations.tidying import Tidied, tidy, would_tidy
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.housekept import (
    BATCH_ASSETS,
    age,
    contents,
    later,
    loaded,
    materialised,
    partition_keys,
    run_ids,
    traces,
)

LOCK_LEFT = "housekeeping.lock"


def keep_house(runner: Runner, days: float, **settings: object) -> Tidied:
    """Housekeeping so many days from now, under settings of a test's own."""
    changed = runner.installation.settings.model_copy(update=settings)
    installation = replace(runner.installation, settings=changed)
    return tidy(installation, runner.instance, later(days))


def with_sibling(runner: Runner, batch: Batch) -> None:
    """Give a batch the partition and the failed run of its refused files."""
    sibling = replace(batch, key=refused_sibling(batch.key))
    runner.instance.add_dynamic_partitions(str(batches.name), [sibling.key])
    assert not runner.run(sibling).success


def test_all_that_a_batch_has_goes_together(runner: Runner, tmp_path: Path) -> None:
    """Files, chunks, rejects, handles, both partition keys, and then its runs."""
    batch = loaded(runner, tmp_path, "old", bad=True)
    with_sibling(runner, batch)
    young = loaded(runner, tmp_path, "young")
    age(runner.installation, young, -91)
    home = runner.installation.home
    assert len({trace.split("/")[0] for trace in traces(home, batch.key)}) == 4

    done = keep_house(runner, 91)

    assert done.batches == [batch.key]
    assert (done.partition_keys, done.failures, done.left) == (2, {}, {})
    assert done.bytes > 2 * 200_000  # the two runs alone
    assert traces(home, batch.key) == []
    assert partition_keys(runner.instance) == {young.key}
    runs = runner.instance.get_runs()
    assert [run.tags.get("dagster/partition") for run in runs] == [young.key]


def test_rows_receipts_journal_and_failed_files_stay(
    runner: Runner, tmp_path: Path
) -> None:
    """What was loaded is not undone, and a failed file waits for somebody."""
    loaded(runner, tmp_path, "old", bad=True)
    pipeline = Pipeline(runner.installation)
    tables = ("annual_predictions", "uploads", "run_metrics", "companies")
    before = [pipeline.query(f"SELECT * FROM {name}") for name in tables]  # noqa: S608
    journal = runner.installation.journal.uploads()
    failed = [upload.key for upload in journal if upload.state == "failed"]

    assert keep_house(runner, 9_000).batches

    assert [pipeline.query(f"SELECT * FROM {name}") for name in tables] == before  # noqa: S608
    assert before[0]
    assert runner.installation.journal.uploads() == journal
    assert len(list(runner.installation.home.failed(failed[0]).iterdir())) == 2


def test_a_batch_stays_for_its_time(runner: Runner, tmp_path: Path) -> None:
    """Ninety days by default, reckoned from its end."""
    batch = loaded(runner, tmp_path, "young")
    before = traces(runner.installation.home, batch.key)

    done = keep_house(runner, 89.9)

    assert (done.batches, done.runs) == ([], 0)
    assert traces(runner.installation.home, batch.key) == before
    assert materialised(runner.instance, batch.key) == [*BATCH_ASSETS]


def test_the_oldest_go_first_where_there_are_too_many(
    runner: Runner, tmp_path: Path
) -> None:
    """Dagster's pages grow slow with the number of partitions."""
    old, middle, young = (loaded(runner, tmp_path, n) for n in ("m", "o", "y"))
    with_sibling(runner, young)
    for batch, days in ((old, 3), (middle, 2), (young, 1)):
        age(runner.installation, batch, days)

    done = keep_house(runner, 0, keep_batches=2)

    assert done.batches == [old.key, middle.key]
    assert partition_keys(runner.instance) == {young.key, refused_sibling(young.key)}


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    runner: Runner, tmp_path: Path
) -> None:
    """An operator looks before a first night."""
    loaded(runner, tmp_path, "old", bad=True)
    home, instance = runner.installation.home, runner.instance
    seen = contents(home), partition_keys(instance), run_ids(instance)
    settings = runner.installation.settings.model_copy(update={"keep_failed_days": 1})
    installation = replace(runner.installation, settings=settings)

    said = would_tidy(installation, instance, later(91))

    assert (contents(home), partition_keys(instance), run_ids(instance)) == seen
    done = tidy(installation, instance, later(91))
    assert replace(said, seconds=0) == replace(done, seconds=0)
    assert done.failed_uploads


def test_housekeeping_again_finds_nothing(runner: Runner, tmp_path: Path) -> None:
    """It is safe every night."""
    loaded(runner, tmp_path, "old")
    keep_house(runner, 91)

    done = replace(keep_house(runner, 91), seconds=0)

    assert done == Tidied()


def test_a_batch_that_somebody_holds_is_left_and_named(
    runner: Runner, tmp_path: Path
) -> None:
    """It is being materialised again; others go."""
    held, other = loaded(runner, tmp_path, "held"), loaded(runner, tmp_path, "other")
    before = traces(runner.installation.home, held.key)

    with closing(own_batch(runner.installation.home.batch(held.key), "another")):
        done = keep_house(runner, 91)

    assert done.batches == [other.key]
    assert done.failures == {held.key: f"Batch {held.key} is being processed."}
    assert traces(runner.installation.home, held.key) == before
    assert materialised(runner.instance, held.key) == [*BATCH_ASSETS]
    assert keep_house(runner, 91).batches == [held.key]


def test_a_batch_whose_run_is_on_its_way_stays(runner: Runner, tmp_path: Path) -> None:
    """A back-fill was asked for; its run holds nothing yet."""
    batch = loaded(runner, tmp_path, "wanted")
    runner.instance.create_run_for_job(
        runner.definitions.resolve_job_def("batch_job"),
        tags={"dagster/partition": batch.key},
        status=dg.DagsterRunStatus.NOT_STARTED,
    )

    assert keep_house(runner, 91).batches == []


def test_a_batch_that_changes_while_others_go_is_left(
    runner: Runner, tmp_path: Path
) -> None:
    """Somebody materialised it again between the look and its turn."""
    first, second = loaded(runner, tmp_path, "first"), loaded(runner, tmp_path, "snd")
    installation = runner.installation

    def materialise_the_other(line: str) -> None:
        if first.key in line:
            age(installation, second, -5)

    done = tidy(installation, runner.instance, later(91), materialise_the_other)

    assert done.batches == [first.key]
    assert "has changed meanwhile" in done.failures[second.key]
    assert materialised(runner.instance, second.key) == [*BATCH_ASSETS]


def test_what_has_not_ended_and_what_nobody_knows_is_left_and_named(
    runner: Runner, tmp_path: Path
) -> None:
    """Housekeeping removes nothing of which it does not know the end."""
    home = runner.installation.home
    waiting = runner.claim(loaded_file(tmp_path))
    home.archive.mkdir()
    (home.archive / "stranger").mkdir()
    (home.archive / "note.txt").write_text("mine")
    (home.archive / "link").symlink_to(tmp_path, target_is_directory=True)
    (home.chunks("lost") / "rows").mkdir(parents=True)
    runner.instance.add_dynamic_partitions(str(batches.name), ["../by-hand"])
    open_ = runner.claim(loaded_file(tmp_path))
    home.landing(open_.key).rename(home.archive / open_.key)
    before = contents(home)

    done = keep_house(runner, 9_000)

    unknown = "The journal does not know it."
    assert done.left == {
        "archive/note.txt": "It is no folder of a batch.",
        "archive/link": "It is no folder of a batch.",
        "../by-hand": unknown,
        "lost": unknown,
        "stranger": unknown,
        open_.key: "It has not ended.",
    }
    assert (done.batches, done.failures) == ([], {})
    after = contents(home)
    after.pop(LOCK_LEFT)
    assert after == before
    assert waiting.key in partition_keys(runner.instance)


def loaded_file(folder: Path) -> Path:
    """Any file."""
    file = folder / "any.csv"
    file.write_text("a,b\n1,2\n")
    return file


def test_a_failure_of_one_batch_keeps_no_other_from_going(
    runner: Runner, tmp_path: Path
) -> None:
    """It is named, whole as it was, and tried again the next night."""
    bad, good = loaded(runner, tmp_path, "bad"), loaded(runner, tmp_path, "good")
    home = runner.installation.home
    elsewhere = home.chunks(bad.key).rename(tmp_path / "elsewhere")
    home.chunks(bad.key).symlink_to(elsewhere, target_is_directory=True)

    done = keep_house(runner, 91)

    assert done.batches == [good.key]
    assert "is a link" in done.failures[bad.key]
    assert (home.archive / bad.key).exists()
    assert bad.key in partition_keys(runner.instance)
    assert (elsewhere / "rows").exists()


def test_a_folder_of_the_home_that_is_a_link_stops_everything(
    runner: Runner, tmp_path: Path
) -> None:
    """Half of each batch would go."""
    batch = loaded(runner, tmp_path, "old")
    home = runner.installation.home
    home.rejects("").mkdir(exist_ok=True)
    home.rejects("").rename(tmp_path / "rejects")
    home.rejects("").symlink_to(tmp_path / "rejects", target_is_directory=True)

    with pytest.raises(PermanentError, match="rejects is a link"):
        keep_house(runner, 91)

    assert (home.archive / batch.key).exists()


def test_two_do_not_keep_house_at_once(runner: Runner, tmp_path: Path) -> None:
    """A person's command beside the nightly run."""
    loaded(runner, tmp_path, "old")
    seen: list[str] = []

    def again(line: str) -> None:
        with pytest.raises(TransientError, match="Another housekeeping is running"):
            keep_house(runner, 91)
        seen.append(line)

    tidy(runner.installation, runner.instance, later(91), again)

    assert len(seen) == 1


def test_failed_files_go_only_where_a_setting_says_so(
    runner: Runner, tmp_path: Path
) -> None:
    """And then by their age; what else lies there stays."""
    loaded(runner, tmp_path, "old", bad=True)
    home = runner.installation.home
    (home.failed("mine")).mkdir()
    uploads = runner.installation.journal.uploads(state="failed")

    assert keep_house(runner, 6, keep_failed_days=7).failed_uploads == []
    done = keep_house(runner, 8, keep_failed_days=7)

    assert done.failed_uploads == [upload.key for upload in uploads]
    assert [path.name for path in home.failed("").iterdir()] == ["mine"]


def test_a_batch_materialised_again_starts_its_time_anew(
    runner: Runner, tmp_path: Path
) -> None:
    """Somebody still works with it."""
    batch = loaded(runner, tmp_path, "again")
    age(runner.installation, batch, 80)
    assert runner.run(batch).success

    assert keep_house(runner, 20).batches == []
