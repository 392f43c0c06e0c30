"""Tell functions and classes apart: by names, code, defaults, closures and constants."""

import dis
import functools
import sys
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Protocol

PLAIN = (type(None), bool, int, float, complex, str, type(...), type(NotImplemented))
# Globals of a module that count by what they are.
COUNTED = (*PLAIN, bytes, tuple, frozenset, ContextVar)
# What pydantic makes of a class, and what counts of all that begins like Python's own names.
FIELDS = "__pydantic_fields__"
COUNTS = (FIELDS, "__annotations__", "__slots__")
DESCRIPTORS = (GetSetDescriptorType, MemberDescriptorType)
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
    does = (code.co_code, code.co_exceptiontable)
    writer.add_items("code", [does, code.co_consts, names, counts])


def add_function(writer: Writer, function: FunctionType) -> None:
    """Add a function, with what it closes over."""
    writer.add_items("function", [module_of(function), function.__qualname__, function.__code__])
    writer.add_items("defaults", [function.__defaults__, function.__kwdefaults__])
    for cell in function.__closure__ or ():
        try:
            writer.add(cell.cell_contents)
        except ValueError:  # a name that has no value yet
            writer.write("empty", b"")
    is_module = _is_of_a_module(function.__globals__)
    for name in _globals_of(function.__code__):
        if name in function.__globals__:
            add_global(writer, name, function.__globals__[name], is_module)


def add_global(writer: Writer, name: str, value: Any, is_module: bool) -> None:
    """Add a global that a function refers to: code by its name, and by its value what counts.

    Where it is not one of a module, as after `exec`, nothing else tells it apart: all counts.
    """
    code = isinstance(value, FunctionType | type)
    if isinstance(value, ModuleType) or (code and is_found_by_name(value)):
        path = module_of(value), getattr(value, "__qualname__", value.__name__)
        writer.add_items("global", [name, path])
    elif code or not is_module or type(value) in COUNTED:
        writer.add_items("global", [name, value])


def _is_of_a_module(globals_: dict[str, Any]) -> bool:
    """Tell whether globals are those of a module that is found by its name."""
    module = sys.modules.get(globals_.get("__name__", ""))
    return module is not None and vars(module) is globals_


def add_class(writer: Writer, value: type) -> None:
    """Add a class by its name, and one that cannot be found by its name with its code."""
    writer.add_items("class", [module_of(value), value.__qualname__])
    if is_found_by_name(value):
        return
    writer.add_items("bases", value.__bases__)
    if issubclass(value, Enum):
        writer.add_items("members", [(member.name, member.value) for member in value])
        return
    for name, attribute in vars(value).items():
        if isinstance(attribute, FunctionType) or name in COUNTS or not name.startswith("__"):
            writer.add_items("attribute", [name, *_made_of(name, attribute)])


def _made_of(name: str, attribute: Any) -> list[Any]:
    """Return what an attribute of a class is, as far as its class has made it."""
    if isinstance(attribute, DESCRIPTORS) or name == "_abc_impl":
        return []
    if name == FIELDS:
        return [(field.annotation, field.default) for field in attribute.values()]
    if isinstance(attribute, property):
        return [attribute.fget, attribute.fset, attribute.fdel]
    if isinstance(attribute, functools.cached_property):
        return [attribute.func]
    return [getattr(attribute, "__func__", attribute)]


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
