"""Source text of a function of a random program, in each of the shapes that code comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import indent

from tests.durable.programs.bodies import body
from tests.durable.programs.shape import Function

OPTIONS = {
    "no cache": "cache_policy=NO_CACHE",
    "no policy": "cache_policy=None",
    "not persisted": "persist_result=False",
    "retries": "retries=1",
}
"""Options of tasks as they are written."""

METHOD_DECORATORS = {
    "static": ("", "@staticmethod"),
    "static outside": ("@staticmethod", ""),
    "class": ("", "@classmethod"),
}
"""What is written above and below the decorator of Prefect's."""

NAMELESS = ("callable", "partial", "lambda")
"""Shapes that are given to `task` as an expression, with a name."""

INIT = "    def __init__(self, c):\n        self.c = c"


@dataclass(frozen=True)
class Definition:
    """A function of a program, and which of its variants are called."""

    functions: tuple[Function, ...]
    number: int
    used: str = ""

    @property
    def function(self) -> Function:
        """The function."""
        return self.functions[self.number]

    @property
    def name(self) -> str:
        """What the names of its variants begin with."""
        return f"f{self.number}"

    def text(self) -> str:
        """Return the definitions of all variants."""
        return SHAPES[self.function.shape](self)

    def one(self, name: str, key: str, parameters: str = "x", above: str = "") -> str:
        """Return a decorated function; `key` is the expression that it is known by in the notes."""
        function = self.function
        decorator = "" if function.shape in NAMELESS else f"@{self.decorator()}"
        outer, inner = METHOD_DECORATORS.get(function.shape, ("", ""))
        decorators = [text for text in (outer, decorator, inner, above) if text]
        is_async = "async " if function.is_async else ""
        text = body(self.functions, function, key, "x" if "x" in parameters else "None")
        return "\n".join([*decorators, f"{is_async}def {name}({parameters}):", _in(text)])

    def decorator(self) -> str:
        """Return what makes a task or a flow of a function."""
        function = self.function
        named = function.named or function.shape in NAMELESS
        options = [f"name='{self.name}'"] if named else []
        options += [OPTIONS[option] for option in function.options]
        if function.runner not in ("threads", "delay"):
            options += [f"task_runner=runner('{function.runner}')"]
        return function.kind + (f"({', '.join(options)})" if options else "")

    def variants(self, expression: str) -> str:
        """Return assignments to the names of the variants; `V` stands for the variant."""
        return "\n".join(f"{self.name}_{v} = {expression.replace('V', v)}" for v in self.used)


def _plain(made: Definition) -> str:
    return _blocks(made.one(made.name, repr(made.name)), made.variants(made.name))


def _options(made: Definition) -> str:
    changed = made.variants(f"{made.name}.with_options(name='{made.name}-V')")
    return _blocks(made.one(made.name, repr(made.name)), changed)


def _factory(made: Definition) -> str:
    parameters = "x, c=c" if made.function.shape == "default" else "x"
    inner = made.one("load", f"f'{made.name}-{{c}}'", parameters)
    factory = f"def make_{made.name}(c):\n{_in(inner)}\n    return load"
    if made.function.in_place:
        return factory
    return _blocks(factory, made.variants(f"make_{made.name}('V')"))


def _shared_name(made: Definition) -> str:
    scopes = []
    for v in made.used:
        inner = _in(made.one("main", repr(f"{made.name}-{v}")))
        scopes.append(f"def scope_{made.name}_{v}():\n{inner}\n    return main")
    return _blocks(*scopes, made.variants(f"scope_{made.name}_V()"))


def _method(made: Definition) -> str:
    inner = _in(made.one("load", f"f'{made.name}-{{self.c}}'", "self, x"))
    owner = made.name.upper()
    return _blocks(f"class {owner}:\n{INIT}\n\n{inner}", made.variants(f"{owner}('V').load"))


def _static_method(made: Definition) -> str:
    owner = made.name.upper()
    inner = _in(made.one("load", repr(made.name)))
    return _blocks(f"class {owner}:\n{inner}", made.variants(f"{owner}.load"))


def _class_method(made: Definition) -> str:
    owner = made.name.upper()
    inner = _in(made.one("load", f"f'{made.name}-{{cls.c}}'", "cls, x"))
    owners = [f"class {owner}{v}({owner}):\n    c = '{v}'" for v in made.used]
    return _blocks(f"class {owner}:\n{inner}", *owners, made.variants(f"{owner}V.load"))


def _callable(made: Definition) -> str:
    owner = made.name.upper()
    inner = _in(made.one("__call__", f"f'{made.name}-{{self.c}}'", "self, x"))
    tasks = made.variants(f"{made.decorator()}({owner}('V'))")
    return _blocks(f"class {owner}:\n{INIT}\n\n{inner}", tasks)


def _partial(made: Definition) -> str:
    inner = made.one(f"load_{made.name}", f"f'{made.name}-{{c}}'", "c, x")
    return _blocks(inner, made.variants(f"{made.decorator()}(partial(load_{made.name}, 'V'))"))


def _lambda(made: Definition) -> str:
    """Return two functions on one line, which their source does not tell apart."""
    names = ", ".join(f"{made.name}_{v}" for v in made.used)
    leaves = [f"lambda x: call('{made.name}-{v}', x).leaf()" for v in made.used]
    return f"{names} = {', '.join(f'{made.decorator()}({leaf})' for leaf in leaves)}"


def _executed_text(made: Definition) -> str:
    """Return functions without a source that could be read, in one text or with other globals."""
    in_globals = made.function.shape == "exec globals"
    lines = [
        f"text_{made.name} = '''\n{made.one('load', 'KEY' if in_globals else repr('KEY'))}\n'''"
    ]
    for v in made.used:
        key = f"{made.name}-{v}"
        text = f"text_{made.name}" + ("" if in_globals else f".replace('KEY', '{key}')")
        lines += [f"names = dict(globals(), KEY='{key}')", f"exec({text}, names)"]
        lines += [f"{made.name}_{v} = names['load']"]
    return "\n".join(lines)


def _decorated(made: Definition) -> str:
    """Return functions below a decorator of one's own, with or without `functools.wraps`."""
    wait, is_async = ("await ", "async ") if made.function.is_async else ("", "")
    lines = [f"def traced_{made.name}(function):"]
    lines += ["    @wraps(function)"] if made.function.shape == "wrapped" else []
    lines += [f"    {is_async}def traced(x):", f"        return {wait}function(x)"]
    own = "\n".join([*lines, "    return traced"])
    names = [f"{made.name}_{v}" for v in made.used]
    above = f"@traced_{made.name}"
    ones = [made.one(name, repr(name.replace("_", "-")), above=above) for name in names]
    return _blocks(own, *ones)


SHAPES: dict[str, Callable[[Definition], str]] = {
    "plain": _plain,
    "options": _options,
    "closure": _factory,
    "default": _factory,
    "shared": _shared_name,
    "method": _method,
    "static": _static_method,
    "static outside": _static_method,
    "class": _class_method,
    "callable": _callable,
    "partial": _partial,
    "lambda": _lambda,
    "exec": _executed_text,
    "exec globals": _executed_text,
    "wrapped": _decorated,
    "inner": _decorated,
}


def _in(text: str) -> str:
    return indent(text, "    ")


def _blocks(*texts: str) -> str:
    return "\n\n\n".join(texts)
