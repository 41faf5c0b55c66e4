"""`NamedTuple` as that of `typing`, made in a tenth of its time.

Some sixty classes stand between the start of a process and its first pixel. That of `typing`
compiles each annotation, and `collections.namedtuple` a function of each class: together a tenth
of that time. Here annotations stay texts, as in all modules, and classes of as many fields share
one compiled function, with names of their own. A type checker sees that of `typing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - exported
else:
    from collections import namedtuple
    from collections.abc import Iterable
    from functools import cache
    from types import CodeType, FunctionType
    from typing import Self

    _Field = type(namedtuple("_Any", "field").field)  # noqa: PYI024 - as quick as there

    @cache
    def _new_of(count: int) -> CodeType:
        """Compile `__new__` of a class of so many fields, whose names are put in later."""
        names = "".join(f"_{i}, " for i in range(count))
        made = eval(f"lambda _cls, {names}: _new(_cls, ({names}))")  # noqa: S307 - of our own text
        return made.__code__

    class _Tuple(tuple):
        """What all have in common; methods are those of `collections.namedtuple`."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - replaced by each class

        @classmethod
        def _make(cls, iterable: Iterable[object]) -> Self:
            """Make one of an iterable of all fields."""
            made = tuple.__new__(cls, iterable)
            if len(made) != len(cls._fields):
                message = f"Expected {len(cls._fields)} arguments, got {len(made)}"
                raise TypeError(message)
            return made

        def _replace(self, /, **changes: object) -> Self:
            """Return one with other values of some fields."""
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                message = f"Got unexpected field names: {list(changes)!r}"
                raise TypeError(message)
            return made

        __replace__ = _replace

        def _asdict(self) -> dict[str, object]:
            """Return its values by the names of the fields."""
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            values = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({', '.join(values)})"

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

    class _Maker(type):
        """Makes the classes that name `NamedTuple` as a base; subclasses of these are ordinary."""

        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, object]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, members)
            fields = tuple(members.get("__annotations__", ()))
            defaults = {field: members[field] for field in fields if field in members}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                message = f"{name}: fields without a default stand behind others with one"
                raise TypeError(message)
            code = _new_of(len(fields)).replace(
                co_name="__new__", co_varnames=("_cls", *fields), co_filename=name
            )
            new = FunctionType(code, {"_new": tuple.__new__}, "__new__", tuple(defaults.values()))
            new.__qualname__ = f"{name}.__new__"
            new.__annotations__ = dict(members["__annotations__"])
            places = {
                field: _Field(i, f"Alias for field number {i}") for i, field in enumerate(fields)
            }
            members |= places | {
                "__new__": new,
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
            }
            resolved = tuple(_Tuple if base is NamedTuple else base for base in bases)
            return type.__new__(type, name, resolved, members)

    class NamedTuple(metaclass=_Maker):
        """Base of a class whose fields are its annotations."""
