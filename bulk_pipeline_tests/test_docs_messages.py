"""Laws of the messages that documents quote: they are those that the program prints."""

import ast
import re
from functools import cache

import pytest

from bulk_pipeline_tests.documents import FENCE, ROOT

PAGE = (ROOT / "docs/operations.md").read_text()
BLOCKS = [
    " ".join(block.split())
    for block in re.findall(r"(?:^    \S.*\n?)+", FENCE.sub("", PAGE), re.MULTILINE)
]
"""Quoted messages are indented by four; commands and settings are fenced."""

SENTENCE_END = re.compile(r"(?<=[.;:]) ")
WORD = re.compile("[A-Za-z_]+")
LEAST_WORDS, LEAST_LETTERS = 3, 4
"""A shorter piece of text may be found in any program."""


def pattern(node: ast.expr) -> str:
    """A text of the program as a pattern; what is put into it may be anything."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    assert isinstance(node, ast.JoinedStr)
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*?"
        for part in node.values
    )


@cache
def sentences() -> list[str]:
    """A pattern of every sentence that the program may print."""
    found = set()
    for path in (ROOT / "bulk_pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if text or isinstance(node, ast.JoinedStr):
                whole = pattern(node).replace(r"\ ", " ").replace(r"\n", " ")
                found |= {*SENTENCE_END.split(whole)}
    return [each for each in found if len(WORD.findall(each)) >= LEAST_WORDS]


def is_printed(part: str) -> bool:
    """Whether the program has this sentence; only those that share a word are tried."""
    words = [word for word in WORD.findall(part) if len(word) >= LEAST_LETTERS]
    return any(
        re.fullmatch(each, part)
        for each in sentences()
        if any(word in each for word in words)
    )


def test_there_are_messages_to_look_up() -> None:
    """A pattern that finds no block would let every block pass."""
    assert len(BLOCKS) > 10


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[:40])
def test_a_quoted_message_is_one_that_the_program_prints(block: str) -> None:
    """People search for the words on their screen; other words find nothing."""
    parts = [part for part in SENTENCE_END.split(block) if part != "[...]"]
    found = sum(len(part) for part in parts if is_printed(part))
    assert found >= len(block) / 4, block
