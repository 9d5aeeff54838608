"""A written series is what a scanner would send: pydicom finds the same values, places and numbers in it."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from lungrisk.core.geometry import apply_affine, axis_affine
from lungrisk.simulation.dicom_series import decimal, uid, write_series

AFFINE = axis_affine((2.5, 0.7, 0.7), (-100.123456, -90.5, -340.25))
HU = (np.arange(12 * 16 * 20) % 3000 - 1024).astype(np.int16).reshape(12, 16, 20)


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.5",
    ],
)
def test_pydicom_reads_back_values_and_places(syntax: str, tmp_path: Path) -> None:
    for k, path in enumerate(write_series(HU, AFFINE, tmp_path, transfer_syntax=syntax, Manufacturer="GE", KVP=120)):
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert np.array_equal(dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept, HU[k])
        assert np.allclose(dataset.ImagePositionPatient, apply_affine(AFFINE, [k, 0, 0]), atol=1e-9)
        assert list(dataset.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        assert (dataset.Manufacturer, dataset.KVP, dataset.SeriesDescription) == ("GE", 120, "CHEST")


def test_the_same_volume_gives_the_same_files(tmp_path: Path) -> None:
    one, two = (write_series(HU, AFFINE, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_tag_of_none_is_left_out(tmp_path: Path) -> None:
    path = write_series(HU, AFFINE, tmp_path, SliceThickness=None)[0]
    assert "SliceThickness" not in pydicom.dcmread(path)


def test_a_syntax_without_encoder_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        write_series(HU, AFFINE, tmp_path, transfer_syntax="1.2.840.10008.1.2.4.50")


@pytest.mark.parametrize("value", [0.0, -187.59687805, 1234.5678901234, -1 / 3, 1e-7])
def test_decimal_strings_fit_and_keep_the_value(value: float) -> None:
    text = decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, abs=1e-8)


def test_uids_are_valid() -> None:
    assert pydicom.uid.UID(uid("any")).is_valid
