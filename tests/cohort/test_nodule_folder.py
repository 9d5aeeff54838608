"""Reading a folder of nodules: what was written comes back, in HU, with every reader."""

import csv
from pathlib import Path

import numpy as np
import pytest

from lungrisk.cohort.nodule_folder import RATINGS, read_nodules, read_patches
from lungrisk.core.errors import InputError, UsageFault


def write_folder(folder: Path) -> None:
    """Two nodules of 3 and 2 slices; the second one's readers hold bits 1 and 3, a third nodule has empty masks."""
    image = np.arange(7 * 64 * 64, dtype=np.uint64).reshape(7, 64, 64).astype(np.uint8)
    mask = np.zeros((7, 64, 64), np.uint8)
    mask[:3, 30:34, 30:34] = 0b0111
    mask[1, 20:24, 20:24] = 0b0001
    mask[3:5, 10:20, 10:20] = 0b1010
    np.savez_compressed(
        folder / "lidc-slices-0.npz",
        image=image,
        mask=mask,
        hu_lo=np.full(7, -1000, np.float32),
        hu_gain=np.full(7, 4, np.float32),
        hu_quality=np.full(7, 2, np.uint8),
        nodule=np.array([0, 0, 0, 1, 1, 2, 2], np.int32),
    )
    rows = []
    for name, start, n, readers in (("p1_n0", 0, 3, 3), ("p2_n0", 3, 2, 2), ("p2_n1", 5, 2, 1)):
        row = {rating: ";".join(str(2 + r) for r in range(readers)) for rating in RATINGS}
        row |= {"nodule_id": name, "patient": name[:2], "shard": "0", "start": str(start), "n_slices": str(n)}
        row |= {"pixel_spacing_mm": "0.7", "slice_spacing_mm": "2.5", "hu_quality": "2", "diameter_eq_mm": "9"}
        rows.append(row)
    with (folder / "lidc-slices.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_nodule_comes_back_in_hu_with_its_place_in_mm(tmp_path: Path) -> None:
    write_folder(tmp_path)
    first = read_nodules(tmp_path)[0]
    assert first.hu.shape == (3, 64, 64)
    assert first.hu[0, 0, 5] == -1000 + 4 * 5
    assert first.affine[:3, :3].tolist() == [[0, 0, 0.7], [0, 0.7, 0], [2.5, 0, 0]]
    assert first.malignancy == 3.0


def test_every_bit_in_use_is_a_reader_wherever_it_stands(tmp_path: Path) -> None:
    write_folder(tmp_path)
    first, second = read_nodules(tmp_path)
    assert (first.n_readers, second.n_readers) == (3, 2)
    assert second.consensus.sum() == 2 * 100
    assert first.consensus.sum() == 3 * 16  # what one of three readers alone holds is not in it


def test_a_nodule_whose_masks_are_empty_is_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert [stack.id for stack in read_nodules(tmp_path)] == ["p1_n0", "p2_n0"]


def test_a_missing_table_or_array_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"lidc-slices\.csv"):
        read_nodules(tmp_path)
    with pytest.raises(UsageFault, match=r"luna16-patches\.csv"):
        read_patches(tmp_path)
    write_folder(tmp_path)
    (tmp_path / "lidc-slices-0.npz").unlink()
    with pytest.raises(UsageFault, match=r"lidc-slices-0\.npz"):
        read_nodules(tmp_path)


@pytest.mark.shared
def test_the_consensus_has_the_diameter_that_the_table_names(shared_data: Path) -> None:
    stacks = [stack for stack in read_nodules(shared_data / "nodules") if stack.row["truncated"] == "0"]
    voxels = np.array([abs(np.linalg.det(stack.affine)) for stack in stacks])
    volumes = np.array([stack.consensus.sum() for stack in stacks]) * voxels
    measured = (6 * volumes / np.pi) ** (1 / 3)
    named = np.array([float(stack.row["diameter_consensus_mm"] or 0) for stack in stacks])
    assert np.median(abs(measured - named)[named > 0]) < 0.3


@pytest.mark.parametrize("harm", ["column", "number", "cut", "array alone", "no array", "not utf-8", "shard", "masks"])
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, harm: str) -> None:
    write_folder(tmp_path)
    table, arrays = tmp_path / "lidc-slices.csv", tmp_path / "lidc-slices-0.npz"
    text = table.read_bytes()
    match harm:
        case "column":
            table.write_bytes(text.replace(b"pixel_spacing_mm", b"colour"))
        case "number":
            table.write_bytes(text.replace(b"0.7", b"wide"))
        case "not utf-8":
            table.write_bytes(text.replace(b"p1_n0", b"\xff"))
        case "shard":
            table.write_bytes(text.replace(b",0,0,3,", b",../x,0,3,"))
        case "cut":
            arrays.write_bytes(arrays.read_bytes()[:300])
        case "array alone":
            with arrays.open("wb") as stream:
                np.save(stream, np.zeros(3))
        case "no array":
            np.savez(arrays, image=np.zeros((7, 64, 64), np.uint8))
        case "masks":
            with np.load(arrays) as held:
                kept = dict(held)
            np.savez(arrays, **{**kept, "mask": np.ones((7, 8, 8), np.uint8)})
    with pytest.raises(InputError, match=r"coh\.nodules"):
        read_nodules(tmp_path)
