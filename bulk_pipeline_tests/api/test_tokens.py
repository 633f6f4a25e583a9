"""Tokens: shown once, kept as a hash that only the operator reads, void at once."""

import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulk_pipeline.adapters.api_tokens import Tokens
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.cli.command import bulk_pipeline


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """The tokens of a fresh home."""
    return Tokens(Home(tmp_path / "fresh"))


def test_a_token_is_known_and_no_other_is(tokens: Tokens) -> None:
    """All else of the API rests on it."""
    anna, again, bob = (tokens.add(user) for user in ("anna", "anna", "bob"))

    found = [tokens.user_of(token) for token in (anna, again, bob)]
    assert found == ["anna", "anna", "bob"]
    for wrong in ("", anna[:-1], f"{anna} ", anna.swapcase(), "ü", "\udcff"):
        assert tokens.user_of(wrong) is None


def test_a_token_is_kept_as_a_hash_that_only_the_operator_reads(
    tokens: Tokens,
) -> None:
    """A backup of the home must not let its reader in."""
    token = tokens.add("anna")

    text = tokens.path.read_text()
    assert token not in text
    assert hashlib.sha256(token.encode()).hexdigest() in text
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    assert len(token) >= 43  # 256 bits


def test_a_removed_token_is_void_at_once(tokens: Tokens) -> None:
    """Whoever left the team leaves now."""
    elsewhere = Tokens(Home(tokens.path.parent))
    first, second = tokens.add("anna"), tokens.add("anna")
    assert elsewhere.user_of(first) == "anna"

    assert tokens.remove("anna", tokens.all()[0].id) == 1
    assert (elsewhere.user_of(first), elsewhere.user_of(second)) == (None, "anna")
    assert tokens.remove("anna") == 1
    assert elsewhere.user_of(second) is None


@pytest.mark.parametrize(
    "user", ["", "Anna", "a b", "../x", "-a", "a" * 33, "ü", "a\n", ".", "a/b", "a.b"]
)
def test_a_name_that_is_no_safe_folder_is_refused(tokens: Tokens, user: str) -> None:
    """It becomes the subfolder of the inbox."""
    with pytest.raises(ConfigurationError, match="no name for a user"):
        tokens.add(user)
    assert not tokens.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"tokens": 5}',
        '{"tokens": [{}]}',
        '{"tokens": [{"user": "../x", "sha256": "00", "made_at": ""}]}',
        '{"tokens": [{"user": "a", "sha256": 5, "made_at": ""}]}',
        '{"tokens": [{"user": "a", "sha256": "ü", "made_at": ""}]}',
    ],
)
def test_a_damaged_file_is_said_and_lets_nobody_in(tokens: Tokens, text: str) -> None:
    """It may be half of a copy; to take it as empty would open a loopback server."""
    tokens.add("anna")
    tokens.path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"api_tokens\.json"):
        tokens.all()


def test_tokens_that_are_made_at_once_are_all_kept(tokens: Tokens) -> None:
    """The second writer must not put the file of before back."""
    users = [f"u{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(Tokens(Home(tokens.path.parent)).add, users))
    assert [tokens.user_of(token) for token in made] == users


def test_the_commands_make_list_and_remove() -> None:
    """This is how an operator does it."""
    made = bulk_pipeline("tokens", "add", "anna")
    token = made.stdout.strip()
    assert (made.returncode, len(token)) == (0, 43)
    assert token not in made.stderr

    listed = bulk_pipeline("tokens", "list")
    assert "anna" in listed.stdout
    assert token not in listed.stdout

    for arguments in (("remove", "bob"), ("remove", "anna", "--id", "0" * 8)):
        refused = bulk_pipeline("tokens", *arguments)
        assert refused.returncode == 2
        assert "tokens list" in refused.stderr
    assert bulk_pipeline("tokens", "remove", "anna").returncode == 0
    assert "No tokens" in bulk_pipeline("tokens", "list").stdout
    assert bulk_pipeline("tokens", "add", "../anna").returncode == 2
