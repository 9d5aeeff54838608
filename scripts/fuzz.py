"""Change inputs at random, seeded, and see that lungrisk refuses, says so, or gives the truth.

    python scripts/fuzz.py [TARGET ...] [--minutes 10 | --tries N] [--start N] [-o out/fuzz]

Without a target all take turns. Where an earlier run ended is kept in -o, and the next one goes on from there (--start begins elsewhere).
What is not boring is appended to -o/TARGET.jsonl with its seed; `--again TARGET:N` does one try again and leaves its input in -o/again.
Exit code 1 when there was a fault: an exception without a type, a hang, too much memory, another scan without a word.
"""

import argparse
import json
import resource
import sys
import time
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing import bases, judging
from fuzzing.targets import TARGETS

ADDRESS_SPACE = 16 << 30
TURN = 50


def main() -> int:
    """Run; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--tries", type=int, help="of each target, instead of --minutes")
    parser.add_argument("--start", type=int)
    parser.add_argument("--again", metavar="TARGET:N")
    parser.add_argument("-o", dest="output", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    made = options.output / "bases"
    if not made.exists():
        bases.make(made)
    if options.again:
        return again(options.again, made, options.output / "again")
    names = options.targets or list(TARGETS)
    benches = {name: judging.lay_out(name, made, options.output / "tries" / name) for name in names}
    kept = options.output / "next.json"
    following: dict[str, int] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    first = {name: following.get(name, 0) if options.start is None else options.start for name in names}
    at, counts, until = dict(first), {name: Counter[str]() for name in names}, time.monotonic() + 60 * options.minutes
    while any(at[name] - first[name] < (options.tries or 1 << 60) for name in names):
        if options.tries is None and time.monotonic() > until:
            break
        for name in names:
            with (options.output / f"{name}.jsonl").open("a", encoding="utf-8") as log:
                for _ in range(min(TURN, (options.tries or 1 << 60) - at[name] + first[name])):
                    outcome = benches[name].attempt(at[name])
                    at[name] += 1
                    counts[name][f"hidden: {outcome.about}" if outcome.kind == "hidden" else outcome.kind] += 1
                    if outcome.fault or outcome.kind == "hidden":
                        log.write(json.dumps(asdict(outcome)) + "\n")
                    if outcome.fault:
                        print(f"{outcome.kind}: {outcome.seed} {outcome.change} -> {outcome.about}", flush=True)
        kept.write_text(json.dumps({**following, **at}), "utf-8")
    return told(first, at, counts)


def told(first: dict[str, int], at: dict[str, int], counts: dict[str, Counter[str]]) -> int:
    """Print what came of them. Gives the exit code."""
    total: Counter[str] = Counter()
    for name, counted in counts.items():
        total += counted
        print(
            f"{name:18s} seeds {first[name]} to {at[name] - 1}: "
            + ", ".join(f"{n} {kind}" for kind, n in sorted(counted.items()))
        )
    print(f"{sum(total.values())} tries: " + ", ".join(f"{n} {kind}" for kind, n in sorted(total.items())))
    return 1 if any(total[kind] for kind in ("untyped", "hang", "memory", "silent")) else 0


def again(seed: str, made: Path, folder: Path) -> int:
    """One try once more, its changed input left in `folder`."""
    name, _, index = seed.rpartition(":")
    bench = judging.lay_out(name, made, folder)
    outcome = bench.attempt(int(index))
    print(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.fault else 0


if __name__ == "__main__":
    sys.exit(main())
