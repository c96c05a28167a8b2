"""How far the whole of a job is: one number that never falls, and in plain words what is being done."""

from __future__ import annotations

from collections.abc import Callable

from camofilter.optim.search import Progress

# Of what is left of the job, as each stage is given it: how many follow is known only when a photo is hidden.
_SHARE = 1 / 3


class Stages:
    """Tells a listener of all stages of a job as of one.

    Args:
        tell: called with every step of every stage; None if nobody listens.
    """

    def __init__(self, tell: Callable[[Progress], None] | None = None) -> None:
        self._tell = tell
        self._reached, self._exposure = 0.0, float("inf")

    def begin(self, words: str) -> Callable[[Progress], None] | None:
        """Begins a stage, the one before being at its end.

        Args:
            words: what is being done, for people.

        Returns:
            What a search calls after its steps; None if nobody listens.
        """
        tell, start = self._tell, self._reached
        length = (1 - start) * _SHARE
        self._reached += length
        if tell is None:
            return None

        def step(progress: Progress) -> None:
            self._exposure = progress.exposure
            tell(progress._replace(stage=words, done=start + length * min(progress.step / progress.steps, 1)))

        step(Progress(0, 1, self._exposure))
        return step
