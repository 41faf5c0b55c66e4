"""Users and passwords by host, of a `.netrc` file (http.netrc)."""

from __future__ import annotations

import os

from tinycog.errors import UsageError

Login = tuple[str, str]
"""User and password."""


class Logins:
    """What a `.netrc` file has for hosts."""

    def __init__(self) -> None:
        """Read the file that `NETRC` names, or `~/.netrc`.

        Raises:
            UsageError: there is none, or it cannot be read.
        """
        import netrc  # noqa: PLC0415 - only if it is asked for

        path = os.environ.get("NETRC") or None
        shown = path or "~/.netrc"
        try:
            hosts = netrc.netrc(path).hosts
        except netrc.NetrcParseError as exc:  # its message may quote a password
            line = "" if exc.lineno is None else f", line {exc.lineno}"
            message = f"netrc=True: {shown} cannot be read{line} (it must be its owner's alone)"
            raise UsageError(message) from None
        except (OSError, UnicodeDecodeError) as exc:
            told = exc.strerror if isinstance(exc, OSError) else "no text"
            message = f"netrc=True: {shown} cannot be read: {told}"
            raise UsageError(message) from None
        self._hosts = {
            host.lower(): (login or account or "", password or "")
            for host, (login, account, password) in hosts.items()
            if login or password
        }

    def login_of(self, host: str, *, is_first: bool) -> Login | None:
        """Return user and password of a host; the default entry is for the url's own alone."""
        found = self._hosts.get(host)
        return self._hosts.get("default") if found is None and is_first else found
