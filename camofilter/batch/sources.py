"""Where the photos of a batch are: a folder of any depth, or a place that fsspec reads, such as s3://bucket/photos."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from camofilter.errors import PhotoError, UsageError
from camofilter.photo.core import one_line
from camofilter.photo.names import JOURNAL, named_like_photo
from camofilter.photo.reading import read_file

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo as a listing shows it.

    Attributes:
        name: within its source, "/" between folders.
        size: in bytes.
        stamp: of its last change: another one when the content may be another.
    """

    name: str
    size: int
    stamp: str


@dataclass
class Left:
    """What a listing left alone.

    Attributes:
        counts: of files by the reason: "other files", "hidden files", "links to folders".
        unreadable: one line for each folder that could not be listed.
        unsettled: photos that may still be being copied.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    unsettled: int = 0


class Source(Protocol):
    """Photos by name; what a worker gets to read them, so it can be pickled.

    Attributes:
        root: where it is; the same for the same place.
    """

    @property
    def root(self) -> str: ...  # noqa: D102

    def entries(self, left: Left) -> Iterator[Entry]:
        """All photos, in any order; ``left`` is told of everything else."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a photo's file.

        Raises:
            PhotoError, OSError: it cannot be read.
        """
        ...

    def shown(self, name: str) -> str:
        """A photo's name for people."""
        ...


def source(given: str, out: Path) -> Source:
    """The source that the command line names.

    Args:
        given: a folder, or a URL that fsspec knows.
        out: the folder of the results: not looked into where it lies within the source.

    Raises:
        UsageError: it is not there, results would lie among the photos, or a package to read it is missing.
    """
    if "://" in given and not given.startswith("file://"):
        return Remote(given.rstrip("/"))
    return Folder.of(given.removeprefix("file://"), out)


@dataclass(frozen=True)
class Folder:
    """A folder on this machine, or one that all machines see.

    Attributes:
        root: its path from the root, without links.
        given: as it was given.
        out: path of the folder of the results.
    """

    root: str
    given: str
    out: str

    @classmethod
    def of(cls, given: str, out: Path) -> Folder:
        """The folder at a path; see :func:`source`."""
        if not os.path.isdir(given):
            kind = "is not a folder" if os.path.lexists(given) else "does not exist"
            raise UsageError(f"{given} {kind}: give the folder with the photos")
        root, results = os.path.realpath(given), os.path.realpath(out)
        if os.path.commonpath([root, results]) == results:
            raise UsageError(
                f"{given} lies in {out}: results there could meet the photos; give another folder for them"
            )
        return cls(root, given, results)

    def entries(self, left: Left) -> Iterator[Entry]:
        """All files named like photos; links to files are followed, links to folders are not."""
        folders = [""]
        while folders:
            within = folders.pop()
            try:
                with os.scandir(os.path.join(self.root, within)) as found:
                    listed = list(found)
            except OSError as error:
                left.unreadable.append(f"{self.shown(within)}: {error.strerror}; its photos are left out")
                continue
            if within and any(item.name == JOURNAL for item in listed):
                left.counts["folders of other batches' results"] += 1
                continue
            for item in listed:
                name = f"{within}/{item.name}" if within else item.name
                if item.name.startswith("."):
                    left.counts["hidden files"] += 1
                elif item.is_dir(follow_symlinks=False):
                    if item.path != self.out:
                        folders.append(name)
                elif item.is_symlink() and os.path.isdir(item):  # False for a link to itself, unlike item.is_dir
                    left.counts["links to folders"] += 1
                elif named_like_photo(item.name):
                    yield _entry(name, item)
                else:
                    left.counts["other files"] += 1

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return read_file(Path(self.root, name))

    def shown(self, name: str) -> str:
        """The path as it would have been given."""
        return os.path.join(self.given, name)


def _entry(name: str, item: os.DirEntry[str]) -> Entry:
    try:
        found = item.stat()
    except OSError:  # a link to nothing: reading it will say so
        return Entry(name, 0, "")
    # Of its change as well, which no program can set back.
    stamp = f"{found.st_mtime_ns} {found.st_ctime_ns}"
    return Entry(name, found.st_size if stat.S_ISREG(found.st_mode) else 0, stamp)


# What file systems call that which changes when a file does, the surest first.
_STAMPS = (
    "ETag",
    "etag",
    "md5Hash",
    "generation",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
    "CRC",
)


@dataclass(frozen=True)
class Remote:
    """Files at a URL that fsspec knows; a worker opens it for itself.

    Attributes:
        root: the URL.
    """

    root: str

    def __post_init__(self) -> None:
        self._opened()

    def _opened(self) -> tuple[AbstractFileSystem, str]:
        import fsspec

        try:
            files, path = fsspec.core.url_to_fs(self.root)  # kept by fsspec itself
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(f"{self.root}: cannot be opened ({one_line(error)})") from None
        return files, path.rstrip("/")

    def entries(self, left: Left) -> Iterator[Entry]:
        """All objects named like photos."""
        files, root = self._opened()
        try:
            found: dict[str, dict[str, Any]] = files.find(root, detail=True)
        except Exception as error:  # every service has its own
            raise UsageError(f"{self.root}: cannot be listed ({one_line(error)})") from None
        if not found:
            raise UsageError(f"{self.root} does not exist or is empty: give the place with the photos")
        for path, facts in found.items():
            name = path.removeprefix(root).lstrip("/")
            parts = PurePosixPath(name).parts
            if any(part.startswith(".") for part in parts):  # "..", too, which a name in a bucket may have
                left.counts["hidden files"] += 1
            elif named_like_photo(name):
                stamp = next((facts[key] for key in _STAMPS if facts.get(key)), "")
                yield Entry(name, int(facts.get("size") or 0), str(stamp))
            else:
                left.counts["other files"] += 1

    def read(self, name: str) -> bytes:
        """The bytes of an object."""
        files, root = self._opened()
        try:
            data: bytes = files.cat_file(f"{root}/{name}" if root else name)
        except Exception as error:  # every service has its own
            raise PhotoError(f"cannot be read ({one_line(error)}); check the name and the access to it") from None
        return data

    def shown(self, name: str) -> str:
        """The URL."""
        return f"{self.root}/{name}"


class Settled:
    """A source without the photos that are still being copied: those that changed since it was last listed.

    Args:
        source: the photos.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._before: dict[str, Entry] = {}

    def __reduce__(self) -> tuple[type[Settled], tuple[Source]]:
        return Settled, (self._source,)  # workers do not list

    @property
    def root(self) -> str:
        """That of the source."""
        return self._source.root

    def entries(self, left: Left) -> Iterator[Entry]:
        """The photos that were found before, just as they are now."""
        before, self._before = self._before, {}
        for entry in self._source.entries(left):
            self._before[entry.name] = entry
            if before.get(entry.name) == entry:
                yield entry
            else:
                left.unsettled += 1

    def read(self, name: str) -> bytes:
        """The bytes of a photo's file."""
        return self._source.read(name)

    def shown(self, name: str) -> str:
        """A photo's name for people."""
        return self._source.shown(name)
