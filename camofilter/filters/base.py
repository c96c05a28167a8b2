"""What a filter is: its formula, the declaration of its settings, and how the two are called together.

A *point* filter maps a colour to a colour. The others come in two parts: *maps*, planes that span the photo, and
the formula itself, which combines each pixel with the maps at its place. The maps of a *spatial* filter are
computed from a small copy of the photo, those of an *overlay* from its shape alone. Maps always have the same
size, whatever the photo's, so the look is the same at any size by construction, and a full-size photo can be
worked on in strips.
"""

from __future__ import annotations

import functools
import os
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from camofilter.errors import UsageError, unknown_name
from camofilter.filters.arrays import Array, fit_longer_side, resize
from camofilter.filters.given import check_image, checked_settings


@dataclass(frozen=True)
class Setting:
    """One setting of a filter, declared once for the command line, JSON, the optimizer and the tests.

    Attributes:
        name: the argument of the filter's function.
        unit: what one step of 1 means ("EV", "mired"), or "" for a plain share.
        identity: the value at which, all settings at theirs, the filter returns its input exactly; for a setting
            that only says how another one acts, its usual value.
        range: lowest and highest value that is accepted.
        appealing: the narrower range in which the result looks like a photographer's choice.
        help: one line for people.
        count: None for a single number; else how many numbers the setting holds when a search makes it.
        counts: fewest and most numbers that are accepted, where ``count`` is set.
        searched: whether gradient descent may move it (a seed has no gradient).
        strength: whether this setting fades to ``identity`` when a look is applied at less than full strength;
            False for those that only say how another one acts.
    """

    name: str
    unit: str
    identity: float
    range: tuple[float, float]
    appealing: tuple[float, float]
    help: str
    count: int | None = None
    counts: tuple[int, int] = (2, 64)
    searched: bool = True
    strength: bool = True

    @property
    def how_many(self) -> str:
        """The numbers that it takes, in words: "1", "8" or "2 to 64"."""
        fewest, most = (1, 1) if self.count is None else self.counts
        return f"{fewest}" if fewest == most else f"{fewest} to {most}"

    def check(self, filter_name: str, value: Any) -> float | tuple[float, ...]:
        """The value as a float (or a tuple of floats, if ``count`` is set).

        Args:
            filter_name: whose setting this is, for messages.
            value: a number or, for ``count``, a sequence; also numpy's and torch's.

        Raises:
            UsageError: not a number, not the right count, or outside ``range``.
        """
        where = f"{filter_name}.{self.name}"
        if hasattr(value, "tolist"):  # a numpy scalar, an array or a tensor
            value = value.tolist()
        if self.count is None:
            return self._check_number(where, value)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise UsageError(f"{where} is {reprlib.repr(value)}: expected a list of {self.how_many} numbers")
        if not self.counts[0] <= len(value) <= self.counts[1]:
            raise UsageError(f"{where} has {len(value)} values: expected {self.how_many}")
        return tuple(self._check_number(where, v) for v in value)

    def _check_number(self, where: str, value: Any) -> float:
        low, high = self.range
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            unit = f" {self.unit}" if self.unit else ""
            raise UsageError(f"{where} is {reprlib.repr(value)}: expected a number from {low:g} to {high:g}{unit}")
        return float(value)

    def to_json(self, filter_name: str, value: Any) -> Any:
        """The value as a recipe's JSON has it."""
        return list(value) if isinstance(value, tuple) else value

    def from_json(self, value: Any, folder: str | os.PathLike[str]) -> Any:
        """What a recipe's JSON has, still to be checked, in a file of this folder."""
        return value


@dataclass(frozen=True)
class HeldSetting(Setting):
    """A setting that holds no number but an object; see :class:`FileSetting` and :class:`PackedSetting`.

    It only says how another setting acts: no gradient moves it, and it does not fade. Its identity is None, nothing.

    Attributes:
        kind: the type that it holds.
    """

    unit: str = field(default="", init=False)
    identity: Any = field(default=None, init=False)
    range: Any = field(default=None, init=False)
    appealing: Any = field(default=None, init=False)
    count: None = field(default=None, init=False)
    counts: tuple[int, int] = field(default=(1, 1), init=False)
    searched: bool = field(default=False, init=False)
    strength: bool = field(default=False, init=False)
    kind: type

    def check(self, filter_name: str, value: Any) -> Any:
        """The object that the setting holds, made from what stands for it; None stays None.

        Raises:
            UsageError: it is neither the object nor what stands for one.
        """
        if value is None or isinstance(value, self.kind):
            return value
        return self._made(f"{filter_name}.{self.name}", value)

    def _made(self, where: str, value: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class FileSetting(HeldSetting):
    """A setting that is what a file holds, such as a table of colours; JSON and the command line give its path.

    Attributes:
        kind: the type that holds what the file does; its ``path`` is the file's, or None.
        read: makes one from a path; its UsageError names the file.
    """

    read: Callable[[str | os.PathLike[str]], Any]

    def _made(self, where: str, value: Any) -> Any:
        if not isinstance(value, str | os.PathLike):
            raise UsageError(f"{where} is {reprlib.repr(value)}: expected the path of a file")
        return self.read(value)

    def to_json(self, filter_name: str, value: Any) -> Any:
        """The file's path from the root, which is right wherever the JSON is written.

        Raises:
            UsageError: the value came from no file.
        """
        if value is not None and value.path is None:
            raise UsageError(f"{filter_name}.{self.name} comes from no file: write one, and read it from there")
        return None if value is None else os.fspath(value.path)

    def from_json(self, value: Any, folder: str | os.PathLike[str]) -> Any:
        """The path, which is relative to the folder of the JSON file."""
        return os.path.join(folder, value) if isinstance(value, str) else value


@dataclass(frozen=True)
class PackedSetting(HeldSetting):
    """A setting that stands in the recipe itself as packed text, such as a pattern that a search has found.

    Attributes:
        kind: the type that is held; its ``pack()`` gives the text.
        unpack: makes one from its text; raises ValueError with the reason if it is none.
    """

    unpack: Callable[[str], Any]

    def _made(self, where: str, value: Any) -> Any:
        try:
            if isinstance(value, str):
                return self.unpack(value)
            reason = "not text"
        except ValueError as error:
            reason = str(error)
        raise UsageError(f"{where} is {reprlib.repr(value)}: {reason}; expected what camofilter writes into a recipe")

    def to_json(self, filter_name: str, value: Any) -> Any:
        """The packed text."""
        return None if value is None else value.pack()


# Longer side of the copy that spatial filters look at: blurs of 1/250 of the longer side and more are true on it,
# and for those that work on fine detail, blurs of 1/1000.
COPY_SIDE = 256
FINE_COPY_SIDE = 1024


class Filter:
    """A filter, called as ``filter(image, *settings)``.

    Attributes:
        name: its name, the same as its file's.
        settings: their declarations, in the order of the arguments.
        summary: the first line of its documentation.
        is_point: whether it maps a colour to a colour, without regard to place.
        copy_side: longer side of the copy of the photo from which it makes its maps; 0 if it needs none.
    """

    def __init__(
        self,
        formula: Callable[..., Array],
        settings: tuple[Setting, ...],
        maps: Callable[[Array, tuple[int, int], dict[str, Any]], Array] | None = None,
        copy_side: int = 0,
    ) -> None:
        functools.update_wrapper(self, formula)
        self.name: str = formula.__name__
        self.summary: str = (formula.__doc__ or "").strip().splitlines()[0]
        self.settings = settings
        self.copy_side = copy_side
        self._formula = formula
        self._maps = maps

    @property
    def is_point(self) -> bool:
        """Whether it maps a colour to a colour, and so can be baked into a LUT."""
        return self._maps is None

    @property
    def identity(self) -> dict[str, Any]:
        """The identity of every setting but those of several numbers, which may be left out."""
        return {s.name: s.identity for s in self.settings if s.count is None}

    def setting(self, name: str) -> Setting:
        """The declaration of one setting.

        Raises:
            UsageError: there is none of this name.
        """
        for found in self.settings:
            if found.name == name:
                return found
        raise unknown_name(f"setting of {self.name}", name, [s.name for s in self.settings])

    def acts(self, settings: dict[str, Any]) -> bool:
        """Whether any setting that acts by itself is off its identity; if not, the filter returns its input."""
        for setting in self.settings:
            value = settings.get(setting.name)
            if setting.strength and value is not None:
                numbers = value if isinstance(value, Sequence) else (value,)
                if any(n != setting.identity for n in numbers):
                    return True
        return False

    def __call__(self, image: Array, *values: Any, **named: Any) -> Array:
        """The filtered image.

        Args:
            image: B×3×H×W in [0, 1]; torch tensor or numpy array.
            values, named: settings, each a number or a B-vector (K numbers or B×K for a setting of K), as Python,
                numpy or torch has them; those left out stay at their identity.

        Returns:
            B×3×H×W in [0, 1] up to rounding, same kind as the image.

        Raises:
            UsageError: the image is not such a one, there is no such setting or not that many, or a value is out of
                its range.
        """
        check_image(self.name, image)
        if len(values) > len(self.settings):
            raise UsageError(f"{self.name} was given {len(values)} settings: it has {len(self.settings)}")
        given = dict(zip((s.name for s in self.settings), values, strict=False)) | named
        return self.filtered(image, checked_settings(self, image, given))

    def filtered(self, image: Array, settings: dict[str, Any]) -> Array:
        """What a call returns, without its checks: for chains, whose images and settings are known to be right.

        Args:
            image: B×3×H×W in [0, 1].
            settings: floats (tuples for settings of several numbers), or vectors of the image's kind.
        """
        settings = self.identity | settings
        height, width = image.shape[2:]
        maps = self.maps(image, height, width, settings)
        return self.blend(image, None if maps is None else resize(maps, height, width), settings)

    def maps(self, copy: Array, height: int, width: int, settings: dict[str, Any]) -> Array | None:
        """The planes that the formula needs beside each pixel.

        Args:
            copy: B×3×h×w, the photo or a reduced copy of it, at least ``copy_side`` long where the photo is.
            height, width: of the photo itself.
            settings: a value for each.

        Returns:
            B×C×h×w or 1×C×h×w; None for a point filter.
        """
        return None if self._maps is None else self._maps(copy, (height, width), settings)

    def blend(self, image: Array, maps: Array | None, settings: dict[str, Any]) -> Array:
        """Each pixel of the image with the maps at its place (already resized to it)."""
        return self._formula(image, **settings) if maps is None else self._formula(image, maps, **settings)


_Decorator = Callable[[Callable[..., Array]], Filter]


def point_filter(*settings: Setting) -> _Decorator:
    """Makes ``formula(image, *settings)`` a filter that maps a colour to a colour."""
    return lambda formula: Filter(formula, settings)


def spatial_filter(*settings: Setting, maps: Callable[..., Array], copy_side: int = COPY_SIDE) -> _Decorator:
    """Makes ``formula(image, maps, *settings)`` a filter that looks at a pixel's surroundings.

    Args:
        settings: their declarations.
        maps: called as ``maps(copy, *settings)`` with the photo reduced to ``copy_side``.
        copy_side: longer side of that copy; ``FINE_COPY_SIDE`` for filters of fine detail.
    """

    def from_copy(copy: Array, size: tuple[int, int], values: dict[str, Any]) -> Array:
        return maps(resize(copy, *fit_longer_side(*size, copy_side)), **values)

    return lambda formula: Filter(formula, settings, from_copy, copy_side)


def overlay_filter(*settings: Setting, base: int, maps: Callable[..., Array]) -> _Decorator:
    """Makes ``formula(image, maps, *settings)`` a filter that depends on a pixel's place alone.

    Args:
        settings: their declarations.
        base: longer side of the maps, in pixels; smaller photos get them at their own size.
        maps: called as ``maps(kind, height, width, *settings)`` with the maps' size and any array of the kind,
            type and device that they should have.
    """

    def from_shape(copy: Array, size: tuple[int, int], values: dict[str, Any]) -> Array:
        return maps(copy, *fit_longer_side(*size, base), **values)

    return lambda formula: Filter(formula, settings, from_shape)
