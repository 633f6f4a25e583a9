"""Where the reference of a model is kept: beside the model, never in it.

The sha256 of a model's bytes is its data version: a reference within the document would
make every stored score out of date whenever it is made anew. So it is a file of its own
that names the model by its hash. A home's own goes before the shipped one.
"""

import json
from importlib.resources import files
from pathlib import Path

import bulk_pipeline.data
from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.reference import Reference

SHIPPED = "reference.json"
"""The document in ``bulk_pipeline.data`` that belongs to the shipped scorecard."""

ENDING = ".reference.json"
BYTES_LIMIT = 2**20


def reference_file(home: Home, sha256: str) -> Path:
    """Where a home keeps the reference of the model with this hash."""
    return home.models / f"{sha256}{ENDING}"


def reference_of(home: Home, sha256: str) -> Reference | None:
    """The reference of the model with this hash; None where it has none.

    Raises:
        ModelRefused: the home's file cannot be read, is no reference, or is one of
            another model; names the file, the fault and the cure.
    """
    path = reference_file(home, sha256)
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_LIMIT + 1)
    except FileNotFoundError:
        return _shipped(sha256)
    except OSError as error:
        raise ModelRefused(
            f"models/{path.name} cannot be read: {error.strerror}. Correct that, or "
            "remove it."
        ) from error
    found = _parsed(content, path)
    if found.model != sha256:
        raise ModelRefused(
            f"models/{path.name} is the reference of another model, {found.model}. "
            "Make it again: bulk-pipeline model reference."
        )
    return found


def write_reference(path: Path, reference: Reference) -> None:
    """Put a reference in place whole; one that is there is replaced."""
    write_json(path, reference.document(), lasting=True)


def _shipped(sha256: str) -> Reference | None:
    text = files(bulk_pipeline.data).joinpath(SHIPPED).read_text(encoding="utf-8")
    found = Reference.from_document(json.loads(text))
    return found if found.model == sha256 else None


def _parsed(content: bytes, path: Path) -> Reference:
    if len(content) > BYTES_LIMIT:
        raise ModelRefused(
            f"models/{path.name} has more than {BYTES_LIMIT} bytes. Make it again: "
            "bulk-pipeline model reference."
        )
    try:
        return Reference.from_document(json.loads(content))
    except ModelRefused as refusal:
        raise ModelRefused(f"models/{path.name}: {refusal}") from refusal
    except (ValueError, RecursionError) as fault:
        raise ModelRefused(
            f"models/{path.name} is no JSON document: {fault}. Make it again: "
            "bulk-pipeline model reference."
        ) from fault
