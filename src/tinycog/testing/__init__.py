"""x."""

from tinycog.testing.server import *
