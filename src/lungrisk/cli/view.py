"""`lungrisk view`: pictures of a scan."""

from pathlib import Path

from lungrisk.cli.options import Out, Quiet, ScanPath
from lungrisk.cli.terminal import existing, progress, say


def view(scan: ScanPath, out: Out = None, quiet: Quiet = False) -> None:
    """Pictures: the slice grid, three planes, the MIP, the 3D surface, the HU histogram.

    Without -o they go to lungrisk-view in the current folder. Prints the path of each.
    """
    existing(scan)

    from lungrisk.formats import read
    from lungrisk.lungs import segment_lungs
    from lungrisk.report import view as draw

    with progress("view", quiet=quiet) as step:
        step("reading")
        opened = read(scan)
        step("lungs")
        lungs = segment_lungs(opened)
        step("drawing")
        pictures = draw(opened, out or Path("lungrisk-view"), lungs=lungs)
    say(*map(str, pictures))
