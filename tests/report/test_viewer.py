"""The page in a real browser: its own script, under its own policy. Skips where no Chromium is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from lungrisk.core.records import Assessment
from lungrisk.report import to_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# a reader in a parent page: it may look into the frame because the browser is told to allow it, the frame keeps its policy
READER = """<!DOCTYPE html><meta charset="utf-8"><iframe id="page" src="report.html" width="1400" height="1000"></iframe><script>
const told = {};
const pause = () => new Promise((done) => setTimeout(done, 100));
document.getElementById("page").addEventListener("load", async (event) => {
  const frame = event.target.contentWindow, page = frame.document;
  const root = page.getElementById("viewer"), screen = root.querySelector(".screen"), canvas = root.querySelector("canvas");
  const state = () => JSON.stringify(root.dataset);
  const act = async (name, action) => {
    const before = state();
    action();
    for (let n = 0; n < 30 && state() === before; n += 1) await pause();
    told[name] = { ...root.dataset };
  };
  const grey = (x, y) => {
    const patch = canvas.getContext("2d").getImageData(x - 1, y - 1, 3, 3).data.filter((_, n) => n % 4 === 0);
    return patch.reduce((sum, value) => sum + value, 0) / 9;
  };
  const look = (name) => { told[name] = AT.map(([x, y]) => grey(x, y)); };
  try {
    for (let n = 0; n < 30 && !root.dataset.slice; n += 1) await pause();
    told.shown = !root.hidden;
    told.rings = [...root.querySelectorAll("circle")].length;
    told.start = { ...root.dataset };
    look("lung");
    await act("up", () => screen.dispatchEvent(new frame.KeyboardEvent("keydown", { key: "ArrowUp" })));
    await act("wheel", () => screen.dispatchEvent(new frame.WheelEvent("wheel", { deltaY: 100, cancelable: true })));
    await act("slider", () => { const s = root.querySelector("input"); s.value = 0; s.dispatchEvent(new frame.Event("input")); });
    await act("end", () => screen.dispatchEvent(new frame.KeyboardEvent("keydown", { key: "End" })));
    await act("jump", () => page.querySelectorAll(".jump")[1].click());
    await act("plane", () => page.querySelector(".plane").click());
    await act("window", () => root.querySelector("[data-window=mediastinum]").click());
    await pause();
    look("mediastinum");
    await act("last", () => root.querySelector("[data-window=bone]").click());
    await pause();
    look("bone");
    const foreign = page.createElement("script");
    foreign.textContent = "window.intruder = 1";
    page.body.append(foreign);
    const image = new frame.Image();
    image.src = "report.html?outside";
    await pause();
    told.intruder = frame.intruder ?? 0;
  } catch (error) { told.error = String(error.stack); }
  console.info("TOLD " + JSON.stringify(told) + " END");
});
</script>"""
PLACES = {"soft tissue": (0.0, -95.0), "lung": (-60.0, 20.0), "spine": (0.0, 85.0)}  # mm in x, y on the ball's slice
HU = {"soft tissue": 40, "lung": -850, "spine": 700}
WINDOWS = {"lung": (-1350, 150), "mediastinum": (-160, 240), "bone": (-500, 1300)}


@pytest.fixture(scope="module")
def told(assessment: Assessment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    folder = tmp_path_factory.mktemp("page")
    html = to_html(assessment)
    (folder / "report.html").write_text(html, "utf-8")
    (folder / "reader.html").write_text(READER.replace("AT", json.dumps(pixels(html, assessment)), 1), "utf-8")
    told = browse(BROWSER, folder / "reader.html", folder / "profile")
    assert "error" not in told, told["error"]
    return told


def browse(browser: str, page: Path, profile: Path) -> dict[str, Any]:
    """What the reader writes to the browser's console, which a headless browser writes to its log."""
    switches = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    switches += (
        " --disable-component-update --allow-file-access-from-files --disable-web-security --enable-logging=stderr"
    )
    command = [browser, *switches.split(), f"--user-data-dir={profile}", page.as_uri()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
        late = Timer(50, run.kill)
        late.start()
        try:
            assert run.stderr is not None
            for line in run.stderr:
                if "TOLD {" in line:
                    told: dict[str, Any] = json.loads(line[line.index("TOLD {") + 5 : line.rindex(" END")])
                    return told
        finally:
            late.cancel()
            run.terminate()
    pytest.fail("the browser ended without a word")


def pixels(html: str, assessment: Assessment) -> list[list[int]]:
    """Where PLACES are on the viewer's canvas, reckoned from the ball's own mark."""
    found = re.search(r'id="slices">(.*?)</script>', html, re.S)
    assert found is not None
    data = json.loads(found[1])
    ball, centre = data["nodules"][0], assessment.nodules[0].centre_mm
    step = data["pixel_mm"]
    return [
        [round(ball["x"] + (x - centre[0]) / step), round(ball["y"] + (y - centre[1]) / step)]
        for x, y in PLACES.values()
    ]


def test_the_viewer_opens_on_the_first_nodule_with_its_ring(told: dict[str, Any]) -> None:
    assert told["shown"]
    assert told["start"] == {"slice": "32", "window": "lung"}
    assert told["rings"] == 1


def test_keys_wheel_and_slider_move_through_the_slices(told: dict[str, Any]) -> None:
    assert told["up"]["slice"] == "33"
    assert told["wheel"]["slice"] == "31", "two and a half steps of the wheel towards the feet are two slices"
    assert int(told["slider"]["slice"]) < 10
    assert int(told["end"]["slice"]) > 45


def test_a_click_on_a_nodule_goes_to_its_slice(told: dict[str, Any]) -> None:
    assert told["jump"]["slice"] == "20"
    assert told["plane"]["slice"] == "32"


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_shows_the_grey_of_the_hounsfield_units(window: str, told: dict[str, Any]) -> None:
    black, white = WINDOWS[window]
    for name, grey in zip(PLACES, told[window], strict=True):
        expected = min(max((HU[name] - black) / (white - black), 0.0), 1.0) * 255
        assert grey == pytest.approx(expected, abs=9), name


def test_the_policy_lets_no_other_script_run(told: dict[str, Any]) -> None:
    assert told["intruder"] == 0
