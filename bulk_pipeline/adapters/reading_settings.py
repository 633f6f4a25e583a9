"""The settings that decide how files are read, and how much one of them may take."""

import codecs
from dataclasses import fields, replace
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from bulk_pipeline.adapters.limits import Limits

_LIMITS = Limits()


class ReadingSettings(BaseModel):
    """What an operator decides about reading files."""

    ratio_unit: Literal["percent", "fraction"] = Field(
        default="percent",
        validation_alias="BULK_PIPELINE_RATIO_UNIT",
        description="How files write percent ratios: 24.111 (percent) "
        "or 0.24111 (fraction).",
    )
    decimal: Literal["auto", "point", "comma"] = Field(
        default="auto",
        validation_alias="BULK_PIPELINE_DECIMAL",
        description="What stands before the decimals of numbers written as text; auto "
        "settles it per file.",
    )
    encoding: str = Field(
        default="auto",
        validation_alias="BULK_PIPELINE_ENCODING",
        description="Encoding of text files, such as cp1252; auto finds it out per "
        "file.",
    )
    sheets: Literal["one", "all"] = Field(
        default="one",
        validation_alias="BULK_PIPELINE_SHEETS",
        description="Several sheets with our columns: refuse the workbook (one) or "
        "read them one after the other (all).",
    )
    file_bytes: int = Field(
        default=_LIMITS.file_bytes,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_FILE_BYTES",
        description="Largest file, in bytes.",
    )
    rows: int = Field(
        default=_LIMITS.rows,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_ROWS",
        description="Most rows of a file.",
    )
    columns: int = Field(
        default=_LIMITS.columns,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_COLUMNS",
        description="Most columns of a file.",
    )
    cell_chars: int = Field(
        default=_LIMITS.cell_chars,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_CELL_CHARS",
        description="Longest cell, in characters.",
    )
    line_bytes: int = Field(
        default=_LIMITS.line_bytes,
        ge=1024,
        validation_alias="BULK_PIPELINE_MAX_LINE_BYTES",
        description="Longest row of a text file, in bytes.",
    )
    unpacked_bytes: int = Field(
        default=_LIMITS.unpacked_bytes,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_UNPACKED_BYTES",
        description="What a packed file or a workbook may unpack to, in bytes.",
    )
    unpacked_ratio: int = Field(
        default=_LIMITS.unpacked_ratio,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_UNPACKED_RATIO",
        description="How many times its packed size a file of more than 64 MiB may "
        "unpack to.",
    )
    members: int = Field(
        default=_LIMITS.members,
        ge=1,
        validation_alias="BULK_PIPELINE_MAX_MEMBERS",
        description="Most members of an archive or parts of a workbook.",
    )
    child_seconds: int = Field(
        default=_LIMITS.child_seconds,
        ge=1,
        validation_alias="BULK_PIPELINE_WORKBOOK_SECONDS",
        description="Longest time to parse a workbook.",
    )
    child_cpu_seconds: int = Field(
        default=_LIMITS.child_cpu_seconds,
        ge=1,
        validation_alias="BULK_PIPELINE_WORKBOOK_CPU_SECONDS",
        description="Most processor time to parse a workbook.",
    )
    child_memory_bytes: int = Field(
        default=_LIMITS.child_memory_bytes,
        ge=1,
        validation_alias="BULK_PIPELINE_WORKBOOK_MEMORY_BYTES",
        description="Most memory of the process that parses a workbook.",
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        """A text encoding that Python knows, or auto."""
        if name == "auto":
            return name
        try:
            "".encode(name)  # refuses codecs that are no text encodings, such as hex
            return codecs.lookup(name).name
        except LookupError:
            raise ValueError("not an encoding; try utf-8 or cp1252") from None

    @property
    def limits(self) -> Limits:
        """The limits that these settings set."""
        names = {f.name for f in fields(Limits)} & set(type(self).model_fields)
        return replace(_LIMITS, **{name: getattr(self, name) for name in names})
