"""Tell values and functions apart: `fingerprint` is equal in every process for what is equal.

Two functions are equal if their module, names, code, defaults, closures and the constants among
their globals are. Sets are equal in any order. All else is compared by what pickle would store.
"""

import copyreg
import dis
import functools
import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import prefect

PLAIN = (type(None), bool, int, float, complex, str, type(...), type(NotImplemented))
CACHED = type(functools.cache(len))
CONSTANTS = (*PLAIN, bytes, tuple, frozenset)
SETS: Any = (set.__reduce__, frozenset.__reduce__)
STATE = ("STORE_GLOBAL", "DELETE_GLOBAL")


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


class _Writer:
    """A digest that values are added to."""

    def __init__(self, path: tuple[int, ...] = ()) -> None:
        """Begin; `path` holds the ids of the values that this one is part of."""
        self.hash = hashlib.blake2b(digest_size=16)
        self.path = list(path)

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
        elif kind in (bytes, bytearray, memoryview):
            self.write(kind.__name__, bytes(value))
        elif id(value) in self.path:
            self.write("within", str(self.path.index(id(value))).encode())
        else:
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
            self.add_code(value)
        elif isinstance(value, ModuleType):
            self.write("module", value.__name__.encode())
        elif isinstance(value, prefect.Task | prefect.Flow):
            self.add_items("prefect", [kind.__name__, value.name, value.fn])
        elif isinstance(value, type):
            self.add_class(value)
        elif kind is FunctionType:
            self.add_function(value)
        elif kind is MethodType:
            self.add_items("method", [value.__func__, value.__self__])
        elif kind is functools.partial:
            self.add_items("partial", [value.func, value.args, value.keywords])
        elif kind is BuiltinFunctionType:
            bound_to = value.__self__ if not isinstance(value.__self__, ModuleType) else None
            self.add_items("builtin", [value.__module__, value.__qualname__, bound_to])
        elif kind is CACHED:
            self.add_items("cached", [value.__wrapped__])
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
            writer = _Writer(tuple(self.path))
            writer.add(item)
            digests.append(writer.digest())
        self.write("items", "".join(sorted(digests)).encode())

    def add_code(self, code: CodeType) -> None:
        """Add what code does, wherever its file is."""
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        self.add_items("code", [code.co_code, code.co_consts, names, counts])

    def add_function(self, function: FunctionType) -> None:
        """Add a function, with what it closes over."""
        self.add_items("function", [_module(function), function.__qualname__, function.__code__])
        self.add_items("defaults", [function.__defaults__, function.__kwdefaults__])
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:  # a name that has no value yet
                self.write("empty", b"")
        for name in _globals_of(function.__code__):
            if name in function.__globals__:
                self.add_global(name, function.__globals__[name])

    def add_global(self, name: str, value: Any) -> None:
        """Add a global that a function refers to: constants by value, code by its name."""
        code = isinstance(value, FunctionType | type)
        if type(value) in CONSTANTS or (code and not _is_found_by_name(value)):
            self.add_items("global", [name, value])
        elif code or isinstance(value, ModuleType):
            path = _module(value), getattr(value, "__qualname__", value.__name__)
            self.add_items("global", [name, path])

    def add_class(self, value: type) -> None:
        """Add a class by its name, and one that cannot be found by its name with its code."""
        self.add_items("class", [_module(value), value.__qualname__])
        if not _is_found_by_name(value):
            for name, attribute in vars(value).items():
                if isinstance(attribute, FunctionType | staticmethod | classmethod):
                    self.add_items("def", [name, getattr(attribute, "__func__", attribute)])
                elif type(attribute) in CONSTANTS and name not in ("__doc__", "__module__"):
                    self.add_items("attribute", [name, attribute])

    def add_object(self, value: Any) -> None:
        """Add what pickle would store of an object."""
        if callable(value) and isinstance(method := type(value).__call__, FunctionType):
            self.add_function(method)
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced: Any = reduce(value) if reduce else value.__reduce_ex__(4)
        except RecursionError:
            raise
        except Exception:
            raise UnhashableError(f"a {type(value).__qualname__}") from None
        if isinstance(reduced, str):
            module = getattr(value, "__module__", None)
            if not _is_at(value, module, reduced):
                raise UnhashableError(f"a {type(value).__qualname__}")
            self.add_items("name", [type(value), module, reduced])
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if getattr(make, "__self__", None) is value:
            raise UnhashableError(f"a {type(value).__qualname__}")
        if hasattr(make, "__qualname__") and _is_found_by_name(make):
            make = [_module(make), make.__qualname__]
        self.add_items("made by", [make])
        self.add_items("object", [arguments, state, list(items or ())])
        self.add_items("pairs", [part for pair in pairs or () for part in pair])


def _module(value: Any) -> str | None:
    """Return the module of a function or class, named the same on every machine."""
    name: str | None = getattr(value, "__module__", None)
    if name and name.startswith("__prefect_loader_") and name in sys.modules:
        # Prefect names a file's module by its path, if the file's own name is taken.
        return Path(sys.modules[name].__file__ or name).stem
    return name


def _is_found_by_name(value: Any) -> bool:
    """Tell whether a function or class is what its module has under its name."""
    return _is_at(value, getattr(value, "__module__", None), value.__qualname__)


def _is_at(value: Any, module: str | None, path: str) -> bool:
    """Tell whether a value is what a module has under a name."""
    found: Any = sys.modules.get(module or "")
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is value or getattr(found, "fn", None) is value


@functools.lru_cache(maxsize=4096)
def _globals_of(code: CodeType) -> tuple[str, ...]:
    """Return the globals that code refers to, without those it assigns to itself."""
    used, assigned = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            used.add(instruction.argval)
        elif instruction.opname in STATE:
            assigned.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            used.update(_globals_of(constant))
    return tuple(sorted(used - assigned))
