"""Files that are whole or absent: written beside, synced, renamed."""

import os
import tempfile
from pathlib import Path

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import find


def write_atomic(path: Path, content: bytes | str) -> Path:
    """Write a file so that a reader sees the old one, none, or the whole new one. Text is UTF-8.

    Raises EnvironmentFault (`env.disk`) when the folder cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentFault(find("env.disk", found=error.strerror, files=[path.name])) from error
    return path
