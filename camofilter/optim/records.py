"""What is said in JSON of a camouflaged photo, and of verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camofilter.optim import Camouflaged, Verdict
    from camofilter.photo.core import Pixels


def to_dict(found: Camouflaged, written: Pixels, seconds: float) -> dict[str, Any]:
    """The scores, the recipe and what it changed, of a photo whose file was written.

    Args:
        found: the result of the search.
        written: H×W×3 of the file, read back: the claim is about the file that people will send.
        seconds: that it took.

    Returns:
        An object for JSON.
    """
    from camofilter.optim.channel import SURVIVE
    from camofilter.optim.visibility import in_words
    from camofilter.optim.watchers import purified

    of_file = [verdict.on(written) for verdict in found.verdicts]
    verdicts = [comparison(verdict) | {"purified": purified(written, verdict.target)} for verdict in of_file]
    first = {key: verdicts[0][key] for key in ("target", "version", "threshold", "score_before", "score_after")}
    return {
        **first,
        "camouflaged": all(verdict["hidden"] for verdict in verdicts),
        "method": found.method,
        "recipe": found.recipe.to_dict(),
        "seconds": seconds,
        "survive": found.survive,
        "survives": all(verdict.exposure_by(SURVIVE[found.survive]) < 0 for verdict in of_file),
        "change": {key: round(value, 4) for key, value in found.change._asdict().items()},
        "visibility": {"ssimulacra2": round(found.visibility, 1), "words": in_words(found.visibility)},
        "targets": verdicts,
        "unseen": [comparison(verdict) for verdict in found.unseen],
    }


def verdict_to_dict(verdict: Verdict, scores: dict[str, Any]) -> dict[str, Any]:
    """A verdict for JSON: who judges, what it found, in the caller's own keys, and what that comes to."""
    return {
        "target": verdict.target.name,
        "version": verdict.target.version,
        "threshold": verdict.target.scale.threshold,
        "scale": verdict.target.scale.in_words(),
        **scores,
        "hidden": verdict.hidden,
        "deliveries": dict(verdict.deliveries),
        "seen_after": verdict.seen_after,
        "worst": verdict.worst,
    }


def comparison(verdict: Verdict) -> dict[str, Any]:
    """A verdict on a photo before and after, for JSON."""
    scores = {
        "score_before": verdict.before.score,
        "score_after": verdict.after.score,
        "sees_before": verdict.before.words,
        "sees_after": verdict.after.words,
    }
    return verdict_to_dict(verdict, scores)
