"""What a worker is told: the plan of a batch as it stands in the exchange.

A plan's name goes by what is scored, with what and how it is cut: the same work planned
twice is the same plan, other work is another one, and two never mix. All objects of a
plan lie below ``BATCH/PLAN/``; ``plan.json`` is written last.
"""

import hashlib
import io
from dataclasses import asdict, dataclass
from socket import gethostname
from typing import Self

import polars as pl

from bulk_pipeline.adapters.active_model import ActiveModel
from bulk_pipeline.adapters.chunks import Chunk, ChunkHandle
from bulk_pipeline.adapters.exchange.documents import (
    as_json,
    chunk_of,
    count_of,
    from_json,
    model_of,
)
from bulk_pipeline.adapters.exchange.exchange import Exchange, damaged
from bulk_pipeline.adapters.scoring import SENT_KEY, Span
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.core.wording import AGAIN

FORMAT = 1
"""Raised when a plan or a worker's note changes, or when equal rows score otherwise."""
MODELS = "models"
HOME_DIGITS, PLAN_DIGITS = 8, 12


@dataclass(frozen=True, slots=True)
class Place:
    """Names of the objects of one plan.

    Attributes:
        batch: key of the batch.
        plan: name of the plan: digits of the home's id, and of a hash.
    """

    batch: str
    plan: str

    @property
    def folder(self) -> str:
        """What all names of the plan begin with."""
        return f"{self.batch}/{self.plan}/"

    @property
    def document(self) -> str:
        """The plan itself."""
        return f"{self.folder}plan.json"

    def rows(self, chunk: str) -> str:
        """Ratios of a chunk."""
        return f"{self.folder}rows/{chunk}"

    def scores(self, chunk: str) -> str:
        """Scores of a chunk."""
        return f"{self.folder}scores/{chunk}"

    def done(self, span: str) -> str:
        """What a worker wrote about a span, after its last scores."""
        return f"{self.folder}{span}.json"

    def key(self, span: str) -> str:
        """Mapping key by which a worker finds a span."""
        return f"{span}_{self.plan}"

    @classmethod
    def of_key(cls, batch: str, key: str) -> tuple[Self, str]:
        """Where the plan of a mapping key is, and the name of its span.

        Raises:
            PermanentError: it is no such key.
        """
        found = SENT_KEY.fullmatch(key)
        if found is None:
            raise PermanentError(f"{key} is no span that was sent to other machines.")
        return cls(batch, found["plan"]), found["span"]


@dataclass(frozen=True, slots=True)
class SentPlan:
    """A plan and what it lists; what is read of it is checked.

    Attributes:
        model: what scores.
        model_bytes: size of the model's file.
        spans: name of a span → its chunks: ratios as they lie in the exchange.
    """

    model: ActiveModel
    model_bytes: int
    spans: dict[str, tuple[Chunk, ...]]

    def content(self) -> bytes:
        """The plan as an object."""
        return as_json({"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, exchange: Exchange, place: Place) -> Self:
        """A plan of the exchange.

        Raises:
            TransientError: it is not there or is damaged, or another version of this
                project wrote it, as in an upgrade that goes from machine to machine.
        """
        document = from_json(exchange.read(place.document), place.document)
        made = document.get("format")
        if type(made) is not int:
            raise damaged(place.document)
        if made != FORMAT:
            raise _of_another_version(place, made)
        try:
            spans = {
                str(name): tuple(chunk_of(chunk) for chunk in chunks)
                for name, chunks in document["spans"].items()
            }
            model = model_of(document["model"])
            return cls(model, count_of(document["model_bytes"]), spans)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise damaged(place.document) from None


def _of_another_version(place: Place, made: int) -> TransientError:
    """A plan that another version of this project means; names the machine to cure."""
    here = gethostname()
    older = here if made > FORMAT else "the machine of the home"
    return TransientError(
        f"{place.document} in the exchange has format {made}, and {here} works with "
        f"format {FORMAT}. {AGAIN}; upgrade bulk-pipeline on {older}: all machines "
        "need the same version."
    )


def plan_name(home_id: str, rows: ChunkHandle, spans: list[Span]) -> str:
    """Name of a plan: equal for equal rows, cuts, model and versions of one home."""
    work = {
        "rows": [asdict(chunk) for chunk in rows.chunks],
        "spans": [asdict(span) for span in spans],
        "versions": [FORMAT, pl.__version__],
    }
    digest = hashlib.sha256(as_json(work)).hexdigest()
    return f"{home_id[:HOME_DIGITS]}_{digest[:PLAN_DIGITS]}"


def model_object(file: str) -> str:
    """Name of a model's bytes in the exchange."""
    return f"{MODELS}/{file}"


def packed(name: str, rows: pl.DataFrame) -> tuple[Chunk, bytes]:
    """A frame as the bytes of the Arrow file that ``write_chunk`` would write.

    Uncompressed: lz4 halves them and zstd leaves a third, but to write either takes
    about half as long as to score the rows.
    """
    buffer = io.BytesIO()
    rows.rechunk().write_ipc(buffer, record_batch_size=max(rows.height, 1))
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Chunk(name, rows.height, len(content), digest), content
