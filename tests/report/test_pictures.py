import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Assessment, Lungs, Nodule, Scan
from lungrisk.report import view, write_assessment
from lungrisk.report.pictures import PICTURES

NAMES = ["slices.png", "planes.png", "mip.png", "surface.png", "histogram.png"]


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def test_view_writes_five_pictures_that_open(
    scan: Scan, lungs: Lungs, nodules: tuple[Nodule, ...], tmp_path: Path
) -> None:
    paths = view(scan, tmp_path, lungs, nodules)
    assert [path.name for path in paths] == NAMES
    for path in paths:
        picture = opened(path.read_bytes())
        assert min(picture.size) >= 200
        assert not picture.info.keys() - {"dpi"}, "nothing in the file but pixels"
        assert np.asarray(picture.convert("L")).std() > 10


def test_an_assessment_writes_everything_and_the_json_last(assessment: Assessment, tmp_path: Path) -> None:
    folder = write_assessment(assessment, tmp_path / "new" / "out")
    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert {path.name for path in files} == {*NAMES, "report.html", "assessment.json"}
    assert files[-1].name == "assessment.json"


def test_a_refusal_without_scan_writes_page_and_json(refused: Assessment, tmp_path: Path) -> None:
    folder = write_assessment(refused, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"report.html", "assessment.json"}


def test_a_folder_that_cannot_be_written_is_named(refused: Assessment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match=r"env\.disk"):
        write_assessment(refused, tmp_path / "file" / "out")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_the_same_scan_gives_the_same_bytes(
    picture: object, scan: Scan, lungs: Lungs, nodules: tuple[Nodule, ...]
) -> None:
    draw = picture.draw  # type: ignore[attr-defined]
    assert draw(scan, lungs, nodules) == draw(scan, lungs, nodules)


@pytest.mark.parametrize("shape", [(1, 40, 40), (3, 64, 48), (40, 8, 90), (2, 1, 1)])
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_any_scan_that_can_be_read_is_drawn_without_lungs(picture: object, shape: tuple[int, int, int]) -> None:
    hu = np.random.default_rng(0).integers(-1024, 3000, shape).astype(np.int16)
    for values in (hu, np.full(shape, -1024, np.int16)):
        scan = Scan(hu=values, affine=axis_affine((5.0, 0.8, 0.8)))
        assert opened(picture.draw(scan, None, ())).size[0] >= 100  # type: ignore[attr-defined]


def test_the_projection_of_the_lungs_leaves_the_spine_out(scan: Scan, lungs: Lungs) -> None:
    mip = next(picture for picture in PICTURES if picture.file == "mip.png")
    at = (236, 240)  # the middle of the coronal panel: between the lungs, before the spine
    assert opened(mip.draw(scan, lungs, ())).convert("L").getpixel(at) < 20
    assert opened(mip.draw(scan, None, ())).convert("L").getpixel(at) > 150


def test_drawing_leaves_matplotlib_as_it_was(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from lungrisk.core.records import Scan\n"
        "import lungrisk.report\n"
        "assert not {'matplotlib', 'jinja2', 'PIL', 'scipy'} & set(sys.modules)\n"
        "lungrisk.report.view(Scan(hu=np.zeros((4, 9, 9), np.int16), affine=np.eye(4)[[2, 1, 0, 3]]), sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
