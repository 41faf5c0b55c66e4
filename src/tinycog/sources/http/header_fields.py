"""Header fields of a request or a response (RFC 9110, section 5): names in any case. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Fields:
    """Header fields in the order of their first name; a name may have several values.

    Names keep the case in which they were added; lookups ignore case.
    """

    __slots__ = ("_lines",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Add each (name, value)."""
        lines: dict[str, list[tuple[str, str]]] = {}
        for pair in pairs:  # not by `add`: this is done for each response
            key = pair[0].lower()
            if key in lines:
                lines[key].append(pair)
            else:
                lines[key] = [pair]
        self._lines = lines

    def add(self, name: str, value: str) -> None:
        """Append one value of a name."""
        key = name.lower()
        found = self._lines.get(key)
        if found is None:
            self._lines[key] = [(name, value)]
        else:
            found.append((name, value))

    def set(self, name: str, value: str) -> None:
        """Replace all values of a name by one."""
        self._lines[name.lower()] = [(name, value)]

    def update(self, fields: Mapping[str, str]) -> None:
        """Replace each name of `fields` that is there already, and add the others."""
        for name in fields:
            self.remove(name)
        for name, value in fields.items():
            self.add(name, value)

    def remove(self, name: str) -> None:
        """Remove all values of a name, if there are any."""
        self._lines.pop(name.lower(), None)

    def get(self, name: str) -> str | None:
        """Return the first value of a name, or None."""
        found = self._lines.get(name.lower())
        return None if found is None else found[0][1]

    def get_all(self, name: str) -> list[str]:
        """Return all values of a name, in order."""
        return [value for _, value in self._lines.get(name.lower(), ())]

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield each (name, value), with the name as it was added."""
        for lines in self._lines.values():
            yield from lines

    def __contains__(self, name: str) -> bool:
        """Return whether a name has a value."""
        return name.lower() in self._lines

    def __iter__(self) -> Iterator[str]:
        """Yield each name once, as it was first added."""
        return (lines[0][0] for lines in self._lines.values())
