import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from lungrisk.core.findings import find
from lungrisk.core.records import NOTICE, Assessment, Header
from lungrisk.report import to_html

HOSTILE = (
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "]]><!--",
    "{{ 7 * 7 }}",
    "\x1b[31m\x00\u202egnp.exe\r\n",
    "=cmd|' /C calc'!A0",
)
VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """What a browser sees: elements with attributes, and the text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag, f"{tag} closes what it did not open"

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in self.raw:
            self.raw[self.inside[-1]].append(data)
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(assessment: Assessment) -> Page:
    return Page(to_html(assessment))


def test_every_element_is_closed_and_images_have_words(page: Page) -> None:
    assert page.inside == []
    assert page.all("img")
    assert all(image["alt"] for image in page.all("img"))
    assert all("aria-label" in svg or svg.get("aria-hidden") for svg in page.all("svg"))


def test_nothing_comes_from_outside(page: Page) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "data:").startswith(("data:image/", "data:", "#")), tag
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"@import|url\(", "".join(page.raw["style"]))
    assert set(re.findall(r"https?://[^\"' ]+", "".join(page.raw["script"]))) <= {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_our_own_style_and_script_and_nothing_else(page: Page) -> None:
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["img-src"]) == ("'none'", "data:")
    scripts = [text for text in page.raw["script"] if not text.startswith("{")]
    for rule, content in (("style-src", page.raw["style"]), ("script-src", scripts)):
        (text,) = content
        assert rules[rule] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_it_tells_the_likelihood_its_basis_and_its_limits(page: Page) -> None:
    words = " ".join(page.text.split())
    assert "42 %" in words
    assert "95 % interval 11 % to 80 %" in words
    assert "It means this. It was fitted so." in words
    assert "Limited. Read the number with this: slices are thick" in words
    assert words.startswith(NOTICE) or NOTICE in words[:120]
    assert words.endswith(NOTICE)


def test_each_nodule_has_three_planes_with_its_outline(page: Page) -> None:
    assert len(page.all("figure")) >= 6
    outlines = [path["d"] for path in page.all("path") if path.get("class") == "outline"]
    assert len(outlines) == 6
    assert all(outline and outline.startswith("M") and outline.endswith("Z") for outline in outlines)
    assert "left lung, middle third" in page.text
    assert "Not accepted" in page.text


def test_a_refusal_says_why_in_place_of_a_number(refused: Assessment) -> None:
    page = Page(to_html(refused))
    words = " ".join(page.text.split())
    assert "No likelihood is given" in words
    assert "too few slices for a volume (found 2, expected 8 or more)" in words
    assert "give the whole series" in words
    assert not page.all("script")
    assert " %" not in words


def test_a_scan_that_was_refused_after_reading_is_still_shown(assessment: Assessment) -> None:
    short = replace(
        assessment, status="refused", likelihood=None, lungs=None, nodules=(), findings=(find("anat.no_lung"),)
    )
    words = Page(to_html(short)).text
    assert "no lungs were found" in words
    assert "56 slices" in words


def test_without_nodules_the_page_says_that_the_likelihood_is_not_zero(assessment: Assessment) -> None:
    assert "it is not zero" in Page(to_html(replace(assessment, nodules=()))).text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_string_is_only_ever_text(text: str, assessment: Assessment, page: Page) -> None:
    assert assessment.scan is not None
    scan = replace(assessment.scan, header=Header(vendor=text, kernel=text, kvp=120.0))
    finding = find("geo.thick", found=text, expected=text, files=[text], tag=text, effect=text)
    hostile = replace(
        assessment,
        scan=scan,
        nodules=tuple(replace(nodule, id=text) for nodule in assessment.nodules),
        findings=(finding,),
        provenance={**assessment.provenance, "platform": text, "seconds": {text: 1.0}},
    )
    attacked = Page(to_html(hostile))
    calm = {tag for tag, _ in page.elements}
    assert {tag for tag, _ in attacked.elements} <= calm
    assert len(attacked.all("script")) == len(page.all("script"))
    assert not [name for _, attributes in attacked.elements for name in attributes if name.startswith("on")]
    assert "49" not in attacked.text or "7 * 7" in attacked.text
    assert not set("\x00\x1b\u202e") & set(to_html(hostile))


def test_a_finding_that_limits_the_number_leads_to_its_slice(assessment: Assessment) -> None:
    named = find("nod.opacity", found="30 mm in the left lung", slices=[3, 4, 5])
    page = Page(to_html(replace(assessment, status="limited", findings=(named,))))
    jumps = [about["data-slice"] for tag, about in page.elements if tag == "button" and "data-slice" in about]
    assert jumps == ["4"]
    assert "30 mm in the left lung" in page.text
