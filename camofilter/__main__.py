"""The command ``camofilter``, and ``python -m camofilter``."""

from __future__ import annotations

import sys


def run() -> int:
    """Runs this process's command line; Ctrl-C stops it without a traceback from its first moments on.

    Returns:
        The exit code, as of ``camofilter.cli.main``.
    """
    try:
        from camofilter.cli import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
