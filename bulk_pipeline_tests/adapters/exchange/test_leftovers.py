"""Housekeeping in the exchange: it takes what is ours and nothing else."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.adapters.exchange.leftovers import remove_batch, sent_batches
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.exchange.sent import Sender, mixed_file, sender_in

HOME = "0123456789abcdef0123456789abcdef"
BATCH = "20260101T000000Z-0123ab-file"
PLAN = f"{BATCH}/01234567_0123456789ab"
OURS = (
    f"{PLAN}/plan.json",
    f"{PLAN}/span_0.json",
    f"{PLAN}/rows/chunk-00000.arrow",
    f"{PLAN}/scores/chunk-123456.arrow",
    f"{PLAN}/.plan.json.0123abcd.partial",
    f"{PLAN}/scores/.chunk-00000.arrow.0123abcd.partial",
)
OTHERS = (
    "models/x.json",
    "notes.txt",
    f"{BATCH}/notes.txt",
    f"{PLAN}/notes.txt",
    f"{PLAN}/rows/notes.arrow",
    f"{BATCH}/76543210_0123456789ab/plan.json",
    "somebody/01234567_0123456789ab/plan.json",
)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    """Ours and what others have in one folder."""
    made = Exchange(FolderStore(tmp_path), 1)
    for name in (*OURS, *OTHERS):
        made.write(name, b"xy")
    return made


def test_only_what_this_home_sent_is_found(exchange: Exchange) -> None:
    """Several homes may share one exchange, and people put things anywhere."""
    assert sent_batches(exchange, HOME) == {BATCH: dict.fromkeys(OURS, 2)}


def test_only_what_this_home_sent_is_removed(exchange: Exchange) -> None:
    """Another home may be scoring that very batch's namesake."""
    assert remove_batch(exchange, HOME, BATCH) == 2 * len(OURS)
    assert set(exchange.sizes()) == set(OTHERS)
    assert remove_batch(exchange, HOME, BATCH) == 0


@pytest.mark.parametrize("batch", ["", "..", "../other", "models", "somebody"])
def test_what_is_no_batch_is_left_alone(exchange: Exchange, batch: str) -> None:
    """A name from a listing is not trusted."""
    assert remove_batch(exchange, HOME, batch) == 0
    assert set(exchange.sizes()) == {*OURS, *OTHERS}


def test_names_that_lead_elsewhere_are_none_of_ours() -> None:
    """A store may list what no file system would."""

    class Odd:
        """Lists what it was given."""

        def sizes(self, prefix: str) -> dict[str, int]:
            """Names that lead out of a batch."""
            del prefix
            return {
                f"../{OURS[0]}": 1,
                f"{PLAN}/rows/../../../x/chunk-00000.arrow": 1,
                f"{PLAN}/../plan.json": 1,
                f"/{OURS[0]}": 1,
                f"{OURS[0]}\n": 1,
            }

    assert sent_batches(Exchange(Odd(), 1), HOME) == {}  # type: ignore[arg-type]


def test_a_batch_that_is_open_again_is_kept(exchange: Exchange) -> None:
    """It may have been started since somebody looked."""
    assert remove_batch(exchange, HOME, BATCH, lambda: False) == 0
    assert set(exchange.sizes()) == {*OURS, *OTHERS}


def test_a_plan_goes_before_what_it_lists(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that still finds it would find less and less of its rows."""
    removed = []
    monkeypatch.setattr(FolderStore, "remove", lambda _, names: removed.extend(names))
    with pytest.raises(TransientError, match=r"kept 6 objects"):
        remove_batch(exchange, HOME, BATCH)

    assert removed[0] == f"{PLAN}/plan.json"
    assert set(removed) == set(OURS)


def test_all_that_a_batch_leaves_is_known_by_its_names(
    tmp_path: Path, url: str
) -> None:
    """What has a name of another form would lie there for ever."""
    sender: Sender = sender_in(tmp_path / "sender", url)
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch)[:2])
    key, home_id = (
        batch.directory.parent.name,
        sender.pipeline.installation.journal.home_id(),
    )
    found = sent_batches(sender.exchange, home_id)

    assert found == {key: sender.objects}
    assert remove_batch(sender.exchange, home_id, key) == sum(found[key].values())
    assert sender.objects == {}
