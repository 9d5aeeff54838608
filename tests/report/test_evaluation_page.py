"""The page of an evaluation: whole in itself, the same bytes each time, hostile names are text, nothing is lost with one outcome."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from lungrisk.evaluation import EvaluateOptions, evaluate
from lungrisk.report.evaluation_page import FIGURES, render_evaluation
from lungrisk.report.evaluation_pictures import draw_evaluation


def tables(folder: Path, name: str = "p.csv", one_class: bool = False) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    logit = rng.normal(-1, 1.5, 120)
    y = np.zeros(120, int) if one_class else (rng.random(120) < expit(logit)).astype(int)
    predictions, labels = folder / name, folder / "l.csv"
    predictions.write_text("id,cancer\n" + "".join(f"{k},{one:.5f}\n" for k, one in enumerate(expit(logit))))
    labels.write_text("id,cancer,sex\n" + "".join(f"{k},{one},{'FM'[k % 2]}\n" for k, one in enumerate(y)))
    return predictions, labels


def write(folder: Path, out: str = "out", **more: Any) -> tuple[Path, str]:
    predictions, labels = tables(folder, **more)
    against = None if more.get("one_class") else predictions
    evaluate(predictions, labels=labels, out=folder / out, against=against, options=EvaluateOptions(draws=100))
    return folder / out, (folder / out / "evaluation.html").read_text("utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder as `evaluate` writes it, and its page."""
    return write(tmp_path_factory.mktemp("evaluation"))


class Balanced(HTMLParser):
    """Fails when elements are not closed in the order in which they were opened."""

    VOID = ("meta", "img", "br", "line", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_folder_holds_all_that_is_promised(written: tuple[Path, str]) -> None:
    folder, _ = written
    assert sorted(file.name for file in folder.iterdir()) == [
        "CHECKLIST.md",
        "calibration.svg",
        "decision.svg",
        "evaluation.html",
        "evaluation.json",
        "precision.svg",
        "roc.svg",
    ]
    checklist = (folder / "CHECKLIST.md").read_text("utf-8")
    assert "**[authors]**" in checklist
    assert "TRIPOD+AI" in checklist


def test_the_page_is_whole_in_itself_and_lets_nothing_in(written: tuple[Path, str]) -> None:
    _, page = written
    assert "default-src 'none'" in unescape(page)
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "http" not in re.sub(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", "", page).replace("http-equiv", "")
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))


def test_the_page_says_the_verdict_the_figures_and_the_notice(written: tuple[Path, str]) -> None:
    _, page = written
    for words in (
        "Better than the base rate",
        "Research use only. Not a medical device.",
        "Operating points",
        "Compared with p",
        "Parts of the patients",
        "How patients were counted",
        "What a report of this has to say",
        "bootstrap samples",
    ):
        assert words in page
    assert "None" not in page
    assert not re.search(r"\bnan\b", page)


def test_the_page_and_the_json_agree_digit_for_digit(written: tuple[Path, str]) -> None:
    folder, page = written
    figures = json.loads((folder / "evaluation.json").read_text("utf-8"))
    table = page.split('<h2 id="figures">')[1].split("</table>")[0]
    rows = re.findall(r'<tr><th>(.*?)</th><td class="n">(.*?)</td><td class="n">(.*?)</td>', table)
    shown = {words: (value.replace("−", "-"), span.replace("−", "-")) for words, value, span in rows}
    for name, words, _ in FIGURES:
        value, low, high = (figures[f"{name}{end}"] for end in ("", "_low", "_high"))
        assert shown[words] == (f"{value:.3f}", f"{low:.3f} to {high:.3f}")
    for row in figures["subgroups"]:
        assert f'{row["auc"]:.3f}</td><td class="n">{row["auc_low"]:.3f} to {row["auc_high"]:.3f}' in page
    assert figures["verdict"] in unescape(page)
    assert figures["verdict"] in (folder / "CHECKLIST.md").read_text("utf-8")


def test_what_six_patients_cannot_say_is_not_said(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,cancer\n" + "".join(f"{k},{0.1 + 0.15 * k:.2f}\n" for k in range(6)))
    (tmp_path / "l.csv").write_text("id,cancer,sex\n" + "".join(f"{k},{int(k > 2)},{'FM'[k % 2]}\n" for k in range(6)))
    evaluate(tmp_path / "p.csv", labels=tmp_path / "l.csv", out=tmp_path / "out", options=EvaluateOptions(draws=50))
    page = (tmp_path / "out" / "evaluation.html").read_text("utf-8")
    assert "1.000 to 1.000" not in page
    assert "interval cannot be had" in page
    assert "Not shown to be better or worse than the base rate" in page
    assert page.count("too few for a verdict") == 2


def test_the_same_tables_give_the_same_bytes(written: tuple[Path, str], tmp_path: Path) -> None:
    first, _ = written
    second, _ = write(tmp_path, "again")
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_a_hostile_file_name_is_text(tmp_path: Path) -> None:
    folder, page = write(tmp_path, name="<img src=x onerror=alert(1)>.csv")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "<img src=x" not in (folder / "CHECKLIST.md").read_text("utf-8")


def test_with_one_outcome_the_page_shows_what_exists(tmp_path: Path) -> None:
    folder, page = write(tmp_path, one_class=True)
    assert not (folder / "roc.svg").exists()
    assert "lab.one_class" in page
    assert "–" in page


def test_found_nodules_are_shown_where_they_were_judged(written: tuple[Path, str]) -> None:
    figures = json.loads((written[0] / "evaluation.json").read_text("utf-8"))
    points = [{"false_alarms_per_scan": 2.0**k, "sensitivity": 0.8, "low": 0.7, "high": 0.9} for k in range(-3, 4)]
    detection = {"n_scans": 9, "n_nodules": 12, "cpm": 0.8, "cpm_low": 0.7, "cpm_high": 0.9, "points": points}
    figures["detection"] = {**detection, "accepted": {"sensitivity": 0.75, "false_alarms_per_scan": 0.5}}
    pictures = draw_evaluation(figures)
    page = render_evaluation(figures, pictures)
    assert "froc" in pictures
    assert "12 nodules in 9 scans" in page
    assert "75.0 % at 0.50 false alarms a scan" in page


def test_the_pictures_are_svg_without_dates(written: tuple[Path, str]) -> None:
    for picture in written[0].glob("*.svg"):
        svg = picture.read_text("utf-8")
        assert svg.lstrip().startswith("<?xml")
        assert "<dc:date>" not in svg
