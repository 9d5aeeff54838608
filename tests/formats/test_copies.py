"""Copies are told by their content, whatever the encoding: the phantom twice, once compressed by another library."""

from copy import deepcopy
from pathlib import Path

import pytest
from gradient_phantom import marked, phantom, save, worst_error

from lungrisk.formats import read


@pytest.mark.parametrize("new_uid", [False, True])
def test_a_slice_compressed_and_plain_is_one_slice(new_uid: bool, tmp_path: Path) -> None:
    packed = phantom()
    for dataset in packed:
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=new_uid)
    save(phantom(), tmp_path / "plain")
    scan = read(save(packed, tmp_path / "packed").parent)
    assert worst_error(scan) <= 0.7
    assert len(scan.hu) == 24
    finding = next(f for f in scan.findings if f.code == "ord.dup_same")
    assert finding.n_files == 24


def test_what_a_copy_is_stored_as_does_not_matter_and_what_it_says_does(tmp_path: Path) -> None:
    datasets = phantom()
    other = deepcopy(datasets[7])
    other.RescaleIntercept, other.SOPInstanceUID = -1000, "1.2.3.9"
    save([*datasets, marked(other, -24)], tmp_path)
    scan = read(tmp_path)
    assert "ord.dup_same" in {f.code for f in scan.findings}
    assert worst_error(scan) <= 0.7
