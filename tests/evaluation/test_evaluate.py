from pathlib import Path

import pytest

from lungrisk import evaluation
from lungrisk.cohort.nodule_folder import DEMO_PATIENT, read_nodules
from lungrisk.core.bundle import open_bundle
from lungrisk.core.errors import UsageFault
from lungrisk.evaluation import evaluate
from lungrisk.evaluation.nodules import judge_stacks


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.missing.*nowhere"):
        evaluate(tmp_path / "nowhere")


def test_without_bundle_malignancy_comes_first_and_the_others_under_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {task: (lambda folder, bundle, task=task: {f"of {task}": 1}) for task in evaluation.TASKS}
    monkeypatch.setattr(evaluation, "TASKS", made)
    assert evaluate(tmp_path) == {"of malignancy": 1, "outline": {"of outline": 1}}  # no patches here: no candidates
    (tmp_path / "luna16-patches.csv").touch()
    assert evaluate(tmp_path)["candidate"] == {"of candidate": 1}


@pytest.mark.shared
def test_the_shipped_bundle_reaches_its_targets_out_of_fold(shared_data: Path) -> None:
    """On those of 6 to 15 mm with three readers or more, where size says least; a command recomputes the others."""
    stacks = [stack for stack in read_nodules(shared_data / "nodules") if stack.n_readers >= 3]
    middle = [s for s in stacks if 6 <= s.diameter_mm < 15 and s.patient != DEMO_PATIENT]
    figures = judge_stacks(middle, open_bundle("malignancy", "malignancy"), None)
    assert figures["n_unseen"] == 0
    assert 0.935 < figures["auc"] < 0.965  # above, something leaks
    assert 0.355 < figures["mae"] < 0.45
    assert figures["auc_gain_low"] > 0.05
    assert figures["without_calcified"]["auc"] > figures["without_calcified"]["auc_diameter"]
    assert figures["type"]["agreement"] > 0.8
