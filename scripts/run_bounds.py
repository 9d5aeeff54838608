"""Read inputs that claim far more than they hold, and say what each cost: seconds, memory, outcome.

    python scripts/run_bounds.py [-o out/bounds] [--only NAME ...]

Each is made small and read in a process of its own. Exit code 1 when one took more than 10 s (or, for many files, a millisecond a file
and 10 s), more than 2 GB beside three times the array that was given, or ended otherwise than with a scan or a typed error.
"""

import argparse
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing import bases

MOST_SECONDS, MOST_BESIDE = 10.0, 2 * 2**30
READER = """
import json, resource, sys, time
from lungrisk.core.errors import LungriskError
kind, path = sys.argv[1:]
start, voxels, said = time.perf_counter(), 0, ""
try:
    if kind == "bundle":
        from lungrisk.core.bundle import open_bundle
        open_bundle(path)
    else:
        from lungrisk.formats import read
        voxels = read(path).hu.nbytes
    said = "read"
except LungriskError as error:
    said = "; ".join(finding.sentence() for finding in error.findings if finding.severity == "refused")
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, voxels, said]))
"""
N_FILES, LEVELS, N_FRAMES = 200_000, 1_500, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """make: writes the input into a folder and gives what is read. kind: "scan" or "bundle". files: how many it has."""

    make: Callable[[Path], Path]
    kind: str = "scan"
    files: int = 1


def _stored() -> NDArray[np.uint16]:
    return (bases.volume().astype(np.int32) + 1024).astype("<u2")


def _series(folder: Path, change: Callable[[int, Dataset], None] = lambda k, one: None) -> Path:
    """The slices, their headers changed."""
    for k, pixels in enumerate(_stored()):
        one = bases.slice_of(k)
        change(k, one)
        bases.save(one, folder / f"s{k:02d}.dcm", "1.2.840.10008.1.2.1", pixels.tobytes())
    return folder


def frames(number: int) -> Callable[[Path], Path]:
    """One slice of a series that says it has this many frames."""

    def change(k: int, one: Dataset) -> None:
        if k == 3:
            one.NumberOfFrames = number

    return lambda folder: _series(folder, change)


def two_enhanced(folder: Path) -> Path:
    """Two multi-frame files of 400 frames at the same places with other pixels."""
    pixels = np.resize(_stored(), (N_FRAMES, bases.SIDE, bases.SIDE))
    for n in (1, 2):
        one = bases.enhanced(N_FRAMES)
        one.SOPInstanceUID, one.InstanceNumber = f"1.2.3.4.6.{n}", n
        bases.save(one, folder / f"e{n}.dcm", "1.2.840.10008.1.2.1", (pixels + n).astype("<u2").tobytes())
    return folder


def sheared(folder: Path) -> Path:
    """A NIfTI whose sform shears by 32767."""
    bases.VOLUMES["n1.nii"](folder, bases.volume())
    content = bytearray((folder / "n1.nii").read_bytes())
    content[280 + 24 : 280 + 28] = struct.pack("<f", 32767.0)
    content[252:254] = b"\0\0"  # no qform beside it
    (folder / "n1.nii").write_bytes(content)
    return folder / "n1.nii"


def sheared_slices(folder: Path) -> Path:
    """Slices that run 32767 mm sideways each."""

    def change(k: int, one: Dataset) -> None:
        one.ImagePositionPatient = [str(bases.ORIGIN[0] + 32767 * k), *one.ImagePositionPatient[1:]]

    return _series(folder, change)


def packed_nifti(folder: Path) -> Path:
    """A nii.gz of 3.5 GB of zeros in 3.5 MB, as its header says."""
    bases.VOLUMES["n1.nii"](folder, bases.volume())
    header = bytearray((folder / "n1.nii").read_bytes()[:352])
    header[42:48] = struct.pack("<3h", 1200, 1200, 1200)
    with gzip.open(folder / "big.nii.gz", "wb", 9) as stream:
        stream.write(bytes(header))
        zeros = bytes(1 << 24)
        for _ in range(210):
            stream.write(zeros)
    (folder / "n1.nii").unlink()
    return folder / "big.nii.gz"


def far_offset(folder: Path) -> Path:
    """A small nii.gz whose voxels begin at byte 3e12."""
    bases.VOLUMES["n1.nii"](folder, bases.volume())
    content = bytearray((folder / "n1.nii").read_bytes())
    content[108:112] = struct.pack("<f", 3e12)
    (folder / "n1.nii").unlink()
    (folder / "far.nii.gz").write_bytes(gzip.compress(bytes(content), 1))
    return folder / "far.nii.gz"


def deflated(folder: Path) -> Path:
    """A slice in the deflated syntax that inflates to 3.5 GB of zeros."""
    made = _series(folder)
    content = (folder / "s00.dcm").read_bytes()
    meta = 144 + struct.unpack("<I", content[140:144])[0]
    head = content[:meta].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    at = head.find(b"\x02\x00\x10\x00UI")
    head = head[: at + 6] + struct.pack("<H", 22) + head[at + 8 :]
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body, zeros = engine.compress(content[meta:]), bytes(1 << 24)
    for _ in range(210):
        body += engine.compress(zeros)
    (folder / "s00.dcm").write_bytes(head + body + engine.flush())
    return made


def zipped_zeros(folder: Path) -> Path:
    """A zip with 3.5 GB of zeros named as a slice."""
    with (
        zipfile.ZipFile(folder / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.dcm", "w", force_zip64=True) as stream,
    ):
        for _ in range(210):
            stream.write(bytes(1 << 24))
    return folder / "scan.zip"


def many_files(folder: Path) -> Path:
    """200,000 files of a few bytes."""
    for n in range(N_FILES):
        if n % 2000 == 0:
            (folder / f"{n // 2000:03d}").mkdir()
        (folder / f"{n // 2000:03d}" / f"{n:06d}.dcm").write_bytes(b"tiny")
    return folder


def deep(folder: Path) -> Path:
    """A folder 1,500 levels deep with a file at its end."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("down", dir_fd=here)
        below = os.open("down", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    last = os.open("a.dcm", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(last, b"tiny")
    os.close(last)
    os.close(here)
    return folder


def bundle_of(special: str) -> Callable[[Path], Path]:
    """A bundle whose files are FIFOs, or links to a device."""

    def make(folder: Path) -> Path:
        bases.cohort_things(folder)
        made = folder / "bundle"
        for name in ("bundle.json", "CARD.md"):
            if special == "fifo":
                (made / name).unlink()
                os.mkfifo(made / name)
            elif special == "device":
                (made / name).unlink()
                (made / name).symlink_to("/dev/zero")
        return made

    return make


def special_scan(folder: Path) -> Path:
    """A series with a FIFO and a link to a device among its slices."""
    made = _series(folder)
    os.mkfifo(folder / "pipe.dcm")
    (folder / "zero.dcm").symlink_to("/dev/zero")
    return made


# a row a claim
CLAIMS: dict[str, Claim] = {
    "2,000,000 frames": Claim(make=frames(2_000_000)),
    "1,000,000,000 frames": Claim(make=frames(1_000_000_000)),
    "two enhanced files": Claim(make=two_enhanced),
    "sheared affine": Claim(make=sheared),
    "sheared slices": Claim(make=sheared_slices),
    "packed NIfTI": Claim(make=packed_nifti),
    "offset of 3e12": Claim(make=far_offset),
    "deflated DICOM": Claim(make=deflated),
    "zeros in a zip": Claim(make=zipped_zeros),
    "FIFO in a bundle": Claim(make=bundle_of("fifo"), kind="bundle"),
    "device in a bundle": Claim(make=bundle_of("device"), kind="bundle"),
    "FIFO and device in a series": Claim(make=special_scan),
    "200,000 files": Claim(make=many_files, files=N_FILES),
    "1,500 levels": Claim(make=deep),
}


def main() -> int:
    """Make and read them all. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", dest="output", type=Path, default=Path("out/bounds"))
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    options = parser.parse_args()
    wrong = 0
    for name, claim in CLAIMS.items():
        if options.only and not any(name.startswith(start) for start in options.only):
            continue
        folder = options.output / name.replace(" ", "-").replace(",", "")
        subprocess.run(["rm", "-rf", str(folder)], check=True)  # deeper than shutil goes
        folder.mkdir(parents=True)
        fits, words = _read(claim, claim.make(folder))
        print(f"{'ok ' if fits else 'NOT'} {name:28s} {words}", flush=True)
        wrong += not fits
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    shutil.rmtree(options.output, ignore_errors=True)
    return 1 if wrong else 0


def _read(claim: Claim, path: Path) -> tuple[bool, str]:
    most = MOST_SECONDS + claim.files / 1000
    try:
        run = subprocess.run(
            [sys.executable, "-c", READER, claim.kind, str(path)],
            capture_output=True,
            text=True,
            timeout=6 * most,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"more than {6 * most:.0f} s"
    if run.returncode != 0:
        return False, (run.stderr.strip().splitlines() or [f"ended with {run.returncode}"])[-1]
    seconds, memory, voxels, said = json.loads(run.stdout.splitlines()[-1])
    fits = seconds <= most and memory <= MOST_BESIDE + 3 * voxels
    return fits, f"{seconds:6.1f} s  {memory / 2**30:5.2f} GB  {said[:200]}"


if __name__ == "__main__":
    sys.exit(main())
