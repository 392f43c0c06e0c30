"""What a random flow program is: data, from which `render` makes source text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

VARIANTS = "abc"
"""What the functions of one factory, class or module differ in."""


@dataclass(frozen=True)
class Constant:
    """An argument that is written in the source; `kind` is a row of `bodies.CONSTANTS`."""

    kind: str
    number: int


@dataclass(frozen=True)
class Earlier:
    """The result, or the future, of an earlier step of the same body."""

    step: int


@dataclass(frozen=True)
class Given:
    """The argument of the enclosing function."""


@dataclass(frozen=True)
class Wrapped:
    """An argument inside of a container; `kind` is a row of `bodies.CONTAINERS`."""

    kind: str
    inner: Constant | Earlier | Given


Argument: TypeAlias = Constant | Earlier | Given | Wrapped


@dataclass(frozen=True)
class Target:
    """The function that is called, by number, and which one of its variants."""

    function: int
    variant: int


@dataclass(frozen=True)
class Call:
    """A call: `direct`, `delay`, or `submit` with an earlier step to wait for."""

    target: Target
    argument: Argument
    how: str = "direct"
    wait_for: int | None = None


@dataclass(frozen=True)
class Map:
    """`task.map` over arguments, or a `chain` of submitted tasks that wait for one another."""

    target: Target
    arguments: tuple[Argument, ...]
    chain: bool = False


@dataclass(frozen=True)
class Loop:
    """A call for each part of an earlier result, `direct` or `submit`; of a set in its order."""

    target: Target
    step: int
    how: str


@dataclass(frozen=True)
class Together:
    """Calls side by side: by `gather`, by `threads`, or by `bare threads` without a context."""

    calls: tuple[Call, ...]
    how: str


@dataclass(frozen=True)
class Transaction:
    """Direct calls in a transaction."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Each:
    """A call for each item of a generator task; the loop is left after `stop` items."""

    generator: Target
    argument: Argument
    target: Target
    stop: int | None


@dataclass(frozen=True)
class Extra:
    """A call that is made in the first attempt only, as by a flow that looks at the world."""

    call: Call


Step: TypeAlias = Call | Map | Loop | Together | Transaction | Each | Extra


@dataclass(frozen=True)
class Function:
    """A task or a flow. A task without steps is a leaf, a generator yields three items."""

    kind: str
    shape: str
    steps: tuple[Step, ...] = ()
    options: tuple[str, ...] = ()
    returns: str = "text"
    named: bool = False
    is_async: bool = False
    in_place: bool = False
    runner: str = "threads"
    """What executes what a flow submits."""


@dataclass(frozen=True)
class Failure:
    """What goes wrong in the first attempt: `raise` or `kill`, at a call's `start` or `end`."""

    call: int
    how: str
    at: str


@dataclass(frozen=True)
class Program:
    """Functions, each of which calls only earlier ones; the last one is the flow that runs."""

    functions: tuple[Function, ...]
    failure: Failure
    loaded: str = "module"
    postponed: bool = False
