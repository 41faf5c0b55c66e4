"""`python -m georeferences`, in the folder of tests."""

import sys

from georeferences.run import main

if __name__ == "__main__":
    sys.exit(main())
