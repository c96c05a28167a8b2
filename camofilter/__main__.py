"""``python -m camofilter``: the same as the command ``camofilter``."""

from __future__ import annotations

import sys

from camofilter.cli import main

if __name__ == "__main__":
    sys.exit(main())
