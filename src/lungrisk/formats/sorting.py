"""From what was given to the files of each format: archives and gzip are opened here, and what is left out is told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.archive import open_zip
from lungrisk.formats.guard import reading
from lungrisk.formats.items import HEAD_BYTES, Given, Item
from lungrisk.formats.packing import GZIP, ZIP, gunzipped, gunzipped_head, packing_of

MOST_DEPTH = 2  # a zip in a zip
MOST_ARCHIVES = 100
MOST_FILES = 100_000
MOST_INNER_BYTES = 2**30  # an archive in an archive is held in memory
# what lies beside scans and holds none, by the ends of names
HARMLESS = frozenset(
    [
        ".app",
        ".bat",
        ".bmp",
        ".cab",
        ".chm",
        ".class",
        ".cmd",
        ".config",
        ".css",
        ".csv",
        ".db",
        ".dll",
        ".doc",
        ".docx",
        ".ds_store",
        ".dylib",
        ".exe",
        ".gif",
        ".htm",
        ".html",
        ".ico",
        ".inf",
        ".ini",
        ".jar",
        ".jpeg",
        ".jpg",
        ".js",
        ".json",
        ".lnk",
        ".log",
        ".manifest",
        ".md",
        ".msi",
        ".pdf",
        ".png",
        ".pptx",
        ".ps",
        ".py",
        ".rtf",
        ".so",
        ".svg",
        ".tsv",
        ".ttf",
        ".txt",
        ".url",
        ".xls",
        ".xlsx",
        ".xml",
        ".yaml",
        ".yml",
    ]
)
AGAIN = "copy or export the scan again"
HARMLESS_NAMES = ("dicomdir", "lockfile", "version", "readme", "license")


@dataclass(slots=True)
class Sorted:
    """The files by format, and what was left out, by why.

    given: with the files that archives hold in the place of the archives. packed: name -> how. harmless: known to hold no slices.
    """

    given: Given
    by_format: dict[str, list[Item]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)
    packed: dict[str, str] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)

    @property
    def n_volumes(self) -> int:
        """Files that a format knows."""
        return sum(map(len, self.by_format.values()))

    def notes(self, used: Sequence[str] = (), told: bool = False) -> tuple[Finding, ...]:
        """What was left out. used: the files of the scan; what is no image by itself can hold their voxels, and what lies among them,
        named as they are, is not harmless. told: the format has said so itself."""
        parts, kinds = set(used), set() if told else {_kind(name) for name in used}
        lost = [name for name in self.empty if _kind(name) in kinds]
        strange = [name for name in self.other if name not in parts and _kind(name) in kinds]
        spare = [name for name in self.other if name not in parts and _kind(name) not in kinds]
        packed = {name: how for name, how in self.packed.items() if name not in parts}
        notes = [*self.given.findings, *self.faults]
        notes += _counted("file.empty", [name for name in self.empty if name not in lost])
        if lost:
            found = f"{len(lost)} files among the slices"
            notes.append(find("file.empty", severity="limited", found=found, files=lost, remedy=AGAIN))
        notes += _counted("file.other", [*spare, *(name for name in self.harmless if name not in parts)])
        if strange:
            found = f"{len(strange)} files of no known kind among the slices"
            notes.append(find("file.other", severity="limited", found=found, files=strange, remedy=AGAIN))
        if packed:
            ways = ", ".join(sorted(set(packed.values())))
            notes.append(find("file.packed", found=f"{len(packed)} files packed as {ways}", files=packed))
        return tuple(notes)


def _counted(code: str, names: Sequence[str]) -> list[Finding]:
    return [find(code, found=f"{len(names)} files", files=names)] if names else []


def _kind(name: str) -> tuple[str, str]:
    """Where a file lies and how its name ends; numbers at the end count as none."""
    path = PurePosixPath(name.lower().removesuffix(".gz"))
    ending = path.suffix
    return path.parent.as_posix(), "" if ending[1:].isdigit() else ending


def is_harmless(name: str) -> bool:
    """Known by its name to hold no slices."""
    path = PurePosixPath(name.lower())
    base = path.name
    return (
        path.suffix in HARMLESS
        or base in HARMLESS
        or base in HARMLESS_NAMES
        or base.startswith("._")
        or name.startswith("__MACOSX/")
        or "/__MACOSX/" in name
    )


@dataclass(slots=True)
class Sorter:
    """Sorts files and opens what holds files. form_of: first bytes, name -> the format's name. inflates: formats that unpack gzip themselves."""

    form_of: Callable[[bytes, str], str | None]
    inflates: frozenset[str]
    sorted: Sorted
    items: list[Item] = field(default_factory=list)
    n_archives: int = 0

    def sort(self) -> Sorted:
        """Everything that was given. Raises InputError for a file that may be a slice and cannot be read."""
        given = self.sorted.given
        alone = given.single
        self._take_all(given.items, 0, alone)
        opened = alone and self.n_archives > 0
        self.sorted.given = replace(given, items=tuple(self.items), folder=None if opened else given.folder)
        return self.sorted

    def _take_all(self, items: Iterable[Item], depth: int, alone: bool = False) -> None:
        for item in items:
            self._take(item, depth, alone)

    def _take(self, item: Item, depth: int, alone: bool) -> None:
        if item.size == 0:
            self.sorted.empty.append(item.name)
            self.items.append(item)
            return
        harmless = is_harmless(item.name) and not alone
        try:
            with reading(item.name):
                head = item.head()
        except InputError:
            if not harmless:
                raise
            head = b""
        how = packing_of(head, item.name)
        if how == ZIP and not harmless:
            self._open_zip(item, depth, alone)
            return
        self.items.append(item)
        if len(self.items) > MOST_FILES:
            raise InputError(find("res.many", found=f"more than {MOST_FILES} files", expected=f"at most {MOST_FILES}"))
        form = self._form(head, item.name)
        if form is None and harmless:
            self.sorted.harmless.append(item.name)
        elif how == GZIP and form not in self.inflates:
            self._open_gzip(item)
        elif form is not None:
            self.sorted.by_format.setdefault(form, []).append(item)
        elif how is not None:
            self.sorted.packed[item.name] = how
        else:
            self.sorted.other.append(item.name)

    def _form(self, head: bytes, name: str) -> str | None:
        with reading(name):
            return self.form_of(head, name)

    def _open_gzip(self, item: Item) -> None:
        """The file in it takes its place; an archive in it is named. Inflated to its end only where a format knows it."""
        with reading(item.name):
            head = gunzipped_head(item, HEAD_BYTES)
        name = item.name[:-3] if item.name.lower().endswith(".gz") else item.name
        form, how = self._form(head, name), packing_of(head, name)
        if form is not None:
            self.sorted.by_format.setdefault(form, []).append(gunzipped(item))
        elif how is not None:
            self.sorted.packed[item.name] = f"{how} in gzip"
        else:
            self.sorted.other.append(item.name)

    def _open_zip(self, item: Item, depth: int, alone: bool) -> None:
        """Its files take its place. One among other files that cannot be opened is told of; one that was given is refused."""
        self.n_archives += 1
        why = None
        if depth >= MOST_DEPTH:
            why = f"an archive more than {MOST_DEPTH} archives deep"
        elif self.n_archives > MOST_ARCHIVES:
            why = f"more than {MOST_ARCHIVES} archives"
        elif item.packed and item.size > MOST_INNER_BYTES:
            why = f"an archive of {item.size} bytes in an archive"
        if why is not None:
            self.sorted.packed[item.name] = why
            return
        try:
            items, packed = open_zip(item, "" if alone else f"{item.name}/")
        except InputError as error:
            if alone:
                raise
            self.sorted.faults += [replace(finding, severity="limited") for finding in error.findings]
            return
        self.sorted.packed.update(packed)
        self._take_all(items, depth + 1)
