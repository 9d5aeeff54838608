"""How many real nodules the finder finds: pasted into the lungs of whole scans, by size.

    python scripts/find_pasted.py NODULES_DIR SCAN [SCAN ...]

For each class of diameter: nodules, share among the candidates, share accepted; and the accepted candidates of each scan as it is.
"""

import sys
from itertools import pairwise

import numpy as np

from lungrisk.core.bundle import open_bundle
from lungrisk.evaluation.pasted import SIZES_MM, Pasted, paste_and_find
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.nodules.find import find_candidates


def table(pasted: list[Pasted], accept: float) -> list[str]:
    """Lines, one a class of size."""
    lines = ["| mm | n | among the candidates | accepted |", "| --- | --- | --- | --- |"]
    for low, high in pairwise(SIZES_MM):
        those = [item for item in pasted if low <= item.diameter_mm < high]
        if those:
            found = np.mean([item.rank is not None for item in those])
            accepted = np.mean([item.probability >= accept for item in those])
            lines.append(f"| {low:.0f}-{high:.0f} | {len(those)} | {found:.2f} | {accepted:.2f} |")
    return lines


def main() -> None:
    """Run on every scan that is named."""
    folder, *scans = sys.argv[1:]
    bundle = open_bundle("candidate", "candidate")
    accept = float(bundle.settings["calibration"]["accept"])
    pasted = []
    for seed, name in enumerate(scans):
        scan = read(name)
        lungs = segment_lungs(scan)
        own = [f"{c.probability:.2f}" for c in find_candidates(scan, lungs, bundle) if c.probability >= accept]
        print(f"{name}: {len(own)} accepted as it is ({', '.join(own)})", flush=True)
        pasted += paste_and_find(folder, scan, lungs, bundle, copies=10, seed=seed)
    print("\n".join(table(pasted, accept)))


if __name__ == "__main__":
    main()
