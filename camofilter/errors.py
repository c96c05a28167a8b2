"""The errors a person can meet. Each message is one line: what was given, what was expected, what to do."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

_SHOWN = 60  # names in a message


class CamofilterError(Exception):
    """Anything camofilter refuses; ``str(error)`` is one line to show to a person as it is."""

    exit_code = 1


class PhotoError(CamofilterError):
    """A photo that cannot be read, worked on or written; other photos of the same call go on."""


class TargetError(CamofilterError):
    """A machine that fails on a photo, such as by a score that is no number; other photos of the same call go on."""


class UsageError(CamofilterError):
    """A wrong option, name, setting, recipe or weight file; nothing has been done."""

    exit_code = 2


class BatchError(CamofilterError):
    """What stops a whole batch, such as a full disk; what is done is kept, and the same command goes on."""


def reason(given: str, error: Exception) -> str:
    """One line for a person about whatever went wrong with a photo."""
    if isinstance(error, TargetError):
        return f"{given}: {error}"
    if isinstance(error, CamofilterError):
        return str(error)
    if is_out_of_memory(error):
        return f"{given}: does not fit in memory: make it smaller or close other programs"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or given}: {error.strerror}"
    return f"{given}: unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def is_out_of_memory(error: Exception) -> bool:
    """Whether something did not fit in memory, which torch says by a RuntimeError and on a GPU by one of its own."""
    said = "DefaultCPUAllocator", "std::bad_alloc"
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and any(words in str(error) for words in said))
    )


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist, naming the nearest ones that do.

    Args:
        kind: what the name should have named, in the singular ("filter", "preset").
        given: the name as it was given.
        known: all names that would have been right.

    Returns:
        The error, to be raised by the caller.
    """
    known = list(known)
    folded = {name.casefold(): name for name in known}
    near = [folded[name] for name in difflib.get_close_matches(given.casefold(), folded, n=3, cutoff=0.5)]
    some = known if len(known) <= _SHOWN else [*known[:_SHOWN], f"and {len(known) - _SHOWN} more"]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(some)}"
    return UsageError(f"unknown {kind} {reprlib.repr(given)}: {hint}")
