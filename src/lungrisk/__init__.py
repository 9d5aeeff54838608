"""A chest CT goes in as slices and comes out as the likelihood of lung cancer, with the nodules that it rests on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungrisk.assessment import assess as assess
    from lungrisk.cohort.preparing import prepare_cohort as prepare_cohort
    from lungrisk.cohort.store import open_store as open_store
    from lungrisk.evaluation import calibrate as calibrate
    from lungrisk.evaluation import evaluate as evaluate
    from lungrisk.formats import read as read
    from lungrisk.lungs import segment_lungs as segment_lungs
    from lungrisk.nodules import find_nodules as find_nodules
    from lungrisk.prediction import predict as predict
    from lungrisk.preparation import prepare as prepare
    from lungrisk.quality import check as check
    from lungrisk.report import view as view
    from lungrisk.simulation import simulate as simulate
    from lungrisk.training import train as train

__version__ = "0.1.0"

# every public name and its room: the room is loaded when the name is first used
PUBLIC = {
    "assess": "assessment",
    "calibrate": "evaluation",
    "check": "quality",
    "evaluate": "evaluation",
    "find_nodules": "nodules",
    "open_store": "cohort.store",
    "predict": "prediction",
    "prepare": "preparation",
    "prepare_cohort": "cohort.preparing",
    "read": "formats",
    "segment_lungs": "lungs",
    "simulate": "simulation",
    "train": "training",
    "view": "report",
}
__all__ = sorted([*PUBLIC, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'lungrisk' has no attribute {name!r}")
    value = getattr(import_module(f"lungrisk.{PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
