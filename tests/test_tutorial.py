"""Every line of the tutorial runs, and the page is the one that the template gives."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from tutorial import BLOCK, PAGE, TEMPLATE, run  # noqa: E402


def test_every_line_of_the_tutorial_runs(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    text = run(TEMPLATE.read_text("utf-8"), tmp_path)
    assert "log_loss_base_rate" in text
    assert (tmp_path / "evaluation-backbone" / "evaluation.html").is_file()
    submission = (tmp_path / "backbone.csv").read_text("utf-8").splitlines()
    assert submission[0] == "id,cancer"
    assert len(submission) == 1 + len(list((tmp_path / "fresh" / "stage1").iterdir()))


def test_the_page_shows_the_lines_of_the_template() -> None:
    shown = BLOCK.findall(PAGE.read_text("utf-8"))
    assert shown == BLOCK.findall(TEMPLATE.read_text("utf-8"))
    assert len(shown) > 10


def test_the_pictures_of_the_page_are_there() -> None:
    for picture in re.findall(r"\]\((pictures/[^)]+)\)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / picture).is_file()
