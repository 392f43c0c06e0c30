"""Tell functions and classes apart: by names, code, defaults, closures and constants."""

import dis
import functools
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Protocol

PLAIN = (type(None), bool, int, float, complex, str, type(...), type(NotImplemented))
CONSTANTS = (*PLAIN, bytes, tuple, frozenset)
STATE = ("STORE_GLOBAL", "DELETE_GLOBAL")


class Writer(Protocol):
    """A digest that values are added to."""

    def write(self, kind: str, content: bytes) -> None:
        """Add bytes."""

    def add(self, value: Any) -> None:
        """Add a value."""

    def add_items(self, kind: str, items: Any) -> None:
        """Add values in their order."""


def add_code(writer: Writer, code: CodeType) -> None:
    """Add what code does, wherever its file is."""
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    writer.add_items("code", [code.co_code, code.co_consts, names, counts])


def add_function(writer: Writer, function: FunctionType) -> None:
    """Add a function, with what it closes over."""
    writer.add_items("function", [module_of(function), function.__qualname__, function.__code__])
    writer.add_items("defaults", [function.__defaults__, function.__kwdefaults__])
    for cell in function.__closure__ or ():
        try:
            writer.add(cell.cell_contents)
        except ValueError:  # a name that has no value yet
            writer.write("empty", b"")
    for name in _globals_of(function.__code__):
        if name in function.__globals__:
            add_global(writer, name, function.__globals__[name])


def add_global(writer: Writer, name: str, value: Any) -> None:
    """Add a global that a function refers to: constants by value, code by its name."""
    code = isinstance(value, FunctionType | type)
    if type(value) in CONSTANTS or (code and not is_found_by_name(value)):
        writer.add_items("global", [name, value])
    elif code or isinstance(value, ModuleType):
        path = module_of(value), getattr(value, "__qualname__", value.__name__)
        writer.add_items("global", [name, path])


def add_class(writer: Writer, value: type) -> None:
    """Add a class by its name, and one that cannot be found by its name with its code."""
    writer.add_items("class", [module_of(value), value.__qualname__])
    if not is_found_by_name(value):
        for name, attribute in vars(value).items():
            if isinstance(attribute, FunctionType | staticmethod | classmethod):
                writer.add_items("def", [name, getattr(attribute, "__func__", attribute)])
            elif type(attribute) in CONSTANTS and name not in ("__doc__", "__module__"):
                writer.add_items("attribute", [name, attribute])


def module_of(value: Any) -> str | None:
    """Return the module of a function or class, named the same on every machine."""
    name: str | None = getattr(value, "__module__", None)
    if name and name.startswith("__prefect_loader_") and name in sys.modules:
        # Prefect names a file's module by its path, if the file's own name is taken.
        return Path(sys.modules[name].__file__ or name).stem
    return name


def is_found_by_name(value: Any) -> bool:
    """Tell whether a function or class is what its module has under its name."""
    return is_at(value, getattr(value, "__module__", None), value.__qualname__)


def is_at(value: Any, module: str | None, path: str) -> bool:
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
