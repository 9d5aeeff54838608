"""Recompute every published figure from the development data: `make evaluate`.

    python scripts/evaluate_all.py DATA

Runs, one after another: `lungrisk evaluate` on the nodules for each shipped bundle, the lungs against the lobes of the public scan, the
refit of the map from nodules to a patient, the published figures of the Bowl, and every scan of scans.csv. What each prints is kept in
out/evaluation/. Exit code 1 when one of them fails.
"""

import subprocess
import sys
from pathlib import Path

from lungrisk.core.bundle import list_bundles

OUT = Path("out/evaluation")
SCRIPTS = Path(__file__).parent


def steps(data: Path) -> dict[str, list[str]]:
    """Name and command of each step; a script that is not there is left out."""
    lungrisk = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
    wanted = {
        f"nodules-{name}": [*lungrisk, "evaluate", str(data / "nodules"), "--bundle", name] for name in list_bundles()
    }
    for name in list_bundles():
        wanted[f"nodules-{name}"] += ["--json", str(OUT / f"nodules-{name}.json")]
    wanted["lungs"] = [sys.executable, str(SCRIPTS / "lung_dice.py"), "--data", str(data)]
    wanted["map"] = [sys.executable, str(SCRIPTS / "fit_map.py"), str(data / "dsb2017" / "patients.csv")]
    wanted["dsb2017"] = [sys.executable, str(SCRIPTS / "dsb2017.py"), str(data / "dsb2017" / "patients.csv")]
    wanted["scans"] = [
        sys.executable,
        str(SCRIPTS / "run_scans.py"),
        str(data / "scans"),
        "--json",
        str(OUT / "scans.json"),
    ]
    return wanted


def main() -> int:
    """Run the steps. Gives the exit code."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    if not data.is_dir():
        print(f"the development data is not at {data}: nothing can be recomputed", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, command in steps(data).items():
        print(f"== {name}", flush=True)
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        (OUT / f"{name}.txt").write_text(run.stdout, "utf-8")
        print(run.stdout, flush=True)
        if run.returncode:
            failed.append(name)
    if failed:
        print(f"failed or contradicted: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
