"""Which model of this home is active; its bytes are kept under their hash."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

import bulk_pipeline.data
from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.loaders.base import ModelRecord
from bulk_pipeline.adapters.model_store import SHIPPED, Model, load_model
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ModelRefused

ACTIVE_FILE = "active.json"


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A model kept in the home: what passes between assets instead of the model.

    Attributes:
        name: the model's own name.
        sha256: hex digest of its bytes; its data version.
        file: name of the file in the home's ``models``.
    """

    name: str
    sha256: str
    file: str


def wanted_model(settings: Settings) -> Model:
    """The model that should be active: the setting's, the active one, the shipped one.

    Raises:
        ModelRefused: the file cannot score; names the fault.
    """
    if settings.model is not None:
        return load_model(settings.model.expanduser())
    kept = active_model(Home(settings.home))
    if kept is not None:
        return kept_model(Home(settings.home), kept)
    return load_model(None)


def activate(home: Home, path: Path | None) -> ActiveModel:
    """Check a model, keep its bytes in the home and make it the active one.

    Args:
        home: where it is kept.
        path: a document or a skops file; None for the shipped scorecard.
    """
    with as_file(files(bulk_pipeline.data).joinpath(SHIPPED)) as shipped:
        source = path or shipped
        model = load_model(source)
        ending = ".skops" if model.kind == "skops" else ".json"
        kept = ActiveModel(model.name, model.sha256, f"{model.sha256}{ending}")
        home.models.mkdir(parents=True, exist_ok=True)
        partial = home.models / f".{kept.file}.partial"
        shutil.copyfile(source, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(home.models / kept.file)
    write_json(home.models / ACTIVE_FILE, asdict(kept), lasting=True)
    return kept


def refresh(settings: Settings) -> ActiveModel:
    """Make the wanted model the active one, as ``wanted_model`` chooses it."""
    home = Home(settings.home)
    if settings.model is not None:
        return activate(home, settings.model.expanduser())
    kept = active_model(home)
    if kept is None:
        return activate(home, None)
    kept_model(home, kept)  # refused if its bytes were changed
    return kept


def active_model(home: Home) -> ActiveModel | None:
    """The active model of a home; None where none was ever activated."""
    try:
        text = (home.models / ACTIVE_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return ActiveModel(**json.loads(text))


def kept_model(home: Home, kept: ActiveModel) -> Model:
    """A model of the home, ready to score.

    Raises:
        ModelRefused: its file is gone or no longer has the bytes that were kept.
    """
    model = load_model(home.models / kept.file)
    if model.sha256 != kept.sha256:
        raise _refused(kept, "was changed")
    return model


def kept_bytes(home: Home, kept: ActiveModel) -> bytes:
    """The bytes of a model of the home, for a machine that has none.

    Raises:
        ModelRefused: as ``kept_model``.
    """
    try:
        content = (home.models / kept.file).read_bytes()
    except FileNotFoundError:
        raise _refused(kept, "was removed") from None
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise _refused(kept, "was changed")
    return content


def _refused(kept: ActiveModel, became: str) -> ModelRefused:
    return ModelRefused(
        f"models/{kept.file} {became} after it was activated. Activate the model file "
        "again."
    )


def model_record(model: Model) -> ModelRecord:
    """A model as the table ``models`` keeps it."""
    return ModelRecord(model.name, model.sha256, model.kind, model.document)
