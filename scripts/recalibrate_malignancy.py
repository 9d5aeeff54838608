"""Calibrate and judge the shipped rating of malignancy again, its networks as they are: when the shipped outlines have changed.

    python scripts/recalibrate_malignancy.py NODULES_DIR BUNDLE

Writes the folder BUNDLE; copied to src/lungrisk/bundles/malignancy it is what ships. Needs the extra [train].
"""

import sys
from pathlib import Path

from lungrisk.core.bundle import open_bundle
from lungrisk.training.malignancy import recalibrate

if __name__ == "__main__":
    folder, out = map(Path, sys.argv[1:])
    print(recalibrate(folder, open_bundle("malignancy", "malignancy"), out))
