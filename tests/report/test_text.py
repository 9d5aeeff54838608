from dataclasses import replace

from lungrisk.core.findings import find
from lungrisk.core.records import NOTICE, Assessment
from lungrisk.report import summarise, to_json


def test_the_lines_tell_likelihood_nodules_findings_and_notice(assessment: Assessment) -> None:
    text = summarise(to_json(assessment))
    assert text.startswith("Likelihood of lung cancer: 42 %   (95 % interval 11 % to 80 %)")
    assert "status: limited" in text
    assert "N1   left lung, middle third" in text
    assert "1 accepted, 1 candidate not accepted" in text
    assert text.index("geo.thick") < text.index("acq.contrast")
    assert text.endswith(NOTICE)


def test_a_refusal_has_no_number(refused: Assessment) -> None:
    text = summarise(to_json(refused))
    assert text.startswith("No likelihood is given")
    assert "geo.too_few" in text
    assert "%" not in text


def test_it_fits_on_a_screen_whatever_was_found(assessment: Assessment) -> None:
    many = replace(
        assessment,
        nodules=assessment.nodules * 30,
        findings=tuple(find("geo.thick", found="x" * 300, slices=[n]) for n in range(60)),
    )
    lines = summarise(to_json(many)).splitlines()
    assert len(lines) <= 70
    assert max(map(len, lines)) <= 120
