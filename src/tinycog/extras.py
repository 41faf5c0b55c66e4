"""Optional packages: whether they are installed, and what installs them."""

from __future__ import annotations

from importlib.util import find_spec

from tinycog.errors import UsageError


def check_installed(extra: str, *packages: str) -> None:
    """Check that the packages of an extra of this project can be imported.

    Raises:
        UsageError: one is missing; it names the `pip install` line.
    """
    for package in packages:
        if find_spec(package) is None:
            message = f"this needs {package}: pip install 'tinycog[{extra}]'"
            raise UsageError(message)
