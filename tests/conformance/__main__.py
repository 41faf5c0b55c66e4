"""`python -m conformance`, in the folder of tests."""

import sys

from conformance.run import main

if __name__ == "__main__":
    sys.exit(main())
