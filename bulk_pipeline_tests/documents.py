"""Reading the project's own documents: pages, blocks, commands, variables, headings."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COMMANDS_TABLE = (ROOT / "docs/commands.md", "# Commands")
SETTINGS_TABLE = (ROOT / "docs/settings.md", "# Settings")
COLUMNS_TABLE = (README, "## Load a file of your own")
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
)
"""What people read."""

DEPLOYMENT = sorted(
    path
    for pattern in ("compose*.y*ml", "Dockerfile*", ".env.example", "deploy/**/*")
    for path in ROOT.glob(pattern)
    if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
)
"""What machines are set up from."""

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
CELL_EDGE = re.compile(r"(?<!\\)\|")
CONTROL = re.compile(r"\|\||&&|[;|&<>()]+|[\d]?>&?\d?")
"""Where one command of a line ends."""


def named(path: Path) -> str:
    """A page as a test calls it: its path in the project."""
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, without their fences."""
    return [body for _, word, body in FENCE.findall(text) if word == language]


def table_under(path: Path, heading: str) -> list[list[str]]:
    """Cells of the rows of the first table under a heading; without its head."""
    section = f"\n{path.read_text()}".split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    rows: list[str] = []
    for line in section.splitlines():
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            break
    return [[c.strip() for c in CELL_EDGE.split(row)[1:-1]] for row in rows[2:]]


def typed(text: str) -> list[str]:
    """What a reader types: lines of blocks behind ``$``, continued ones too."""
    shown = [*blocks(text, "console"), *blocks(text, "")]
    joined = "\n".join(shown).replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [line[2:].strip() for line in lines if line.startswith("$ ")]


def quoted(text: str) -> list[str]:
    """Code in the running text and in tables, as it is shown."""
    outside = FENCE.sub("", text)
    return [
        " ".join(span.replace("\\|", "|").split()) for span in SPAN.findall(outside)
    ]


def commands(line: str, program: str) -> list[list[str]]:
    """The words after each call of a program in a line, up to where the call ends."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters, lexer.whitespace_split = "#", True
        words = list(lexer)
    except ValueError:  # a quote in prose, such as "the doctor's"
        words = line.split()
    found: list[list[str]] = []
    inside = False
    for word in words:
        if word == program or word.endswith(f"/{program}"):
            found.append([])
            inside = True
        elif CONTROL.fullmatch(word):
            inside = False
        elif inside:
            found[-1].append(word)
    return found


def anchors(path: Path) -> set[str]:
    """What ``#...`` in a link to a page may say, as GitHub makes it of headings."""
    text = FENCE.sub("", path.read_text())
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        seen = found.get(slug, 0)
        found[slug] = seen + 1
        names.add(f"{slug}-{seen}" if seen else slug)
    return names


def links(path: Path) -> list[str]:
    """Where the links and pictures of a page lead, those to other hosts left out."""
    text = SPAN.sub("", FENCE.sub("", path.read_text()))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]
