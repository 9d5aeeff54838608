"""What a file is, its bytes say: whatever the meta header claims, the same pixels are read. pydicom writes, so no code is shared."""

import io
from pathlib import Path

import pytest
from gradient_phantom import phantom, save, worst_error
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID

from lungrisk.core.errors import InputError
from lungrisk.formats import read
from lungrisk.formats.syntax import parse

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG_2000, JPEG_LS = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"


def claiming(folder: Path, stated: str, true: str) -> Path:
    """The phantom written in one encoding under the name of another."""
    folder.mkdir(exist_ok=True)
    for k, one in enumerate(phantom()):
        if true == BIG:
            one.PixelData = b"".join(one.PixelData[n + 1 : n + 2] + one.PixelData[n : n + 1] for n in range(0, 9600, 2))
            one["PixelData"].VR = "OW"
        body, meta = DicomBytesIO(), io.BytesIO()
        body.is_little_endian, body.is_implicit_VR = true != BIG, true == IMPLICIT
        one.file_meta.TransferSyntaxUID = UID(stated)
        write_dataset(body, one)
        write_file_meta_info(meta, one.file_meta, enforce_standard=True)
        (folder / f"{k:02d}.dcm").write_bytes(bytes(128) + b"DICM" + meta.getvalue() + body.getvalue())
    return folder


@pytest.mark.parametrize("stated", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG_2000, JPEG_LS])
@pytest.mark.parametrize("true", [IMPLICIT, EXPLICIT, BIG])
def test_a_file_is_read_as_it_is_written(stated: str, true: str, tmp_path: Path) -> None:
    scan = read(claiming(tmp_path, stated, true))
    assert worst_error(scan) < 1
    told = [finding for finding in scan.findings if finding.code == "hdr.syntax"]
    assert [finding.n_files for finding in told] == ([] if stated == true else [24])


def test_an_unknown_syntax_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(claiming(tmp_path, "1.2.840.113619.5.2", IMPLICIT))
    assert [finding.code for finding in caught.value.worst()] == ["file.syntax"]


@pytest.mark.parametrize("true", [IMPLICIT, EXPLICIT, BIG])
def test_without_a_meta_header_the_first_element_tells(true: str, tmp_path: Path) -> None:
    content = (claiming(tmp_path, true, true) / "00.dcm").read_bytes()
    bare = content[144 + int.from_bytes(content[140:144], "little") :]
    found = parse(io.BytesIO(bare))
    assert (found.syntax, found.preamble, found.length) == (true, False, 9600)
    assert bare[found.offset :] == content[-9600:]


def test_a_header_that_breaks_off_is_the_files_fault(tmp_path: Path) -> None:
    folder = save(phantom(), tmp_path)
    path = sorted(folder.iterdir())[3]
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError) as caught:
        read(folder)
    assert {finding.code for finding in caught.value.worst()} <= {"file.truncated", "file.corrupt"}
