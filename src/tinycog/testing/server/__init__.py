"""A range server on loopback: `RangeServer`, its scripted faults, and what it can serve."""

from tinycog.testing.server.content import Servable, VirtualFile
from tinycog.testing.server.faults import Fault
from tinycog.testing.server.range_server import Logged, RangeServer, serve_in_thread

__all__ = ["Fault", "Logged", "RangeServer", "Servable", "VirtualFile", "serve_in_thread"]
