"""One seeded change of a file's bytes: blind, or by one who knows the format and lies in it."""

import random
import re
import struct
from collections.abc import Callable

Change = tuple[bytes, str]

LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"}
NUMBERS = [
    b"0", b"-1", b"1e308", b"-1e308", b"1e400", b"nan", b"inf", b"-inf", b"1_0", b" 1 ", b"0x10", b"1,5", b"1\\2", b"1\\2\\3", b"", b"\0",
    b"1e-320", b"2", b"0.5", b"-0", b"+1", b"1.", b"\xb2", "\u0661".encode(), b"1e2", b"1d2", b"99999999999999999999", b"A" * 70000, b"\\", b"1e-5", b"64",
    b"-1024.5", b"1.0000001",
]  # fmt: skip
TEXTS = [
    b"", b"\0", b"A" * 100000, b"\\" * 1000, b"<script>alert(1)</script>", b"\x1b[31mX", b"LOCALIZER", b"DERIVED\\SECONDARY\\MPR",
    b"DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 MIP", b"ORIGINAL\\PRIMARY\\AXIAL", b"\xff\xfe\xfd", b"CT", b"MR", b"1.2.840.10008.5.1.4.1.1.2",
    b"1.2.840.10008.5.1.4.1.1.7", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2", b"RGB", b"MONOCHROME1",
    b"20990101", b"HFP", b"01", b"B70f", b"a\nb: c",
]  # fmt: skip
TAGS = [
    0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080032, 0x00080060, 0x0008103E, 0x00100020, 0x00180010, 0x00180050, 0x00181210,
    0x00185100, 0x0020000D, 0x0020000E, 0x00200012, 0x00200013, 0x00200032, 0x00200037, 0x00200052, 0x00200100, 0x00280002, 0x00280004,
    0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280121, 0x00281052,
    0x00281053, 0x00281054, 0x00282110, 0x00282112, 0x00283000, 0x7FE00010,
]  # fmt: skip
Element = tuple[int, bytes, bytes, bool]


def blind(content: bytes, chance: random.Random) -> Change:
    """Flips, set bytes, cuts, deletions, insertions, splices; four of five in the first half of a kilobyte or so."""
    changed = bytearray(content)
    within = len(content) if chance.random() < 0.3 else min(len(content), 2048)
    if within == 0:
        return content, "nothing"
    at, kind, n = chance.randrange(within), chance.random(), chance.choice([1, 2, 3, 4, 8, 64, 512])
    if kind < 0.5:
        many = chance.choice([1, 1, 1, 2, 4, 16])
        for _ in range(many):
            changed[chance.randrange(within)] ^= 1 << chance.randrange(8)
        return bytes(changed), f"{many} flips"
    if kind < 0.62:
        changed[at] = chance.choice([0, 255, 127, 128, 32, 48, chance.randrange(256)])
        return bytes(changed), f"byte {at} set to {changed[at]}"
    if kind < 0.75:
        at = chance.randrange(len(content))
        return bytes(changed[:at]), f"cut at {at}"
    if kind < 0.84:
        del changed[at : at + n]
        return bytes(changed), f"{n} deleted at {at}"
    if kind < 0.93:
        changed[at:at] = chance.randbytes(n) if chance.random() < 0.5 else bytes(n)
        return bytes(changed), f"{n} inserted at {at}"
    source = chance.randrange(within)
    changed[at : at + n] = content[source : source + n]
    return bytes(changed), f"{n} of {source} over {at}"


def elements(content: bytes, chance: random.Random) -> Change:
    """One to three lies in the top-level elements of an explicit little endian DICOM file."""
    head, parts = parsed(content)
    lengths: dict[int, int] = {}
    said = [_lie(parts, lengths, chance) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    return serialized(head, parts, lengths), " | ".join(said)


def parsed(content: bytes) -> tuple[bytes, list[Element]]:
    """Preamble with meta header, and (tag, VR, value, of undefined length) of each element."""
    at = 144 + struct.unpack("<I", content[140:144])[0]
    head, parts = content[:at], []
    while at < len(content):
        group, number = struct.unpack("<HH", content[at : at + 4])
        kind = content[at + 4 : at + 6]
        long = kind in LONG
        size = (
            struct.unpack("<I", content[at + 8 : at + 12])[0]
            if long
            else struct.unpack("<H", content[at + 6 : at + 8])[0]
        )
        start = at + (12 if long else 8)
        if size == 0xFFFFFFFF:
            end = len(content) if group == 0x7FE0 else content.index(b"\xfe\xff\xdd\xe0", at) + 8
            parts.append((group << 16 | number, kind, content[start:end], True))
            at = end
        else:
            parts.append((group << 16 | number, kind, content[start : start + size], False))
            at = start + size
    return head, parts


def serialized(head: bytes, parts: list[Element], lengths: dict[int, int]) -> bytes:
    """The file again; lengths: what is stated instead of the true length, by place."""
    out = bytearray(head)
    for n, (tag, kind, value, undefined) in enumerate(parts):
        size = lengths.get(n, 0xFFFFFFFF if undefined else len(value))
        out += struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind
        out += struct.pack("<HI", 0, size & 0xFFFFFFFF) if kind in LONG else struct.pack("<H", size & 0xFFFF)
        out += value
    return bytes(out)


def _lie(parts: list[Element], lengths: dict[int, int], chance: random.Random) -> str:
    tags = [tag for tag, *_ in parts]
    tag = chance.choice(TAGS) if chance.random() < 0.75 else chance.choice(tags)
    if tag not in tags:
        kind = chance.choice([b"LO", b"DS", b"IS", b"US", b"UN", b"SS"])
        value = _short(b"\0\0", chance) if kind in (b"US", b"SS") else chance.choice(NUMBERS + TEXTS)[:60000]
        parts.insert(sum(other < tag for other in tags), (tag, kind, value, False))
        return f"add {tag:08x} {kind!r} {value[:20]!r}"
    n = tags.index(tag)
    _, kind, value, undefined = parts[n]
    move = chance.choice(
        ["value"] * 8 + ["delete", "empty", "vr", "twice", "other", "move", "length", "undefined", "flip"]
    )
    if move == "value":
        parts[n] = (tag, kind, _value(tag, kind, value, chance), undefined)
        return f"{tag:08x} {value[:24]!r} -> {parts[n][2][:24]!r}"
    if move == "delete":
        del parts[n]
    elif move == "empty":
        parts[n] = (tag, kind, b"", False)
    elif move == "vr":
        parts[n] = (
            tag,
            chance.choice(
                [b"US", b"SS", b"UL", b"DS", b"IS", b"LO", b"UN", b"OB", b"OW", b"SQ", b"FD", b"XX", b"\0\0"]
            ),
            value,
            undefined,
        )
    elif move == "twice":
        parts.insert(n, parts[n])
    elif move == "other":
        parts.insert(n + chance.choice([0, 1]), (tag, kind, _value(tag, kind, value, chance), False))
    elif move == "move":
        one = parts.pop(n)
        parts.insert(chance.randrange(len(parts) + 1), one)
    elif move == "length":
        lengths[n] = chance.choice(
            [0, 1, len(value) + 2, max(0, len(value) - 2), 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, len(value) * 2]
        )
    elif move == "undefined":
        parts[n] = (tag, kind, value, True)
    elif value:
        flipped = bytearray(value)
        flipped[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        parts[n] = (tag, kind, bytes(flipped), undefined)
    return f"{move} {tag:08x}"


def _value(tag: int, kind: bytes, value: bytes, chance: random.Random) -> bytes:
    if tag == 0x7FE00010:
        how = chance.random()
        return (
            value[: chance.randrange(len(value) + 1)]
            if how < 0.4
            else value + bytes(chance.randrange(1, 5000))
            if how < 0.8
            else value[:-2]
        )
    if kind in (b"US", b"SS"):
        return _short(value, chance)
    return _decimal(value, chance) if kind in (b"DS", b"IS") else chance.choice(TEXTS + NUMBERS)


def _short(value: bytes, chance: random.Random) -> bytes:
    old = int.from_bytes(value[:2], "little")
    new = (
        chance.choice(
            [
                0,
                1,
                2,
                7,
                8,
                11,
                12,
                15,
                16,
                17,
                32,
                64,
                79,
                81,
                160,
                255,
                256,
                32767,
                32768,
                65535,
                40,
                80,
                old + 1,
                max(0, old - 1),
                old * 2,
            ]
        )
        & 0xFFFF
    )
    return chance.choice(
        [struct.pack("<H", new)] * 3
        + [struct.pack("<I", new), b"", b"\1", struct.pack(">H", new), struct.pack("<HH", new, new)]
    )


def _decimal(value: bytes, chance: random.Random) -> bytes:
    parts = value.strip(b" \0").split(b"\\")
    n, how = chance.randrange(len(parts)), chance.random()
    try:
        old = float(parts[n])
    except ValueError:
        old = 1.0
    if how < 0.35:
        parts[n] = chance.choice(NUMBERS)
    elif how < 0.5:
        parts[n] = b"%g" % (old * chance.choice([-1, 0.1, 10, 2, 0.5, 1.001, 1.02, 1.05, 1e6]))
    elif how < 0.65:
        parts[n] = b"%g" % (old + chance.choice([-1, 1, 0.01, 0.1, -0.1, 8, 4, -8, 16, 1000]))
    elif how < 0.75:
        parts.append(chance.choice(NUMBERS))
    elif how < 0.85:
        parts.pop(n)
    else:
        chance.shuffle(parts)
    return b"\\".join(parts)


NIFTI = {
    "sizeof": (0, "<i", 1), "dim": (40, "<h", 8), "type": (70, "<h", 2), "pixdim": (76, "<f", 8), "offset": (108, "<f", 1), "scale": (112, "<f", 2),
    "units": (123, "<B", 1), "codes": (252, "<h", 2), "quatern": (256, "<f", 6), "srow": (280, "<f", 12), "magic": (344, "<B", 4),
}  # fmt: skip
NIFTI_VALUES = [
    0, 1, -1, 2, 3, 4, 8, 16, 32, 64, 80, 81, 256, 348, 352, 354, 353, 512, 32767, -32768, 255, 0.5, float("nan"), float("inf"), -float("inf"),
    1e30, -1e30, 3e12, 1e-10, -80, -14, 20000,
]  # fmt: skip


def nifti_fields(content: bytes, chance: random.Random) -> Change:
    """One to three fields of a NIfTI-1 header set to something else."""
    changed, said = bytearray(content), []
    for _ in range(chance.choice([1, 1, 2, 3])):
        name = chance.choice(list(NIFTI))
        start, kind, n = NIFTI[name]
        place, value = chance.randrange(n), chance.choice(NIFTI_VALUES)
        size = struct.calcsize(kind)
        try:
            changed[start + place * size : start + (place + 1) * size] = struct.pack(
                kind, value if "f" in kind else int(value)
            )
        except (struct.error, ValueError, OverflowError):
            continue
        said.append(f"{name}[{place}] = {value}")
    return bytes(changed), " ".join(said)


LINE_NUMBERS = [b"0", b"-1", b"1e308", b"nan", b"inf", b"1e9", b"80.9", b"1_0", b"32767", b"4294967296", b"-80", b"99999999999999999999", b"", b"x", b"2.5", b"14", b"80", b"7", b"(1,2)", b"1 1", "\u0661".encode()]  # fmt: skip
LINE_VALUES = [
    b"", b"none", b"True", b"False", b"big", b"ascii", b"hex", b"bzip2", b"txt", b"float", b"uchar", b"MET_UCHAR", b"MET_FLOAT", b"LIST", b"/etc/passwd",
    b"../../../../etc/passwd", b"d.raw", b"a" * 100000, b"left-anterior-superior", b"right-anterior-superior", b"scanner-xyz", b"3", b"2", b"/dev/zero", b".",
]  # fmt: skip
LINES = [
    b"byteskip: 64", b"byte skip: 64", b"byte skip: -1", b"lineskip: 1", b"line skip: 1", b"byteskip: -1", b"HeaderSize = 64", b"HeaderSize = -1", b"HeaderSize = 1e30",
    b"ElementNumberOfChannels = 3", b"foo:=bar", b"# comment", b"endian: big", b"old min: 5", b"BinaryData = False", b"measurement frame: (1,0,0) (0,0,1) (0,1,0)",
    b'space units: "mm" "mm" "m"', b"spacings: 1 1 1", b"data file: /etc/passwd", b"ElementToIntensityFunctionSlope = 2", b"axis mins: 0 0 0", b"CompressedDataSize = 5",
    b"\x00\x00", b"ElementSize = 1 1 1", b"Comment = x", b"kinds: list domain domain", b"centers: cell cell cell",
]  # fmt: skip


def header_lines(content: bytes, chance: random.Random) -> Change:
    """One line of the text header of an NRRD or MetaImage changed, dropped, doubled, moved or added."""
    end = (
        content.find(b"\n\n") + 1
        if content.startswith(b"NRRD")
        else content.find(b"\n", content.find(b"ElementDataFile")) + 1
    )
    head, tail = (content[:end], content[end:]) if end > 0 else (content, b"")
    lines = head.rstrip(b"\n").split(b"\n")
    n = chance.randrange(len(lines))
    how = chance.choice(["number"] * 4 + ["delete", "double", "swap", "add", "value", "key"])
    old = lines[n]
    if how == "number":
        n = chance.choice(
            [m for m, line in enumerate(lines) if re.search(rb"\d", line) and not line.startswith(b"NRRD")] or [n]
        )
        old = lines[n]
        found = chance.choice(list(re.finditer(rb"-?\d+(\.\d+)?", old)) or [None])
        if found:
            lines[n] = old[: found.start()] + chance.choice(LINE_NUMBERS) + old[found.end() :]
    elif how == "delete":
        del lines[n]
    elif how == "double":
        lines.insert(chance.randrange(len(lines)), old)
    elif how == "swap":
        other = chance.randrange(len(lines))
        lines[n], lines[other] = lines[other], lines[n]
    elif how == "add":
        lines.insert(chance.randrange(1, len(lines)), chance.choice(LINES))
    elif how == "value":
        key, mark, _ = old.partition(b":" if content.startswith(b"NRRD") else b"=")
        lines[n] = key + mark + b" " + chance.choice(LINE_VALUES)
    else:
        lines[n] = old[:1].swapcase() + old[1:] if chance.random() < 0.5 else old.replace(b" ", b"", 1)
    new = lines[n] if n < len(lines) else b""
    return b"\n".join(lines) + (b"\n" if end > 0 else b"") + tail, f"{how} {old[:40]!r} -> {new[:40]!r}"


TOKENS = [
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b"[" * 5000,
    b'{"a":' * 3000,
    b"9" * 400,
    b'"../../x"',
    b"1.5",
    b"0",
]


def json_text(content: bytes, chance: random.Random) -> Change:
    """A value or a key of a JSON text replaced or dropped, or bytes changed blindly."""
    if chance.random() < 0.3:
        return blind(content, chance)
    found = list(re.finditer(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}:,]', content))
    if not found:
        return blind(content, chance)
    one = chance.choice(found)
    new = chance.choice([*TOKENS, b""])
    return content[: one.start()] + new + content[one.end() :], f"{one.group()[:30]!r} -> {new[:20]!r}"


CELLS = [
    b"",
    b"-1",
    b"nan",
    b"inf",
    b"1e999",
    b"1_0",
    b"=1+1",
    b"@x",
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"yes",
    b"2",
    b"0.5",
    b"1.0",
    b" 1 ",
    b"a" * 200000,
    b"p01",
    b"../x",
    "\u0661".encode(),
    b"\r",
    b"1,1",
]


def csv_text(content: bytes, chance: random.Random) -> Change:
    """A cell or a line of a table changed, dropped or doubled, or bytes changed blindly."""
    if chance.random() < 0.3:
        return blind(content, chance)
    lines = content.split(b"\n")
    n = chance.randrange(len(lines))
    how = chance.choice(["cell"] * 5 + ["delete", "double", "semicolon"])
    if how == "cell":
        cells = lines[n].split(b",")
        cells[chance.randrange(len(cells))] = chance.choice(CELLS)
        lines[n] = b",".join(cells)
    elif how == "delete":
        del lines[n]
    elif how == "double":
        lines.insert(n, lines[n])
    else:
        lines = [line.replace(b",", b";") for line in lines]
    return b"\n".join(lines), f"{how} in line {n + 1}"


def either(*moves: Callable[[bytes, random.Random], Change]) -> Callable[[bytes, random.Random], Change]:
    """One of these by chance."""

    def move(content: bytes, chance: random.Random) -> Change:
        return chance.choice(moves)(content, chance)

    return move


def inside(
    unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes], move: Callable[[bytes, random.Random], Change]
) -> Callable[[bytes, random.Random], Change]:
    """The change made to what is packed, or (a third) to the packed bytes themselves."""

    def changed(content: bytes, chance: random.Random) -> Change:
        if chance.random() < 0.33:
            return blind(content, chance)
        new, said = move(unpack(content), chance)
        return pack(new), f"inside: {said}"

    return changed


ZIP_RECORDS = {b"PK\3\4": 30, b"PK\1\2": 46, b"PK\5\6": 22}  # and how long each is, names aside


def zip_tables(content: bytes, chance: random.Random) -> Change:
    """One to three lies in the fields and names of a zip's own records."""
    changed, said = bytearray(content), []
    for _ in range(chance.choice([1, 1, 2, 3])):
        magic = chance.choice(list(ZIP_RECORDS))
        places = [one.start() for one in re.finditer(re.escape(magic), content)]
        if not places:
            continue
        place, width = chance.choice(places), chance.choice([1, 2, 4])
        at = place + chance.randrange(4, ZIP_RECORDS[magic] + 8)
        value = chance.choice(
            [0, 1, 2, 8, 9, 12, 14, 99, 0x2E, 0x2F, 0x5C, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, chance.getrandbits(32)]
        )
        changed[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
        said.append(f"{magic!r} +{at - place} = {value:#x} in {width}")
    return bytes(changed[: len(content)]), " | ".join(said) or "nothing"
