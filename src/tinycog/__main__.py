"""`python -m tinycog` is the command line."""

import sys

from tinycog.cli import main

sys.exit(main())
