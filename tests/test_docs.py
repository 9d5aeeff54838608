"""The documentation says what the code does: help, docs and code follow from one table."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lungrisk
from lungrisk.cli.app import COMMANDS
from lungrisk.core.bundle import SHIPPED, list_bundles
from lungrisk.core.findings import FINDINGS
from lungrisk.core.records import NOTICE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_the_generated_pages_are_in_step_with_the_code() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_file_and_a_place_in_the_docs(command: str) -> None:
    assert (ROOT / "src" / "lungrisk" / "cli" / f"{command}.py").is_file()
    assert f"\n## lungrisk {command}\n" in (DOCS / "commands.md").read_text("utf-8")


def test_every_finding_has_a_row_in_the_docs() -> None:
    rows = re.findall(r"^\| `([a-z]+\.[a-z_0-9]+)` \|", (DOCS / "findings.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(FINDINGS)


def test_every_public_name_is_in_the_docs() -> None:
    text = "".join(page.read_text("utf-8") for page in DOCS.glob("*.md"))
    missing = [name for name in lungrisk.PUBLIC if f"lungrisk.{name}" not in text]
    assert not missing


@pytest.mark.parametrize("name", list_bundles())
def test_every_shipped_card_is_filled_in(name: str) -> None:
    text = (SHIPPED / name / "CARD.md").read_text("utf-8")
    assert not re.search(r"@\w+@|\bnan\b|None", text)
    for part in ("Intended use", "Data and licence", "Made by", "Figures", "Limits"):
        assert f"\n## {part}\n" in text


def test_the_readme_and_the_first_page_carry_the_notice() -> None:
    for page in (ROOT / "README.md", DOCS / "index.md"):
        assert NOTICE in page.read_text("utf-8")


def test_the_pictures_of_the_docs_are_small() -> None:
    pictures = [file for file in DOCS.rglob("*") if file.suffix in {".png", ".jpg", ".webp", ".svg"}]
    assert sum(file.stat().st_size for file in pictures) <= 1_500_000


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"^lungrisk ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)
