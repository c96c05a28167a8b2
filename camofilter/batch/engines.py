"""What does the photos of a batch: processes of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from camofilter.batch.jobs import Job
from camofilter.batch.sources import Source
from camofilter.batch.work import Outcome, Task


class Engine(Protocol):
    """Does photos, several at once."""

    def outcomes(self, job: Job, source: Source, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """What became of every photo, in the order in which they are finished.

        Args:
            job: what is done.
            source: where the photos are.
            tasks: the photos; taken as they are needed.

        Raises:
            UsageError: something in the job is wrong, such as a target or its weights.
            BatchError: nothing can be done, as no worker starts.
        """
        ...
