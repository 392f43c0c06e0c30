"""Tell values and functions apart: `fingerprint` is equal in every process for what is equal.

Two functions are equal if their module, names, code, defaults, closures and the constants among
their globals are; of functions whose globals are of no module, all of these. A context variable is
what it is set to. Sets are equal in any order. All else is compared by what pickle would store.
"""

import copyreg
import functools
import hashlib
from contextlib import suppress
from contextvars import ContextVar, copy_context
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import prefect

from .functions import PLAIN, add_class, add_code, add_function, is_at, is_found_by_name, module_of

AGAIN = 1_000_000
"""How often values may be met again, as those of a graph are by each way that leads to them."""
CACHED = type(functools.cache(len))
SETS: Any = (set.__reduce__, frozenset.__reduce__)


class UnhashableError(Exception):
    """A value cannot be told from others; the message says which."""


def fingerprint(*values: object) -> str:
    """Return a digest of values.

    Raises:
        UnhashableError: a value can't be told apart, for example a lock or a connection.
    """
    writer = _Writer()
    try:
        for value in values:
            writer.add(value)
    except RecursionError:
        raise UnhashableError("a value that is nested too deeply") from None
    return writer.digest()


def is_changed(before: str, *values: object) -> bool:
    """Tell whether values have another fingerprint than before."""
    try:
        return fingerprint(*values) != before
    except Exception:  # they cannot be told apart any longer, or change at this moment
        return True


class _Met:
    """The values that were met so far."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: set[int] = set()
        self._again = 0

    def note(self, value: Any) -> None:
        """Note a value, unless there are too many ways that lead to values."""
        self._again += id(value) in self._ids
        self._ids.add(id(value))
        if self._again > AGAIN:
            raise UnhashableError(f"a {type(value).__qualname__} that is part of too many others")


class _Writer:
    """A digest that values are added to."""

    def __init__(self, around: "_Writer | None" = None) -> None:
        """Begin, within a value that another digest is made of, or with a value by itself."""
        self.hash = hashlib.blake2b(digest_size=16)
        self.path: list[int] = list(around.path) if around else []
        """The ids of the values that this one is part of."""
        self.met: _Met = around.met if around else _Met()

    def digest(self) -> str:
        """Return the digest of what was added."""
        return self.hash.hexdigest()

    def write(self, kind: str, content: bytes) -> None:
        """Add bytes, so that no two different sequences of calls add the same."""
        self.hash.update(f"{kind}:{len(content)}:".encode())
        self.hash.update(content)

    def add(self, value: Any) -> None:
        """Add a value."""
        kind = type(value)
        if kind in PLAIN:
            # Python refuses to write a huge int in decimals.
            text = hex(value) if kind is int else repr(value)
            self.write(kind.__name__, text.encode(errors="surrogatepass"))
        elif kind in (bytes, bytearray):
            self.write(kind.__name__, bytes(value))
        elif id(value) in self.path:
            self.write("within", str(self.path.index(id(value))).encode())
        else:
            self.met.note(value)
            self.path.append(id(value))
            self.add_compound(value, kind)
            self.path.pop()

    def add_compound(self, value: Any, kind: type) -> None:
        """Add a value that is made of others."""
        if kind in (list, tuple):
            self.add_items(kind.__name__, value)
        elif kind is dict:
            self.add_items("dict", [part for item in value.items() for part in item])
        elif isinstance(value, set | frozenset) and kind.__reduce__ in SETS:
            self.add_set(value)
        elif kind is CodeType:
            add_code(self, value)
        elif isinstance(value, ModuleType):
            self.write("module", value.__name__.encode())
        elif isinstance(value, prefect.Task | prefect.Flow):
            bound_to = getattr(value.fn, "__prefect_self__", None)
            self.add_items("prefect", [kind.__name__, value.name, value.fn, bound_to])
        elif isinstance(value, type):
            add_class(self, value)
        elif kind is FunctionType:
            add_function(self, value)
        elif kind is MethodType:
            self.add_items("method", [value.__func__, value.__self__])
        elif kind is functools.partial:
            self.add_items("partial", [value.func, value.args, value.keywords])
        elif kind is BuiltinFunctionType:
            bound_to = value.__self__ if not isinstance(value.__self__, ModuleType) else None
            self.add_items("builtin", [value.__module__, value.__qualname__, bound_to])
        elif kind is CACHED:
            self.add_items("cached", [value.__wrapped__])
        elif kind is ContextVar:
            self.add_items("variable", [value.name, value in copy_context(), value.get(None)])
        elif kind is memoryview:
            self.add_items("memoryview", [value.format, value.shape, value.tobytes()])
        else:
            self.add_object(value)

    def add_items(self, kind: str, items: Any) -> None:
        """Add values in their order."""
        if all(type(item) in PLAIN for item in items):
            with suppress(ValueError):  # a huge int
                self.write(f"plain {kind}", repr(items).encode(errors="surrogatepass"))
                return
        self.write(kind, str(len(items)).encode())
        for item in items:
            self.add(item)

    def add_set(self, value: Any) -> None:
        """Add a set, whose order is another one in each process."""
        kind, (items,), state = value.__reduce__()
        self.add_items("set", [kind, state])
        digests = []
        for item in items:
            writer = _Writer(self)
            writer.add(item)
            digests.append(writer.digest())
        self.write("items", "".join(sorted(digests)).encode())

    def add_object(self, value: Any) -> None:
        """Add what pickle would store of an object."""
        if callable(value) and isinstance(method := type(value).__call__, FunctionType):
            add_function(self, method)
        if type(value) is object:  # which is told from another one by its identity alone
            raise UnhashableError("an object without anything in it")
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced: Any = reduce(value) if reduce else value.__reduce_ex__(4)
        except RecursionError:
            raise
        except Exception:
            raise UnhashableError(f"a {type(value).__qualname__}") from None
        if isinstance(reduced, str):
            module = getattr(value, "__module__", None)
            if not is_at(value, module, reduced):
                raise UnhashableError(f"a {type(value).__qualname__}")
            self.add_items("name", [type(value), module, reduced])
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if getattr(make, "__self__", None) is value:
            raise UnhashableError(f"a {type(value).__qualname__}")
        if hasattr(make, "__qualname__") and is_found_by_name(make):
            make = [module_of(make), make.__qualname__]
        self.add_items("made by", [make])
        self.add_items("object", [arguments, state, list(items or ())])
        self.add_items("pairs", [part for pair in pairs or () for part in pair])
