"""camofilter: photo looks that people like and quality-ranking machines do not.

Five lines do the main job::

    import camofilter

    photo = camofilter.open_photo("photo.jpg")
    result = camofilter.camouflage(photo)
    print(result.score_before, result.score_after, result.recipe.in_words())
    camofilter.save_photo(result.photo, "photo.camo.jpg")

Importing it loads no torch; ``apply`` needs none either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from camofilter.errors import CamofilterError, PhotoError, UsageError

if TYPE_CHECKING:
    from camofilter.biqa import Target
    from camofilter.optim import Attack, Camouflaged, Keep, Method, Progress, Survive
    from camofilter.optim.verification import Verified
    from camofilter.photo import Photo, open_photo, save_photo
    from camofilter.recipe import Recipe

__all__ = [
    "CamofilterError",
    "Photo",
    "PhotoError",
    "Recipe",
    "UsageError",
    "__version__",
    "apply",
    "camouflage",
    "open_photo",
    "save_photo",
    "score",
    "variants",
    "verify",
]

__version__ = "0.1.0"

# Loaded when first used: numpy and Pillow would double the time that help takes.
_ROOMS = {
    "Photo": "camofilter.photo",
    "Recipe": "camofilter.recipe",
    "open_photo": "camofilter.photo",
    "save_photo": "camofilter.photo",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'camofilter' has no attribute '{name}'")
    return getattr(import_module(_ROOMS[name]), name)


def apply(photo: Photo, look: Recipe | str, *, strength: float = 1.0) -> Photo:
    """The photo with a look, at full size.

    Args:
        photo: any size, 8 or 16 bit.
        look: a recipe, or the name of a preset.
        strength: 0 (nothing) to 1 (the look as it is), blended in setting space.

    Returns:
        A photo of the same size, depth and metadata, marked as a result; alpha is untouched.

    Raises:
        UsageError: no such preset, or strength outside 0 to 1.
    """
    from camofilter.filters.pipeline import render
    from camofilter.photo import marked

    recipe = _recipe(look).at_strength(strength)
    if not recipe.steps:
        return _photo(photo)
    return marked(_photo(photo).with_pixels(render(photo.pixels, recipe.chain())), recipe.to_json())


def score(photo: Photo, target: Target | str = "compact_iqa") -> float:
    """What a machine thinks of the photo as it would be delivered: fit to the model's input, JPEG 90, model.

    Args:
        photo: any size.
        target: a target, or ``NAME`` or ``NAME:WEIGHTS`` of one.

    Returns:
        The target's score on its own scale; for quality models about 0 to 100, higher is better.

    Raises:
        UsageError: no such target, or a wrong weight file.
    """
    from camofilter import biqa

    return biqa.delivered_score(_photo(photo).pixels, _target(target, None))


def camouflage(
    photo: Photo,
    *,
    preset: Recipe | str | None = None,
    target: Target | str | Sequence[Target | str] = "compact_iqa",
    threshold: float | None = None,
    method: Method = "auto",
    attack: Attack = "cw",
    keep: Keep = "natural",
    survive: Survive = "platforms",
    robust: int = 0,
    device: str = "auto",
    seed: int = 0,
    written_as: str | Callable[[Photo], bytes] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Camouflaged:
    """Finds a recipe with which machines no longer see the photo as what it is, and applies it at full size.

    Args:
        photo: any size.
        preset: the look to stay near (a recipe or a preset's name); None for one that suits the photo.
        target: the machine to hide from, or several at once: targets, or ``NAME`` or ``NAME:WEIGHTS`` of them.
        threshold: where the targets stop seeing a photo; None for each one's own, 50 for quality scores.
        method: "auto" (the look, and tuned grain that hides it), "filter" (settings alone), "hybrid" (both searched),
            or "perturb" (the baselines of the literature).
        attack: which of those: "cw", "ifgsm", "pgd" or "perceptual".
        keep: "subtle", "natural" or "bold": how strong a look of our own may be, how far settings may be searched.
        survive: how far it is to stay hidden: "file", as it is; "platforms", also recompressed and reduced to 2048 and
            1080 pixels; "everything", also at 512 pixels, as a screenshot, and cut. The more, the more has to be added.
        robust: how many machines of other kinds to hide from as well, 0 to 3, so that those nobody knows see less.
        device: "auto", "cpu" or "cuda".
        seed: same seed, same recipe, on the same device with as many threads of torch (docs/hiding.md).
        written_as: the format in which the result will be saved ("JPEG", "PNG", "WEBP", "TIFF" or "AVIF"), None for the
            photo's own; or what gives the bytes of the file, where that is not ``save_photo``. That file is judged.
        progress: called after every step of the search.

    Returns:
        The photo with its recipe and the scores before and after; ``camouflaged`` says whether it is hidden, and
        ``survives`` whether it stays so as far as was asked.

    Raises:
        UsageError: no such preset, target, method, survive or device, a target that does not work or is without
            gradients, or a threshold that is not within the scale of one.
        TargetError: a target fails on this photo.
        PhotoError: the file cannot hold the photo, such as transparency in a JPEG.
    """
    from camofilter import optim
    from camofilter.photo import encode_photo

    return optim.camouflage(
        _photo(photo),
        _targets(target, threshold),
        look=None if preset is None else _recipe(preset),
        method=method,
        attack=attack,
        keep=keep,
        survive=survive,
        robust=robust,
        device=device,
        seed=seed,
        encode=written_as if callable(written_as) else partial(encode_photo, format=written_as),
        progress=progress,
    )


def verify(
    photo: Photo,
    *,
    original: Photo | None = None,
    target: Target | str | Sequence[Target | str] = "compact_iqa",
    threshold: float | None = None,
) -> Verified:
    """Tells of a photo that was found again whether it is still hidden, and what became of it on its way.

    Args:
        photo: as it was found, any size.
        original: what it was made of, before or after it was hidden: to tell how it was resized, cut and changed.
        target: the machine, or several: targets, or ``NAME`` or ``NAME:WEIGHTS`` of them.
        threshold: where the targets stop seeing a photo; None for each one's own, 50 for quality scores.

    Returns:
        Verdicts on the file as it is and after seven ways of passing it on; with an original, its part that is shown.

    Raises:
        UsageError: no such target.
    """
    from camofilter.optim import verification

    held_against = None if original is None else _photo(original)
    return verification.verify(_photo(photo), _targets(target, threshold), held_against)


def variants(photo: Photo, count: int, *, preset: Recipe | str | None = None, keep: Keep = "natural") -> list[Recipe]:
    """Clearly different looks for a photo, to hide it with one after the other and choose.

    Args:
        photo: any size.
        count: how many.
        preset: the first one (a recipe or a preset's name); None for one that suits the photo.
        keep: how strong that may be.

    Raises:
        UsageError: no such preset, or more looks than there are.
    """
    from camofilter.optim import looks

    first = looks.enhanced(_photo(photo).pixels, keep) if preset is None else _recipe(preset)
    return looks.variants(photo.pixels, first, count)


def _targets(target: Target | str | Sequence[Target | str], threshold: float | None) -> list[Target]:
    given = [target] if isinstance(target, str) or not isinstance(target, Sequence) else target
    return [_target(one, threshold) for one in given]


def _target(given: Target | str, threshold: float | None) -> Target:
    from camofilter import biqa

    if isinstance(given, str):
        return biqa.get(given, threshold=threshold)
    if not hasattr(given, "at"):
        raise _wrong("the target", given, "a biqa.Target, or the name of one")
    return given.at(threshold)


def _recipe(look: Recipe | str) -> Recipe:
    from camofilter import presets
    from camofilter.recipe import Recipe

    if not isinstance(look, Recipe | str):
        raise _wrong("the look", look, "a recipe, or the name of a preset")
    return presets.get(look) if isinstance(look, str) else look


def _photo(given: Photo) -> Photo:
    from camofilter.photo import Photo

    if not isinstance(given, Photo):
        raise _wrong("the photo", given, "what open_photo or Photo.from_array gives")
    return given


def _wrong(what: str, given: object, expected: str) -> UsageError:
    return UsageError(f"{what} is a {type(given).__name__}: expected {expected}")
