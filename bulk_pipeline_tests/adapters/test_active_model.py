"""The active model of a home: kept by its bytes, refused when they change."""

import json

import pytest

from bulk_pipeline.adapters.active_model import (
    activate,
    active_model,
    kept_model,
    model_record,
    wanted_model,
)
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ModelRefused


@pytest.fixture
def home(tmp_path):
    """A home that is not there yet."""
    return Home(tmp_path / "home")


@pytest.fixture
def renamed(tmp_path):
    """The shipped scorecard under another name."""
    document = json.loads(load_model().document or "")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**document, "name": "Mine"}))
    return path


def settings_of(home, **variables):
    """Settings of a home."""
    given = {"BULK_PIPELINE_HOME": str(home.root), **variables}
    return Settings.from_environment(given)


def test_the_shipped_scorecard_scores_unless_another_is_active(home) -> None:
    """An installation must score before anybody has chosen anything."""
    assert active_model(home) is None
    shipped = wanted_model(settings_of(home))
    assert shipped == load_model()
    kept = activate(home, None)
    assert active_model(home) == kept
    assert (kept.name, kept.sha256) == (shipped.name, shipped.sha256)
    assert kept_model(home, kept) == shipped


def test_the_last_activated_model_is_active(home, renamed) -> None:
    """Those who activate a model expect it to score from then on."""
    first = activate(home, None)
    second = activate(home, renamed)
    assert active_model(home) == second
    assert wanted_model(settings_of(home)).name == "Mine"
    assert kept_model(home, first).sha256 == first.sha256  # older batches need it
    assert activate(home, None) == first
    assert active_model(home) == first
    assert sorted(p.name for p in home.models.iterdir()) == sorted(
        ["active.json", first.file, second.file]
    )


def test_the_setting_goes_before_the_active_model(home, renamed) -> None:
    """A service whose environment names a model must not score with another."""
    activate(home, None)
    settings = settings_of(home, BULK_PIPELINE_MODEL=str(renamed))
    assert wanted_model(settings).name == "Mine"
    missing = settings_of(home, BULK_PIPELINE_MODEL=str(renamed) + "x")
    with pytest.raises(ModelRefused, match=r"mine\.jsonx"):
        wanted_model(missing)


def test_a_kept_model_survives_its_file(home, renamed) -> None:
    """The file that was activated is the user's, and may go."""
    kept = activate(home, renamed)
    renamed.unlink()
    assert kept_model(home, kept).name == "Mine"


def test_changed_bytes_are_refused(home, renamed) -> None:
    """A score under a hash that is not that of its model cannot be traced."""
    kept = activate(home, renamed)
    path = home.models / kept.file
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ModelRefused, match="changed after it was activated"):
        kept_model(home, kept)
    with pytest.raises(ModelRefused, match="changed after it was activated"):
        wanted_model(settings_of(home))
    path.unlink()
    with pytest.raises(ModelRefused, match=kept.file):
        kept_model(home, kept)


def test_a_model_that_is_refused_leaves_the_active_one(home, tmp_path) -> None:
    """A failed try must not stop the loads of the night."""
    kept = activate(home, None)
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    with pytest.raises(ModelRefused, match=r"bad\.json"):
        activate(home, bad)
    assert active_model(home) == kept
    assert {p.name for p in home.models.iterdir()} == {"active.json", kept.file}


def test_the_record_of_a_model_holds_its_document() -> None:
    """Years later the table must still say how a score came about."""
    model = load_model()
    record = model_record(model)
    assert (record.name, record.sha256, record.kind) == (
        model.name,
        model.sha256,
        "scorecard",
    )
    assert json.loads(record.document or "")["name"] == model.name
