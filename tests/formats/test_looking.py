"""Which of several series shows the lungs, by a look at a few slices: the phantom's air against the same a thousand HU denser."""

from pathlib import Path

from gradient_phantom import save, series, worst_error

from lungrisk.formats import read, survey


def test_of_series_that_headers_leave_alike_the_one_that_shows_lungs_is_taken(tmp_path: Path) -> None:
    head = series(1, 60, 1.0, 1000)
    scan = read(save([*head, *series(2, 24, 2.5)], tmp_path))
    assert worst_error(scan) <= 0.7
    assert survey(tmp_path)[0].why == "lungs are seen in it"


def test_a_look_that_shows_no_lungs_in_any_refuses_none(tmp_path: Path) -> None:
    scan = read(save([*series(1, 60, 1.0, 1000), *series(2, 24, 2.5, 1000)], tmp_path))
    assert len(scan.hu) == 60


def test_a_series_whose_slices_cannot_be_decoded_is_not_preferred(tmp_path: Path) -> None:
    colour = series(1, 60, 1.0, SamplesPerPixel=3, PhotometricInterpretation="RGB")
    scan = read(save([*colour, *series(2, 24, 2.5)], tmp_path))
    assert len(scan.hu) == 24
