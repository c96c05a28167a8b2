"""Folders and zips of photos: the originals, and the runs that are held against them."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NoReturn

from camofilter.errors import PhotoError, UsageError
from camofilter.evaluation.lists import PhotoList, is_photo, stem
from camofilter.evaluation.results import Fault, Kind
from camofilter.photo import Photo, decode_photo
from camofilter.photo.core import one_line
from camofilter.photo.names import is_aside
from camofilter.recipe import Recipe

# The task's photos are small: what claims more is refused before it is unpacked.
MAX_BYTES, MAX_PIXELS = 64 << 20, 50_000_000

_FORMATS = ("PNG", "JPEG")  # what the tasks ask for, whatever a file is called


@dataclass(frozen=True)
class Source:
    """Files in a folder or a zip.

    Attributes:
        path: of the folder or zip.
        names: of its files, with "/" between folders, sorted; in a zip as often as they are there.
    """

    path: Path
    names: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Source:
        """What there is; in a folder without hidden files and what a batch keeps there.

        Raises:
            UsageError: neither a folder nor a zip.
        """
        if path.is_dir():
            files = (os.path.join(at, name) for at, _, found in os.walk(path, onerror=_unreadable) for name in found)
            names = (Path(file).relative_to(path).as_posix() for file in files)
            return cls(path, tuple(sorted(name for name in names if not is_aside(name))))
        try:
            with zipfile.ZipFile(path) as archive:
                return cls(path, tuple(sorted(name for name in archive.namelist() if not name.endswith("/"))))
        except Exception as error:  # on damaged zips zipfile raises nearly everything there is
            reason = getattr(error, "strerror", None) or "no zip"
            raise UsageError(f"{path}: cannot be read ({reason}): give a folder or a zip of photos") from None

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip."""
        return not self.path.is_dir()

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            PhotoError: it cannot be read, or is larger than any photo of the tasks.
        """
        try:
            data = self._beginning(name)
        except Exception as error:  # as above, and zlib.error, lzma.LZMAError, … of what is packed
            raise PhotoError(f"cannot be read ({getattr(error, 'strerror', None) or one_line(error)})") from None
        if len(data) > MAX_BYTES:
            raise PhotoError(f"has more than {MAX_BYTES >> 20} MB: no photo of the tasks has")
        return data

    def photo(self, name: str) -> Photo:
        """A file's photo.

        Raises:
            PhotoError: no photo, a damaged or a huge one.
        """
        return decode_photo(self.read(name), max_pixels=MAX_PIXELS)

    def _beginning(self, name: str) -> bytes:
        """A file's bytes, of one that is too large just enough to tell."""
        if self.is_zip:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as packed:
                # Of the others zipfile unpacks 4 KB at once, which may be gigabytes.
                if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise OSError("packed in another way than deflate")
                return packed.read(MAX_BYTES + 1)
        file = self.path / name
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would keep us waiting
            raise OSError("not an ordinary file")
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)


@dataclass(frozen=True)
class Originals:
    """The photos that runs are held against.

    Attributes:
        source: where they are.
        files: their files by name, which is that of the list, or the file's own.
        labels: numbers of their categories by name, where a list tells them.
        faults: photos of the list that are not there.
    """

    source: Source
    files: dict[str, str]
    labels: dict[str, int | None] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, path: Path, listed: PhotoList | None = None) -> Originals:
        """Those of a folder or zip.

        Args:
            path: of it; what is no photo by its suffix is left alone.
            listed: which of them; None for all.

        Raises:
            UsageError: no photos, or two that differ in folder or suffix alone, if at all.
        """
        source = Source.of(path)
        found: dict[str, str] = {}
        for name in filter(_is_photo, source.names):
            if other := found.get(stem(name)):
                raise UsageError(f"{path}: {other} and {name} have the same name: expected each original once")
            found[stem(name)] = name
        if not found:
            raise UsageError(f"{path}: has no photos: expected files such as photo.png")
        if listed is None:
            return cls(source, {PurePosixPath(name).name: name for name in found.values()})
        missing = tuple(
            Fault("originals", name, "missing", f"is on the list and not in {path}")
            for name in listed.labels
            if stem(name) not in found
        )
        files = {name: found[stem(name)] for name in listed.labels if stem(name) in found}
        return cls(source, files, {name: listed.labels[name] for name in files}, missing)

    def photo(self, name: str) -> Photo:
        """An original by its name; raises as :meth:`Source.photo`."""
        return self.source.photo(self.files[name])


@dataclass(frozen=True)
class Run:
    """Photos that someone made of originals.

    Attributes:
        code: its run code.
        source: where it is.
        files: its files by the originals' names.
        recipes: files of the recipes that lie beside photos, by the originals' names.
        faults: what is wrong with names and numbers of files; what is wrong inside them is seen when they are opened.
    """

    code: str
    source: Source
    files: dict[str, str]
    recipes: dict[str, str]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, path: Path, originals: Iterable[str] | None = None, code: str | None = None) -> Run:
        """A run, held against the names of originals.

        In a zip a photo is called ``RUNCODE_original.jpg`` or ``RUNCODE_original.png``, as the tasks ask. A folder, as
        camofilter writes it, may have photos under the originals' own names, and recipes beside them.

        Args:
            path: of a folder or zip.
            originals: names; None for whatever the run's own names say.
            code: its run code; None for the name of the folder or zip.

        Raises:
            UsageError: neither a folder nor a zip.
        """
        source = Source.of(path)
        code = code or (path.stem if source.is_zip else path.resolve().name)
        own = (_own_name(name, code) or PurePosixPath(name).name for name in filter(_is_photo, source.names))
        names = {stem(name): name for name in own}.values() if originals is None else originals
        return _Matching(code, source, list(names)).run()

    def photo(self, original: str) -> Photo:
        """The photo made of an original; raises as :meth:`Source.photo`."""
        return self.source.photo(self.files[original])

    def checked(self, original: str, size: tuple[int, int]) -> Photo | Fault:
        """The photo made of an original, if it is one of this width and height; else what is wrong with it."""
        file = self.files[original]
        try:
            photo = self.photo(original)
        except PhotoError as error:
            return Fault(self.code, file, "unreadable", str(error))
        if photo.format not in _FORMATS:
            return Fault(self.code, file, "unreadable", f"is {photo.format} by its content; expected PNG or JPEG")
        if (photo.width, photo.height) == size:
            return photo
        return Fault(self.code, file, "size", f"is {photo.width}×{photo.height}; expected {size[0]}×{size[1]}")

    def recipe(self, original: str) -> Recipe | None:
        """The look that lies beside the photo.

        Raises:
            PhotoError: what lies there is no recipe.
        """
        if (name := self.recipes.get(original)) is None:
            return None
        try:
            return Recipe.load(self.source.path / name)
        except UsageError as error:
            raise PhotoError(f"is no recipe ({error})") from None


def open_runs(paths: Iterable[Path], originals: Iterable[str] | None = None) -> list[Run]:
    """Several runs.

    Raises:
        UsageError: one that cannot be read, or two with the same code.
    """
    names = None if originals is None else list(originals)
    runs: dict[str, Run] = {}
    for path in paths:
        run = Run.of(path, names)
        if (other := runs.setdefault(run.code, run)) is not run:
            raise UsageError(f"{other.source.path} and {path} have the same run code {run.code}: rename one of them")
    return list(runs.values())


class _Matching:
    """Finds each file's original, or what is wrong with the file."""

    def __init__(self, code: str, source: Source, originals: list[str]) -> None:
        self._code, self._source, self._originals = code, source, originals
        self._by_stem = {stem(name): name for name in originals}
        self._files: dict[str, str] = {}
        self._recipes: dict[str, str] = {}
        self._misnamed: set[str] = set()
        self._faults: list[Fault] = []

    def run(self) -> Run:
        for name in self._source.names:
            self._place(name)
        for original in self._originals:
            if original not in self._files and original not in self._misnamed:
                self._fault(f"{self._code}_{original}", "missing", "is missing")
        return Run(self._code, self._source, self._files, self._recipes, tuple(self._faults))

    def _place(self, name: str) -> None:
        base = PurePosixPath(name).name
        own = _own_name(name, self._code)
        original = None if own is None else self._by_stem.get(stem(own))
        if original is None and not self._source.is_zip:
            original = self._by_stem.get(stem(base))
        if not self._source.is_zip and original and base.lower().endswith(".json"):
            if (other := self._recipes.setdefault(original, name)) is not name:
                self._fault(name, "twice", f"is the recipe of the same photo as {other}, which is taken")
        elif not _is_photo(base):
            self._fault(name, "extra", "is no photo: expected PNG and JPEG files only")
        elif original is None and own is None:
            self._unprefixed(name, base)
        elif original is None:
            self._fault(name, "extra", "is made of no original")
        elif original in self._files:
            self._fault(name, "twice", f"is made of the same original as {self._files[original]}, which is taken")
        else:
            self._files[original] = name
            if "/" in name:
                self._fault(name, "nested", f"is in a folder: expected at the top, as {base}")

    def _unprefixed(self, name: str, base: str) -> None:
        ends = [known for known in self._by_stem if stem(base) == known or stem(base).endswith(f"_{known}")]
        if not ends:
            self._fault(name, "extra", "is made of no original")
        else:
            meant = max(ends, key=len)
            self._misnamed.add(self._by_stem[meant])
            expected = f"{self._code}_{meant}{PurePosixPath(base).suffix}"
            self._fault(name, "misnamed", f"has the wrong name: expected {expected}")

    def _fault(self, name: str, kind: Kind, detail: str) -> None:
        self._faults.append(Fault(self._code, name, kind, detail))


def _is_photo(name: str) -> bool:
    """By its suffix; macOS puts a hidden ._photo.jpg, which is none, beside each photo.jpg."""
    return is_photo(name) and not PurePosixPath(name).name.startswith(".")


def _own_name(name: str, code: str) -> str | None:
    """A file's name without its run code; None for a name that does not begin with it."""
    base = PurePosixPath(name).name
    return base.removeprefix(f"{code}_") if base.startswith(f"{code}_") else None


def _unreadable(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: {error.strerror}: give a folder or a zip of photos") from None
