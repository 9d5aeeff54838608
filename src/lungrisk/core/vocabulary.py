"""Text that came from outside, where it leaves: nothing in it that acts on a terminal, and nothing that can name a person.

A file is named after a patient as often as not, and so is a description in a header. What is shown of them is what a checked
vocabulary knows: `IM0001.dcm`, `SIEMENS`, `B70f`. `showing` widens that, for the terminal of who typed the names, or everywhere.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

LONGEST = 400  # characters of one string; a header may hold a megabyte
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidi marks, surrogates, unassigned, line separators
VEIL = "*"  # what stands for the part of a name that is not shown, as a shell would write it
OTHER = "not in the vocabulary"  # what stands for a text of a header that is not shown

Names: TypeAlias = Literal["nowhere", "terminal", "everywhere"]
_names: ContextVar[Names] = ContextVar("names", default="nowhere")

# words of names of files that many patients have; with digits between them: IM0001, slice_12, CT-1, series 3
FILE_WORDS = (
    "anon axial bone body chest coronal ct data dcm dicom dicomdir file frame i im image images img input lung lungs mask "
    "mr nifti nodules obj s sag sagittal scan se seg series slice slices soft st study thorax v vol volume z"
)
ENDINGS = "dcm dic dicom ima img gz bz2 xz zip tar tgz 7z rar nii hdr nrrd nhdr raw zraw mha mhd csv txt json xml png jpg npz npy onnx md"
NAME = re.compile(
    rf"(?:(?:{'|'.join(FILE_WORDS.split())})(?![a-z])[-_. ]*)*(?:0*\d{{0,4}})(?:[-_. ](?:[a-z](?=\d))?0*\d{{1,4}})?",
    re.IGNORECASE,
)
HASH = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{16,}")
ENDING = re.compile(rf"(?:\.(?:{'|'.join(ENDINGS.split())}))+", re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VENDORS = _words(
    "ge siemens philips toshiba canon hitachi shimadzu neusoft uih united imaging fujifilm picker marconi elscint "
    "imatron samsung neurologica mindray sinovision minfound anke pnms nms carestream agfa cps adac"
)
VENDOR_WORDS = _words(
    "ag co company corp corporation electronics gmbh group healthcare healthineers inc limited llc ltd mec medical "
    "nederland of shenzhen shenyang shanghai system systems technologies technology the"
)
MODELS = _words(
    "access activion alexion alpha core dual sp helios big bore idt mx8000 uct aquilion as asteion ast biograph brightspeed brilliance "
    "cardiac cardiome ct definition discovery drive duo eclos edge elite emotion evo exam flash flex force fusion "
    "gemini genesis go hd hispeed horizon ict incisive ingenuity iqon lemage lightning lightspeed mct mx naeotom "
    "neuviz now one open optima performix perspective plus prime pro qx revolution rs rt scenaria scintcare select "
    "sensation spectral speedia spirit ste supria somatom tf tof top ultra up vct vereos vision volume xt zoom"
)
KERNELS = _words(
    "body bone boneplus brain chest chst detail edge fast hd high iterative lung mediastinum medium ns resolution "
    "sharp routine smooth soft softer stnd stand standard std ultra unsharp very extra angio abdomen parenchyma plus"
)
TERMS = _words(
    "hu us od mgml pct hu_mod z_eff ed edw ct mr pt nm cr dx xa rf mg sc ot seg sr reg rtstruct rtdose rtplan pr ko "
    "doc original derived primary secondary axial localizer projection image volume mpr mip minip average max min "
    "mean none mixed reformatted other csa cta csamip csampr csaparallel cpr sub add ct_som5 ct_som7 ct_som "
    "mpr_thick vrt ssd spi seq spo screen save dose_info posdisp gsps helix tokushu ffs ffp hfs hfp hfdr hfdl ffdr "
    "ffdl monochrome1 monochrome2 rgb ybr_full ybr_full_422 palette color lossy lossless yes no resampled filtered "
    "reformat material energy virtual mono mm cm um m micrometres metres millimetres millimeters meters msec sec "
    "nothing true false little big endian header field nrrd nrrd0001 nrrd0002 nrrd0003 nrrd0004 nrrd0005 space "
    "domain time list vector rgb-color point covector normal quaternion complex kind local data file skip line byte "
    "iodine subtraction attenuation temporal fused thick slab curved perfusion map maximum minimum norm dis2d uchar "
    "schar short ushort int uint float double long ulong met_char met_uchar met_short met_ushort met_int met_uint "
    "met_long met_float met_double met_other raw gzip gz bzip2 bz2 hex ascii text txt signed unsigned int8 uint8 "
    "int16 uint16 int32 uint32 int64 uint64 float32 float64 left right anterior posterior superior inferior scanner "
    "xyz lps ras las x inch inches array block encoding type sizes and"
)
DESCRIBING = _words(
    "adult arterial art at tissue abd abdomen ankle arm biopsia biopsy brain elbow extremity foot hand hip intervention knee leg monitoring orbit shoulder sinus skull temporal virtual vni wrist colon de effective electron density head iodine kev keV liver lung map maps monoenergetic overlay pancreas pelvis perfusion pet rho spectral spine torax uptake vnc z zeff ax baseline biopsy body bolus breath breathhold c cap ce chest contrast cor coronal day delayed dl "
    "dose enhanced exp expiration expiratory fine fov full gated head helical hold hr hrct in insp inspiration inspiratory "
    "iv kv l large ld ldct lo low lower lung lungs ma mas mediastinal middle multi native neck nodule non o obl oblique "
    "parameter patient phase plain post pre prone pulmonary quick range reading recon reference scan scout screening "
    "sequence series set slices spiral staff standard study summary supine surview tap thick thin thins thorax thx to "
    "topo topogram trauma unenhanced upper venous w whole window with without wo"
)
TOKEN = re.compile(r"[^\s\\/,_.+()-]+")
PART = re.compile(r"[^\s\\/,;:=()\[\]\"'|<>_^+-]+")
SIZED = re.compile(r"[A-Za-z]{1,2}\d{1,3}[A-Za-z]?|\d{1,3}(\.\d{1,3})?(mm|cm|kv|mas|ml|s|x)?", re.IGNORECASE)
CODED = re.compile(r"[A-Za-z]{0,2}\d{1,4}[A-Za-z]?|[A-Za-z]")  # B70f, FC51, Br40d, 64, L
NUMBERED = re.compile(r"(?<=[a-z]{4})\d{1,4}[a-z]?$", re.IGNORECASE)  # LightSpeed16
LETTERS = re.compile(r"[A-Z]{2}")  # YB: a kernel when it is all there is
MOST_WORDS = 8  # of a maker, a model, a kernel
UID = re.compile(r"1\.2\.840\.10008\.[0-9.]{1,48}")  # those that the standard gives, not those of a study
WORD = re.compile(r"[^\s\\/,;:=()\[\]\"'|<>]+")
NUMERAL = re.compile(r"(?!(?:18|19|20)\d{6}$)(?=.*\d)[0-9eE+\-._]{1,24}|[-+]?nan|[-+]?inf", re.IGNORECASE)
MOST_STATED = 64  # characters of a header in a finding


def visible(text: str, most: int | None = LONGEST) -> str:
    r"""A string from a header or a file name with nothing in it that acts: controls become escapes, length is bounded.

    >>> print(visible("CHEST\x1b[2J \u202egnp"))
    CHEST\x1b[2J \u202egnp
    """
    cut = text if most is None or len(text) <= most else text[:most] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_escape(letter) if unicodedata.category(letter) in HIDDEN else letter for letter in cut)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


@contextmanager
def showing(names: Names) -> Iterator[None]:
    """Inside, names of files and texts of headers are shown as they are: on the terminal alone, or in files that travel too."""
    token = _names.set(names)
    try:
        yield
    finally:
        _names.reset(token)


def show(names: Names) -> None:
    """From here on, to the end of the `showing` around it."""
    _names.set(names)


def shown(*, travels: bool) -> bool:
    """Whether names are shown as they are: on the terminal, or in what travels (JSON, pages, stores)."""
    return _names.get() == "everywhere" or (_names.get() == "terminal" and not travels)


def veil(path: str) -> str:
    """A path with `*` for the parts that can name a person: it still fits as a pattern of the shell.

    >>> veil("DOE^JANE/CT 1/IM0017.dcm"), veil("doe_jane_0017.nii.gz"), veil("19610312.dcm")
    ('*/CT 1/IM0017.dcm', '*.nii.gz', '*.dcm')
    """
    return "/".join(map(_veil_part, path.replace("\\", "/").split("/")))


def _veil_part(part: str) -> str:
    end = ENDING.search(part)
    while end is not None and end.end() < len(part):
        end = ENDING.search(part, end.start() + 1)
    stem = part if end is None else part[: end.start()]
    harmless = NAME.fullmatch(stem) or HASH.fullmatch(stem) or set(stem) <= {"."}
    return part if harmless else VEIL + part[len(stem) :]


def vendor(text: str) -> str:
    """A maker of scanners as it stands; of one with words that are not known, its known word.

    >>> vendor("GE MEDICAL SYSTEMS"), vendor("SIEMENS DOE"), vendor("Doe")
    ('GE MEDICAL SYSTEMS', 'SIEMENS', 'not in the vocabulary')
    """
    words = TOKEN.findall(text)
    known = [word for word in words if word.casefold() in VENDORS]
    if known and _all_known(words, VENDORS | VENDOR_WORDS):
        return text
    return " ".join(known[:2]) or OTHER


def model(text: str) -> str:
    """A model of scanner, when its words and numbers are those of models.

    >>> model("LightSpeed VCT"), model("Sensation 64"), model("Doe CT")
    ('LightSpeed VCT', 'Sensation 64', 'not in the vocabulary')
    """
    return text if _all_known([NUMBERED.sub("", word) for word in TOKEN.findall(text)], MODELS, CODED) else OTHER


def kernel(text: str) -> str:
    """A convolution kernel, when it is written as kernels are.

    >>> kernel("B70f"), kernel("STANDARD"), kernel("FC51"), kernel("Br40d\\\\3"), kernel("Jane Doe")
    ('B70f', 'STANDARD', 'FC51', 'Br40d\\\\3', 'not in the vocabulary')
    """
    return text if LETTERS.fullmatch(text) or _all_known(TOKEN.findall(text), KERNELS, CODED) else OTHER


def stated(text: object) -> str:
    """What a header says, for a finding: words that the standards define and numbers as they stand, `*` for every other.

    >>> stated("DERIVED\\\\SECONDARY\\\\MPR"), stated("0.7 DOE^JANE 1_0"), stated("1.2.840.10008.1.2.1"), stated("MET_SHORT")
    ('DERIVED\\\\SECONDARY\\\\MPR', '0.7 * 1_0', '1.2.840.10008.1.2.1', 'MET_SHORT')
    """
    cut = visible(str(text)[:MOST_STATED])
    if shown(travels=True):
        return cut
    veiled = WORD.sub(lambda found: found[0] if _is_term(found[0]) else VEIL, cut)
    return re.sub(r"\*(?:\s+\*)+", VEIL, veiled)


def description(text: str) -> str:
    """What a series is called: the words, codes and sizes that series are described with, `*` for every other.

    >>> description("CHEST 1.5 B70f DOE^JANE 12.03.1961"), description("Thorax_lung axial")
    ('CHEST 1.5 B70f *^*', 'Thorax_lung axial')
    """
    veiled = PART.sub(lambda found: found[0] if _describes(found[0]) else VEIL, visible(text))
    return re.sub(r"\*(?:\s+\*)+", VEIL, veiled)


def _describes(word: str) -> bool:
    return word.casefold() in DESCRIBING | KERNELS | TERMS or SIZED.fullmatch(word) is not None


def _is_term(word: str) -> bool:
    if NUMERAL.fullmatch(word) or UID.fullmatch(word):
        return True
    return all(part.casefold() in TERMS for part in re.split(r"[_-]", word) if part) or word.casefold() in TERMS


def _all_known(words: list[str], known: frozenset[str], coded: re.Pattern[str] | None = None) -> bool:
    """Whether each word is one of the vocabulary, or, at most twice, a code of a few letters and digits."""
    others = [word for word in words if word.casefold() not in known]
    fits = coded is not None and len(others) <= 2 and all(map(coded.fullmatch, others))
    return 0 < len(words) <= MOST_WORDS and (not others or fits)
