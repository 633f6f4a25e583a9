"""Laws of ``bulk-pipeline model``: what it shows, refuses and changes."""

import json
import os
import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline import data
from bulk_pipeline.adapters.active_model import active_model
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_store import SHIPPED, load_model, save_estimator
from bulk_pipeline.core.errors import ConfigurationError, ModelRefused
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.fitted import imputed
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.cli.test_commands import call
from bulk_pipeline_tests.models import stricter

DOCUMENT = Path(data.__file__).with_name(SHIPPED)


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A document whose bins are out of order."""
    document = json.loads(DOCUMENT.read_text())
    document["features"][0]["bins"][0]["upper"] = 50
    path = tmp_path / "refused.json"
    path.write_text(json.dumps(document))
    return path


def test_show_says_what_scores_and_what_can_come_of_it(home: Path) -> None:
    """Whoever waits for a HIGH must learn here that none can come."""
    shown = call("model", "show")

    model = load_model()
    assert f"{model.name} (scorecard)" in shown
    assert model.sha256 in shown
    assert "MEDIUM from 0.02, HIGH from 0.05, CRITICAL above 0.15" in shown
    assert "between 0.01914 and 0.04125: only LOW, MEDIUM can occur" in shown
    assert "Not active yet" in shown
    assert not home.exists()


def test_show_has_every_bin_and_every_rate() -> None:
    """A score is explained to a customer from this table."""
    shown = call("model", "show")

    for feature in json.loads(DOCUMENT.read_text())["features"]:
        assert feature["ratio"] in shown
        assert f"{feature['missing_default_rate']:.6f}" in shown
        for each in feature["bins"]:
            assert f"{each['default_rate']:.6f}" in shown
            assert each["upper"] is None or f"up to {each['upper']:.10g} " in shown


def test_check_tries_a_file_and_stores_nothing(home: Path, tmp_path: Path) -> None:
    """A trial on a production machine must be harmless."""
    shown = call("model", "check", stricter(tmp_path))

    assert shown.endswith("ok\n")
    assert "stricter (scorecard)" in shown
    assert "only MEDIUM, HIGH, CRITICAL can occur" in shown
    assert "0.053445" in shown  # the first row, by hand from the golden 0.019420
    assert not home.exists()


def test_check_gives_exit_code_1_and_the_reason(home: Path, refused: Path) -> None:
    """Scripts look at the exit code, the author of the model at the reason."""
    done = bulk_pipeline("model", "check", refused)

    assert done.returncode == 1
    assert "long_term_debt_to_total_capital" in done.stderr
    assert "must strictly ascend" in done.stderr
    assert "ok" not in done.stdout
    assert not home.exists()


def test_any_classifier_can_be_checked_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model without bins still has levels, a hash, and an order of its ratios."""
    path = tmp_path / "line.skops"
    save_estimator(imputed(), path)
    assert call("model", "check", path).endswith("ok\n")

    monkeypatch.setenv("BULK_PIPELINE_MODEL", str(path))
    shown = call("model", "show")
    assert "line (skops)" in shown
    assert ", ".join(RATIOS) in shown
    assert "the setting wins" in shown
    assert "can occur" not in shown


def test_an_activated_model_scores_the_next_load(home: Path, tmp_path: Path) -> None:
    """That is what activating is for; what is stored waits for its own back-fill."""
    rows = rows_of(["AA"], [2010, 2011, 2015])
    call("ingest", write_csv(tmp_path / "a.csv", rows))
    path = stricter(tmp_path)

    said = call("model", "activate", path)

    assert "the next load is scored with it" in said
    assert "3 stored rows of 2010 to 2015 keep the score of another model" in said
    assert "--partition-range 2010...2015" in said
    assert "Active since" in call("model", "show")
    path.unlink()
    call("ingest", write_csv(tmp_path / "b.csv", rows_of(["BB"], [2010])))
    with sqlite3.connect(home / "bulk_pipeline.db") as database:
        query = (
            "select name, count(*) from annual_predictions"
            " join models on models.id = model_id group by 1"
        )
        assert dict(database.execute(query).fetchall()) == {
            "annual-default-scorecard": 3,
            "stricter": 1,
        }


def test_activating_tells_dagster_what_is_stale(tmp_path: Path) -> None:
    """The UI knows a model by the data version of the scorecard."""
    path = stricter(tmp_path)
    call("model", "activate", DOCUMENT)
    said = call("model", "activate", path)

    assert "No stored row has a score of another model." in said
    folder = Path(os.environ["DAGSTER_HOME"])
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("scorecard"))
    assert event is not None
    assert event.asset_materialization is not None
    tags = event.asset_materialization.tags or {}
    assert tags["dagster/data_version"] == load_model(path).sha256


def test_a_refused_model_leaves_the_active_one(
    home: Path, tmp_path: Path, refused: Path
) -> None:
    """A failed try must not stop the loads of the night."""
    call("model", "activate", stricter(tmp_path))
    with pytest.raises(ModelRefused, match="must strictly ascend"):
        call("model", "activate", refused)

    active = active_model(Home(home))
    assert active is not None
    assert active.name == "stricter"


def test_a_setting_that_names_another_model_wins_and_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An activation that the next run takes back must not look like one."""
    path = stricter(tmp_path)
    monkeypatch.setenv("BULK_PIPELINE_MODEL", str(DOCUMENT))
    with pytest.raises(ConfigurationError, match=r"BULK_PIPELINE_MODEL.*setting wins"):
        call("model", "activate", path)
    assert active_model(Home(home)) is None

    monkeypatch.setenv("BULK_PIPELINE_MODEL", str(path))
    assert "the next load is scored with it" in call("model", "activate", path)
