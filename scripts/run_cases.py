"""Read every input of a folder of rebuilt bug reports and print what was found beside what is right.

    python scripts/run_cases.py CASES [-o out/cases] [--only ID ...] [--json FILE]

CASES holds the scripts NN-name.py that make the inputs (`../shared/data/cases`); they are run once, into -o. They need the extra [cases] (`make
cases` installs it): a case whose script fails is listed as not made. Each input is made of one real series. "same" is
said where the array and its place equal that series to 1 HU and 0.001 mm. Exit code 1 when something is not as it should be.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lungrisk.assessment import assess
from lungrisk.core.errors import LungriskError
from lungrisk.core.findings import Finding
from lungrisk.core.records import Scan
from lungrisk.formats import read
from lungrisk.quality import check

SAME_HU, SAME_MM = 1, 1e-3
SLOW_S = 30.0  # processor seconds, so that what else runs does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What an input should come to. same: read as the series itself. status: any of these. codes: one of these is said, if any is given.

    whole: the lungs have to be looked at to tell, so the whole line is run.
    """

    words: str
    status: tuple[str, ...] = ("assessed", "limited", "refused")
    same: bool = False
    codes: tuple[str, ...] = ()
    whole: bool = False


READ = Right(words="read, the same HU", status=("assessed", "limited"), same=True)
READ_OR_REFUSED = Right(words="read, or truly named")
NAMED = Right(
    words="refused, named: unpack it", status=("refused",), codes=("file.packed", "file.corrupt", "file.syntax")
)


def refused(*codes: str) -> Right:
    """It must be refused with one of these."""
    return Right(words=f"refused: {' or '.join(codes)}", status=("refused",), codes=codes)


def limited(*codes: str, same: bool = False, whole: bool = False) -> Right:
    """It must be limited or refused with one of these."""
    return Right(
        words=f"limited or refused: {' or '.join(codes)}",
        status=("limited", "refused"),
        codes=codes,
        same=same,
        whole=whole,
    )


# a row an input: the folder that its script makes, what is right
CASES: dict[str, Right] = {
    "01-vr-claim/a": READ,
    "01-vr-claim/b": READ,
    "02-enh-legacy": READ,
    "02-enh-legacy-volume": READ,
    "03-nii-ext": READ,
    "04-nii-shear/a": READ,
    "04-nii-shear/b": Right(words="by qform, or resampled and limited", status=("assessed", "limited")),
    "06-j2k/a": READ,
    "06-j2k/b": READ,
    "06-j2k/c": READ,
    "06-j2k/d": READ_OR_REFUSED,
    "07-dup-encodings": Right(
        words="read, the same HU; ord.dup_same", status=("assessed", "limited"), same=True, codes=("ord.dup_same",)
    ),
    "08-intercept-32768": READ,
    "09-deflate64": NAMED,
    "10-archives/targz": Right(words="read, or named: unpack it"),
    "10-archives/7z": NAMED,
    "10-archives/zip-in-folder": READ,
    "10-archives/zip-in-zip": READ,
    "10-archives/dcm-gz": READ,
    "10-archives/dcm-gz-some": READ,
    "11-newer-biopsy": READ,
    "12-nii-zero-sform/zero": READ,
    "12-nii-zero-sform/negpix": READ,
    "12-nii-zero-sform/pair": READ_OR_REFUSED,
    "12-nii-zero-sform/big-endian": READ,
    "13-dicomdir": READ,
    "14-big-private-zip": READ,
    "15-mha/comment": READ,
    "15-mha/ndims4": READ,
    "15-mha/ascii": READ_OR_REFUSED,
    "15-mha/noorigin": refused("geo.no_orientation", "geo.no_position"),
    "15-mha/rotated-180": READ,
    "16-nrrd/byteskip": READ,
    "16-nrrd/list1": READ,
    "16-nrrd/slices": READ_OR_REFUSED,
    "16-nrrd/spacings": refused("nrrd.no_space"),
    "16-nrrd/crlf": READ,
    "16-nrrd/bzip2": READ_OR_REFUSED,
    "17-symlinks": READ_OR_REFUSED,
    "18-zip-colon": READ,
    "19-4dct": Right(
        words="one phase, or refused: the mixture", codes=("sel.phase", "sel.ambiguous", "ord.dup_conflict")
    ),
    "20-overlap-stations": Right(words="one of each, limited", status=("limited",), codes=("sel.stations",)),
    "21-petct": READ,
    "22-upside-down/y": limited("anat.orientation", "anat.upside_down", "anat.back_front", whole=True),
    "22-upside-down/x": limited("anat.mirror", whole=True),
    "23-not-hu/unit": refused("px.not_hu"),
    "23-not-hu/u8": refused("px.not_hu"),
    "23-not-hu/plus1000": limited("px.offset", "px.not_hu"),
    "23-not-hu/zscore": refused("px.not_hu"),
    "23-not-hu/clip-1000-400": limited("px.clipped"),
    "24-axial-mip": refused("sel.derived"),
    "24c-mpr": limited("sel.reformat"),
    "25-fragments/nobot": READ,
    "25-fragments/bot": READ,
    "26-no-eoc/nomarker": Right(words="refused, or read"),
    "26-no-eoc/pad": READ,
    "30-anon-sopclass": Right(words="read, limited; or the tag named"),
    "31-canon-dynamic": Right(words="one volume, in seconds", status=("assessed", "limited"), codes=("sel.phase",)),
    "36-interleaved-acqs": Right(words="one acquisition, or refused", codes=("sel.phase", "sel.ambiguous")),
    "45-no-meta-be/le": READ,
    "45-no-meta-be/be": READ,
    "47-iodine-map": READ,
    "48-icon-encapsulated/a": READ,
    "48-icon-encapsulated/b": READ_OR_REFUSED,
    "49-sitk-written": READ,
    "49b-sitk-study": READ,
    "50-more/nhdr-gz": READ,
    "50-more/zraw": READ,
    "50-more/every-second": limited("geo.gaps"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an input came to."""

    id: str
    status: str
    same: bool
    worst_hu: int | None
    codes: tuple[str, ...]
    seconds: float
    words: str
    right: str
    fits: bool


def main() -> int:
    """Make and read them all. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", type=Path)
    parser.add_argument("-o", dest="made", type=Path, default=Path("out/cases"))
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--json", type=Path, dest="json_target")
    options = parser.parse_args()
    make(options.cases, options.made)
    truth = read(options.made / "base" / "plain")
    rows = []
    for name, right in CASES.items():
        if options.only and not any(name.startswith(start) for start in options.only):
            continue
        rows.append(judge(name, right, options.made / "cases" / name / "in", truth))
        row = rows[-1]
        mark = "ok " if row.fits else "NOT"
        hu = "same" if row.same else "-" if row.worst_hu is None else f"{row.worst_hu} HU off"
        print(
            f"{mark} {row.id:28s} {row.seconds:6.1f} s  {row.status:8s} {hu:12s} {' '.join(row.codes)}  | right: {row.right}",
            flush=True,
        )
        if not row.fits:
            print(f"      {row.words}")
    wrong = [row.id for row in rows if not row.fits]
    print(
        f"{len(rows)} inputs, {len(rows) - len(wrong)} as they should be"
        + (f"; not: {', '.join(wrong)}" if wrong else "")
    )
    if options.json_target:
        options.json_target.parent.mkdir(parents=True, exist_ok=True)
        options.json_target.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    return 1 if wrong else 0


def make(scripts: Path, target: Path) -> None:
    """Run each script that has not been run; they are in the order of their names, as later ones start from what earlier ones made."""
    done = target / "made"
    done.mkdir(parents=True, exist_ok=True)
    for script in sorted(scripts.glob("[0-9]*.py"), key=lambda path: path.name.replace("mip-c", "miq-c")):
        stamp = done / script.stem
        if stamp.exists():
            continue
        run = subprocess.run(
            [sys.executable, script.name],
            cwd=scripts,
            env={**os.environ, "CASES_OUT": str(target.absolute()), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode == 0:
            stamp.touch()
        else:
            print(f"{script.name} was not run: {run.stderr.strip().splitlines()[-1]}")


def judge(name: str, right: Right, path: Path, truth: Scan) -> Found:
    """Read one input and hold it against what is right."""
    if not path.exists():
        return Found(
            id=name,
            status="-",
            same=False,
            worst_hu=None,
            codes=(),
            seconds=0.0,
            words="not made",
            right=right.words,
            fits=False,
        )
    start = time.process_time()
    scan, findings = looked_at(path, right.whole)
    seconds = time.process_time() - start
    worst = {finding.severity for finding in findings}
    status = "refused" if "refused" in worst else "limited" if "limited" in worst else "assessed"
    alike = scan is not None and scan.hu.shape == truth.hu.shape
    off = int(np.abs(scan.hu.astype(np.int32) - truth.hu).max()) if scan is not None and alike else None
    same = (
        scan is not None
        and off is not None
        and off <= SAME_HU
        and bool(np.abs(scan.affine - truth.affine).max() <= SAME_MM)
    )
    codes = {finding.code for finding in findings}
    loud = tuple(
        sorted(
            f"{f.code}:{f.severity}"
            for f in {f.code: f for f in findings}.values()
            if f.severity != "info" or f.code in right.codes
        )
    )
    fits = (
        status in right.status
        and (same or not right.same)
        and (not right.codes or bool(codes & set(right.codes)))
        and seconds < SLOW_S
    )
    said = [finding.sentence() for finding in findings if finding.severity in ("limited", "refused")] or [
        "nothing is said of it"
    ]
    return Found(
        id=name,
        status=status,
        same=same,
        worst_hu=off,
        codes=loud,
        seconds=round(seconds, 1),
        words=" | ".join(said)[:600],
        right=right.words,
        fits=fits,
    )


def looked_at(path: Path, whole: bool) -> tuple[Scan | None, tuple[Finding, ...]]:
    """The scan and what is said of it: by the whole line, or by the reader and the check of its quality alone."""
    if whole:
        assessment = assess(path)
        return assessment.scan, assessment.findings
    try:
        scan = read(path)
    except LungriskError as error:
        return None, error.findings
    return scan, (*scan.findings, *check(scan))


if __name__ == "__main__":
    sys.exit(main())
