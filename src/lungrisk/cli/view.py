"""`lungrisk view`: pictures of a scan."""

from pathlib import Path

from lungrisk.cli.options import Out, Overwrite, Quiet, ScanPath
from lungrisk.cli.terminal import existing, progress, say


def view(scan: ScanPath, out: Out = None, overwrite: Overwrite = False, quiet: Quiet = False) -> None:
    """Pictures: the slice grid, three planes, the MIP, the 3D surface, the HU histogram.

    Without -o they go to lungrisk-view in the current folder. Prints the path of each.
    """
    existing(scan)

    from lungrisk.core.extents import extent_of
    from lungrisk.core.outputs import key_of, state_of, written
    from lungrisk.formats import read
    from lungrisk.lungs import segment_lungs
    from lungrisk.report import view as draw

    folder = out or Path("lungrisk-view")
    asked = key_of(scan=extent_of(scan).content)
    state_of(folder, "view", asked, overwrite=overwrite)
    with progress("view", quiet=quiet) as step:
        step("reading")
        opened = read(scan)
        step("lungs")
        lungs = segment_lungs(opened)
        step("drawing")
        with written(folder, "view", asked):
            pictures = draw(opened, folder, lungs=lungs)
    say(*map(str, pictures))
