"""`python -m sampan` is the same as `sampan`."""

import sys

from sampan.cli import main

if __name__ == "__main__":
    sys.exit(main())
