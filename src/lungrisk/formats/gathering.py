"""From a path to the files that lie there: a folder at any sensible depth, one file, or what a DICOMDIR names."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding, find
from lungrisk.formats.dicomdir import is_dicomdir, named_in
from lungrisk.formats.guard import reading
from lungrisk.formats.items import Given, Item, file_item, opener

MOST_FILES = 100_000  # of one scan: some 30 times the largest series
MOST_LEVELS = 100


def gather(path: Path) -> Given:
    """List what lies at `path`. Nothing is opened but a DICOMDIR, and the first bytes of a single file.

    Raises UsageFault (`use.missing`), InputError (`file.unreadable`, `res.many`, `sec.path`, `file.corrupt`).
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageFault(find("use.missing", found=path)) from error
    except (OSError, ValueError) as error:  # a name that no file can have
        why = getattr(error, "strerror", None) or "a name that no file can have"
        raise UsageFault(find("use.missing", found=why)) from error
    if stat.S_ISDIR(mode):
        return _Walk(path).given()
    with reading(path.name):
        item = file_item(path, path.name)
        head = item.head()
        if not is_dicomdir(head):
            return Given((item,), folder=path.parent)
        return named_in(item, path.parent)


@dataclass(slots=True)
class _Walk:
    """A walk through a folder: each file once, by whichever of its names comes first."""

    root: Path
    items: list[Item] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    deep: list[str] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    count: int = 0

    def given(self) -> Given:
        waiting = [(str(self.root), "", 0)]
        while waiting:
            folder, prefix, level = waiting.pop()
            try:
                entries = sorted(self._listed(folder), key=lambda entry: entry.name)
            except OSError:
                self.unreadable.append(prefix.rstrip("/") or self.root.name)
                continue
            for entry in entries:
                name = prefix + entry.name
                if self._is_folder(entry, name):
                    if level < MOST_LEVELS:
                        waiting.append((entry.path, name + "/", level + 1))
                    else:
                        self.deep.append(name)
        return Given(tuple(sorted(self.items, key=lambda item: item.name)), findings=self._findings())

    def _listed(self, folder: str) -> Iterator[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self.count += 1
                if self.count > MOST_FILES:
                    found = f"more than {MOST_FILES} files and folders"
                    raise InputError(find("res.many", found=found, expected=f"at most {MOST_FILES}"))
                yield entry

    def _is_folder(self, entry: os.DirEntry[str], name: str) -> bool:
        """A folder to go into; a file is taken on the way, and what is neither is passed by: a pipe would hang."""
        try:
            status = entry.stat()
        except OSError:
            self.unreadable.append(name)
            return False
        if stat.S_ISDIR(status.st_mode):
            if not entry.is_symlink():
                return True
            if not _inside(entry.path, self.root):  # what lies inside is walked anyway
                self.links.append(name)
            return False
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in self.seen:
            self.seen.add((status.st_dev, status.st_ino))
            self.items.append(Item(name, status.st_size, opener(entry.path)))
        return False

    def _findings(self) -> tuple[Finding, ...]:
        notes = []
        if self.unreadable:
            found = f"{len(self.unreadable)} files, links or folders"
            notes.append(find("file.unreadable", severity="limited", found=found, files=self.unreadable))
        if self.links:
            notes.append(find("file.link", found=f"{len(self.links)} links", files=self.links))
        if self.deep:
            found = f"{len(self.deep)} folders more than {MOST_LEVELS} levels down"
            notes.append(find("file.deep", found=found, files=[name[:64] for name in self.deep]))
        return tuple(notes)


def _inside(link: str, root: Path) -> bool:
    return Path(os.path.realpath(link)).is_relative_to(os.path.realpath(root))
