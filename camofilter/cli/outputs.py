"""Where results are written: never over one another or over a photo that was given."""

from __future__ import annotations

import os
from pathlib import Path

from camofilter.errors import PhotoError, UsageError


class Outputs:
    """Where the results go; never over one another or, but for ``--in-place``, a photo that was given.

    Args:
        inputs: the photos.
        option: what ``out`` was given by, for messages.
        out: a file, or a folder: one that is there, ends with "/", has no suffix, or is for several photos; None for
            files beside the photos.
        tag: what goes into the name of a file beside its photo.
        suffix: of the files, if not that of their photos.
        number: of one of several results a photo, which goes into every file's name.
        in_place: the photos themselves are the output.
        force: other files may be replaced.

    Raises:
        UsageError: two photos would be written to the same file, or several to one.
    """

    def __init__(
        self,
        inputs: list[str],
        option: str,
        out: str | None,
        *,
        tag: str = "",
        suffix: str | None = None,
        number: int | None = None,
        in_place: bool = False,
        force: bool = False,
    ) -> None:
        if in_place and out is not None:
            raise UsageError("--in-place and -o were both given: give one of them")
        if in_place and number is not None:
            raise UsageError("--in-place and --variants were both given: several results cannot replace one photo")
        self._option, self._out, self._tag, self._suffix = option, out, tag, suffix
        self._number = "" if number is None else f"-{number}"
        self._in_place = in_place
        self._force = force
        self._into_folder = out is not None and self._is_folder(out, len(inputs))
        self._planned: dict[str, str] = {}
        for given in inputs:
            path = self._expected(given)
            if (other := self._planned.get(_place(path))) is not None:
                raise UsageError(f"{other} and {given} would both be written to {path}: give them one at a time")
            self._planned[_place(path)] = given
        # By what they are on disk, as the same file may have other names by links or capital letters.
        self._photos = {found: given for given in inputs if (found := identity(Path(given)))}

    def _is_folder(self, out: str, photos: int) -> bool:
        from camofilter.photo.names import named_like_photo

        if os.path.isdir(out):
            return True
        several = f"{photos} photos" if photos > 1 else "files in it"
        asked = photos > 1 or out.endswith(("/", os.sep))
        if asked and os.path.lexists(out.rstrip("/" + os.sep)):
            raise UsageError(f"{self._option} {out} is a file: for {several} give a folder")
        if photos > 1 and (out.lower().endswith(self._suffix) if self._suffix else named_like_photo(out)):
            raise UsageError(f"{self._option} {out} is named like a file: for {several} give a folder")
        return asked or not (Path(out).suffix or os.path.lexists(out))

    def _expected(self, given: str) -> Path:
        from camofilter.photo.names import likely_suffix

        return self._path(given, self._suffix or likely_suffix(given))

    def _path(self, given: str, suffix: str) -> Path:
        path = Path(given)
        if self._in_place:
            return Path(os.path.realpath(path)) if path.is_symlink() else path
        if self._out is None:
            return path.parent / f"{path.stem}.{self._tag}{self._number}{suffix}"
        if self._into_folder:
            return Path(self._out, f"{path.stem}{self._number}{suffix}")
        return Path(self._out).with_stem(Path(self._out).stem + self._number)

    def check(self, given: str) -> None:
        """Refuses a photo whose file could not be written, as far as its name tells, before it is opened.

        Raises:
            PhotoError: see :meth:`claim`.
        """
        from camofilter.photo.writing import check_output

        path = self._expected(given)
        if self._suffix is None and self._out is not None and not self._into_folder:
            check_output(path)
        self._check(given, path)

    def claim(self, given: str, suffix: str) -> Path:
        """The file to write for a photo, checked before the work is done; its folder is there then.

        Args:
            given: the photo's name.
            suffix: of the file, unless its name was given.

        Raises:
            PhotoError: it is there already, or a photo that must stay.
        """
        path = self._path(given, suffix)
        if self._in_place and path.suffix != suffix:
            raise PhotoError(f"{given}: cannot be replaced by a {suffix} file: leave --in-place out")
        self._check(given, path)
        if self._into_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _check(self, given: str, path: Path) -> None:
        if self._in_place:
            return
        if not self._into_folder and not path.parent.is_dir():
            raise PhotoError(f"{given}: {path} is in a folder that does not exist: create it first")
        found = identity(path)
        overwritten = self._photos.get(found) if found else None
        other = self._planned.setdefault(_place(path), given)  # only once it is opened is the suffix certain
        meant = ", or --in-place if you mean it" if self._suffix is None else ""
        if overwritten == given:
            raise PhotoError(f"{given}: would be replaced: give another {self._option}{meant}")
        if overwritten or other != given:
            raise PhotoError(f"{given}: would replace {overwritten or path}: give another {self._option}")
        if os.path.lexists(path) and not self._force:
            raise PhotoError(f"{given}: {path} exists: add --force to replace it, or give another {self._option}")


def refuse_existing(path: str, force: bool, option: str) -> None:
    """Refuses a file that is there already and must stay (UsageError), before anything is done for it.

    Args:
        path: of the file.
        force: it may be replaced.
        option: what it was given by.
    """
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} exists: add --force to replace it, or give another {option}")


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def identity(path: Path) -> tuple[int, int] | None:
    """The same for two names of one file; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
