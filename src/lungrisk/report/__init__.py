"""What a person or a program reads of an assessment: JSON, a page, pictures, lines in a terminal.

Nothing is computed here that is not in the record. matplotlib and jinja2 load when a picture or a page is first made.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungrisk.core.files import write_atomic
from lungrisk.report.record import dump, to_json
from lungrisk.report.text import summarise

if TYPE_CHECKING:
    from lungrisk.core.records import Assessment, Lungs, Nodule, Scan

__all__ = ["summarise", "to_html", "to_json", "view", "write_assessment", "write_evaluation"]


def view(
    scan: "Scan", folder: str | Path, lungs: "Lungs | None" = None, nodules: "tuple[Nodule, ...]" = ()
) -> tuple[Path, ...]:
    """Draw a scan: slices.png, planes.png, mip.png, surface.png and histogram.png in `folder`; gives their paths.

    Any scan that can be read will do; with lungs and nodules the pictures are centred on and marked with them. Windows are
    fixed (lung -600/1500, mediastinum 40/400 HU), proportions are those of the spacing, the patient's right is on the left.
    Raises EnvironmentFault (`env.disk`) when the folder cannot be written.
    """
    from lungrisk.report.pictures import draw

    return tuple(write_atomic(Path(folder) / file, content) for file, content in draw(scan, lungs, tuple(nodules)))


def to_html(assessment: "Assessment", pictures: dict[str, bytes] | None = None) -> str:
    """The page of an assessment: one file, nothing from outside, readable without scripts.

    pictures: file name to PNG, as `view` draws them, to be shown in the page too.
    """
    from lungrisk.report.page import render

    return render(assessment, pictures or {})


def write_assessment(assessment: "Assessment", folder: str | Path) -> Path:
    """Write the pictures of `view`, report.html and, last, assessment.json into `folder`; gives the folder.

    Each file is whole or absent. Raises EnvironmentFault (`env.disk`) when the folder cannot be written.
    """
    folder = Path(folder)
    pictures: dict[str, bytes] = {}
    if assessment.scan is not None:
        from lungrisk.report.pictures import draw

        pictures = dict(draw(assessment.scan, assessment.lungs, assessment.nodules))
    page = to_html(assessment, pictures)
    for file, content in pictures.items():
        write_atomic(folder / file, content)
    write_atomic(folder / "report.html", page)
    write_atomic(folder / "assessment.json", dump(to_json(assessment)))
    return folder


def write_evaluation(figures: dict[str, Any], checklist: str, folder: str | Path) -> Path:
    """Write the pictures (SVG), CHECKLIST.md, evaluation.html and, last, evaluation.json of an evaluation; gives the folder.

    figures: plain values as `evaluate` gives them. Each file is whole or absent. Raises EnvironmentFault (`env.disk`).
    """
    from lungrisk.report.evaluation_page import render_evaluation
    from lungrisk.report.evaluation_pictures import draw_evaluation

    folder, pictures = Path(folder), draw_evaluation(figures)
    for name, content in pictures.items():
        write_atomic(folder / f"{name}.svg", content)
    write_atomic(folder / "CHECKLIST.md", checklist)
    write_atomic(folder / "evaluation.html", render_evaluation(figures, pictures))
    write_atomic(folder / "evaluation.json", dump(figures))
    return folder
