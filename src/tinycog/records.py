"""`NamedTuple` and `dataclass` as those of Python, made in a tenth of their time.

Some seventy such classes stand between the start of a process and its first pixel. Python's compile
functions for each, and `typing.NamedTuple` each annotation, too: a seventh of that time. Here
classes of as many fields share one compiled function, with names of their own, and annotations stay
texts, as in all modules. A type checker sees Python's; so do `dataclasses.fields` and `replace`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - exported
else:
    import dataclasses
    from collections import namedtuple
    from collections.abc import Iterable
    from functools import cache, partial
    from operator import attrgetter
    from types import CodeType, FunctionType
    from typing import Self

    _Field = type(namedtuple("_Any", "field").field)  # noqa: PYI024 - as quick as there

    @cache
    def _code(count: int) -> CodeType:
        """Compile a function of so many arguments, besides the first, that hands them on as one."""
        names = "".join(f"_{i}, " for i in range(count))
        made = eval(f"lambda _first, {names}: _take(_first, ({names}))")  # noqa: S307 - ours
        return made.__code__

    def _function(
        path: str, first: str, fields: tuple[str, ...], take: object, **facts: object
    ) -> FunctionType:
        """Make a function of fields, which hands their values on to `take`."""
        name = path.rpartition(".")[2]
        code = _code(len(fields)).replace(co_name=name, co_varnames=(first, *fields), **facts)
        made = FunctionType(code, {"_take": take}, name)
        made.__qualname__ = path
        return made

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

    class _NamedTupleType(type):
        """Makes the classes that name `NamedTuple` as a base; subclasses of these are ordinary."""

        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, object]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, members)
            fields = tuple(members.get("__annotations__", ()))
            defaults = {field: members[field] for field in fields if field in members}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                message = f"{name}: fields without a default stand behind others with one"
                raise TypeError(message)
            new = _function(f"{name}.__new__", "_cls", fields, tuple.__new__)
            new.__defaults__ = tuple(defaults.values())
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

    class NamedTuple(metaclass=_NamedTupleType):
        """Base of a class whose fields are its annotations."""

    class _Factory:
        """Stands for the default of a field that is made anew each time."""

        def __repr__(self) -> str:
            return "<factory>"

    _FACTORY = _Factory()

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        eq: bool = True,
        repr: bool = True,  # noqa: A002 - as there
        kw_only: bool = False,
    ) -> object:
        """Make a class one of fields; see `dataclasses.dataclass`."""
        if cls is None:
            return partial(dataclass, frozen=frozen, eq=eq, repr=repr, kw_only=kw_only)
        own = dict(vars(cls))
        dataclasses.dataclass(
            init=False, repr=False, eq=False, match_args=not kw_only, kw_only=kw_only
        )(cls)
        fields = dataclasses.fields(cls)
        cls.__init__ = _init(cls, fields, kw_only=kw_only)
        if repr and "__repr__" not in own:
            cls.__repr__ = _repr(tuple(field.name for field in fields if field.repr))
        compared = tuple(field.name for field in fields if field.compare)
        if eq and "__eq__" not in own:
            cls.__eq__ = _eq(compared)
            cls.__hash__ = _hash(compared) if frozen else None
        if frozen:
            cls.__setattr__, cls.__delattr__ = _refusals(cls, {field.name for field in fields})
        return cls

    def _init(cls: type, fields: tuple[dataclasses.Field, ...], *, kw_only: bool) -> FunctionType:
        names = tuple(field.name for field in fields)
        factories = {
            field.name: field.default_factory
            for field in fields
            if field.default_factory is not dataclasses.MISSING
        }
        defaults = {
            field.name: _FACTORY if field.name in factories else field.default
            for field in fields
            if field.default is not dataclasses.MISSING or field.name in factories
        }
        finish = getattr(cls, "__post_init__", None)

        def keep(self: object, values: tuple[object, ...]) -> None:
            self.__dict__.update(zip(names, values))  # noqa: B905 - as many

        def keep_all(self: object, values: tuple[object, ...]) -> None:
            keep(self, values)
            for name, make in factories.items():
                if self.__dict__[name] is _FACTORY:
                    self.__dict__[name] = make()
            if finish is not None:
                self.__post_init__()

        take = keep_all if factories or finish is not None else keep
        counts = {"co_argcount": 1, "co_kwonlyargcount": len(names)} if kw_only else {}
        init = _function(f"{cls.__qualname__}.__init__", "self", names, take, **counts)
        if kw_only:
            init.__kwdefaults__ = defaults
        else:
            init.__defaults__ = tuple(defaults.values())
        init.__annotations__ = {**{field.name: field.type for field in fields}, "return": None}
        init.__module__ = cls.__module__
        return init

    def _repr(names: tuple[str, ...]) -> FunctionType:
        def __repr__(self: object) -> str:  # noqa: N807 - as it is called
            values = (f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({', '.join(values)})"

        return __repr__

    def _eq(names: tuple[str, ...]) -> FunctionType:
        values = attrgetter(*names)

        def __eq__(self: object, other: object) -> bool:  # noqa: N807 - as it is called
            return values(self) == values(other) if type(other) is type(self) else NotImplemented

        return __eq__

    def _hash(names: tuple[str, ...]) -> FunctionType:
        values = attrgetter(*names)

        def __hash__(self: object) -> int:  # noqa: N807 - as it is called
            return hash(values(self))

        return __hash__

    def _refusals(cls: type, names: set[str]) -> tuple[FunctionType, FunctionType]:
        """Make what refuses changes, of fields in subclasses, too."""

        def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807 - the same
            if type(self) is cls or name in names:
                message = f"cannot assign to field {name!r}"
                raise dataclasses.FrozenInstanceError(message)
            super(cls, self).__setattr__(name, value)

        def __delattr__(self: object, name: str) -> None:  # noqa: N807 - the same
            if type(self) is cls or name in names:
                message = f"cannot delete field {name!r}"
                raise dataclasses.FrozenInstanceError(message)
            super(cls, self).__delattr__(name)

        return __setattr__, __delattr__
