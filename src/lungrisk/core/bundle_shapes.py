"""What bundle.json holds, task by task: the kinds that are checked before anything of a bundle is used."""

from typing import Any

from lungrisk.core.kinds import Malformed, conform

MOST_PIXELS = 512  # along a side of what a network looks at
FINEST_MM, COARSEST_MM = 0.05, 10.0

# of every bundle; further keys are for people: data, licence, figures
EVERY: dict[str, object] = {
    "name": str,
    "task": str,
    "files": {str: str},
    "licence?": str,
    "data?": str,
    "split_hash?": str,
    "fold_of_patient?": {str: int},
}
CALIBRATION = {  # of likelihoods: what `core.calibration` reads
    "method": str,
    "parameters": ({str: float}, [{str: float}]),
    "covariance": [[float]],
    "prevalence": float,
    "n": int,
    "n_positive": int,
}
WEIGHTS = dict.fromkeys(("offset", "mean", "lowest", "log_dotness", "thickness"), float)
ERROR_OF_VOLUMES = {
    "from_mm": float,
    "below_mm?": float,  # of the largest there is no end
    **dict.fromkeys(("median", "low", "high"), float),
}
# a row a task: what its room reads of it
TASKS: dict[str, dict[str, object]] = {
    "candidate": {
        "view": {"pixels": int, "pixel_mm": float},
        "calibration": {"accept": float, "weights": WEIGHTS},
        "use_folds?": ([int], None),
    },
    "outline": {"calibration": {"volume?": [ERROR_OF_VOLUMES]}},
    "malignancy": {"calibration": {"at": [float], "sd": [float]}},
    "patient": {
        "inputs": [str],
        "recipe": dict,
        "calibration": CALIBRATION,
        "years?": (int, None),
    },
    "calibration": {"calibration": CALIBRATION, "base": (frozenset({"line"}), {"name": str, "sha256": str})},
}


def check_settings(about: dict[str, Any], *, unfinished: bool = False) -> None:
    """Raises Malformed where bundle.json does not hold what every bundle, and one of its task, holds.

    unfinished: a bundle that is being trained, whose calibration is not known yet.
    """
    conform(about, EVERY)
    for name in about["files"]:
        if name in ("", ".", "..") or any(mark in name for mark in "/\\\0"):
            raise Malformed("a file that lies outside the bundle", "names of files in the bundle's folder")
    shape = TASKS.get(about["task"], {})
    conform(about, {key: kinds for key, kinds in shape.items() if not (unfinished and key == "calibration")})
    if about["task"] == "candidate":
        _check_view(about["view"])
    if about["task"] == "malignancy" and not unfinished:
        _check_spread(about["calibration"])
    if "prevalence" in about.get("calibration", {}) and not 0 < about["calibration"]["prevalence"] < 1:
        raise Malformed("calibration.prevalence is no share", "more than 0, less than 1")


def _check_view(view: dict[str, Any]) -> None:
    if not 1 <= view["pixels"] <= MOST_PIXELS:
        raise Malformed(f"view.pixels is {view['pixels']}", f"1 to {MOST_PIXELS}")
    if not FINEST_MM <= view["pixel_mm"] <= COARSEST_MM:
        raise Malformed(f"view.pixel_mm is {view['pixel_mm']}", f"{FINEST_MM} to {COARSEST_MM}")


def _check_spread(spread: dict[str, list[float]]) -> None:
    at, sd = spread["at"], spread["sd"]
    if not at or len(at) != len(sd) or sorted(set(at)) != at or min(sd) < 0:
        raise Malformed("calibration.at and calibration.sd do not fit each other", "rising ratings, a spread for each")
