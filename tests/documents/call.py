"""Run a script, or tinycog, in a fork of the interpreter of `warm.py`.

python -IS call.py ADDRESS tinycog|SCRIPT ARGUMENTS...

With this process's streams, folder and environment; it ends with the run's exit status. It
imports little: that is its point.
"""

import json
import os
import socket
import sys

WORDS = 4


def call(address: str, arguments: list[str]) -> int:
    """Have it run, and wait for it."""
    environment = dict(os.environ)
    asked = {"arguments": arguments, "folder": os.getcwd(), "environment": environment}  # noqa: PTH109
    text = json.dumps(asked).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [len(text).to_bytes(WORDS, "big")], [0, 1, 2])
        server.sendall(text)
        return int.from_bytes(server.recv(WORDS), "big")


if __name__ == "__main__":
    sys.exit(call(sys.argv[1], sys.argv[2:]))
