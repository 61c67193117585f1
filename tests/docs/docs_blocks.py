"""The code blocks of the documents, and the shell commands in them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = ("bash", "python", "text")  # text: what is only shown

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block. line: of its first line of text, from 1."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in their order."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, match.start(2)) + 1, match[1], match[2])
        for match in _FENCE.finditer(text)
    ]


def commands(block: Block) -> list[str]:
    """The shell commands of a block of bash: joined where a line goes on, split at &&."""
    joined = block.text.replace("\\\n", " ")
    lines = (re.sub(r"\s+#.*", "", line).strip() for line in joined.splitlines())
    return [
        command.strip()
        for line in lines if line and not line.startswith("#")
        for command in line.split(" && ")
    ]


def all_units() -> list[tuple[Block, str]]:
    """(block, command or Python text) of all pages: what needs a rule each."""
    return [
        (block, unit)
        for page in PAGES for block in blocks(page)
        for unit in (commands(block) if block.language == "bash" else [block.text])
        if block.language != "text"
    ]
