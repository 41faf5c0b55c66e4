"""`python -m hostile`, in the folder of tests."""

import sys

from hostile.run import main

if __name__ == "__main__":
    sys.exit(main())
