"""One interpreter that has imported all of tinycog; each run of a page or command is a fork of it.

    warm.py ADDRESS                     # the server: at a Unix socket, until SIGTERM
    python -IS call.py ADDRESS ...      # a run: see there

To start an interpreter and import what a command uses takes half a second, and the pages have
a hundred commands.
"""

from __future__ import annotations

import json
import os
import runpy
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import NoReturn

import tinycog

WORDS = 4
"""Bytes of the length of a message, and of an exit status."""


def import_all() -> None:
    """Import every module of tinycog; those of libraries that are not installed refuse."""
    for module in walk_packages(tinycog.__path__, "tinycog.", onerror=lambda _: None):
        if not module.name.endswith("__main__"):
            with suppress(ImportError, tinycog.UsageError):
                import_module(module.name)


def serve(address: str) -> None:
    """Answer each connection by a fork; returns in a run, where it does what was asked."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)  # noqa: T201 - to who has started it
        while True:
            connection, _ = server.accept()
            if not os.fork():
                break
            connection.close()
            with suppress(ChildProcessError):
                while any(os.waitpid(-1, os.WNOHANG)):  # those that have ended
                    pass
    run(connection)


def run(connection: socket.socket) -> None:
    """Do what a caller asks in a process of its own, and tell him its exit status."""
    head, streams, _, _ = socket.recv_fds(connection, WORDS, 3)
    with connection.makefile("rb") as text:
        asked = json.loads(text.read(int.from_bytes(head)))
    if process := os.fork():
        leave(connection, process)
    connection.close()
    for at, stream in enumerate(streams):
        os.dup2(stream, at)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    what, *sys.argv[1:] = asked["arguments"]
    if what == "tinycog":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv[0] = what
        runpy.run_path(what, run_name="__main__")


def leave(connection: socket.socket, process: int) -> NoReturn:
    """Wait for a process, send how it ended, and end."""
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall((code if code >= 0 else 128 - code).to_bytes(WORDS))
    os._exit(0)


if __name__ == "__main__":
    import_all()
    serve(sys.argv[1])
