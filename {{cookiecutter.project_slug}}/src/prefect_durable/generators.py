"""Generators that are tasks or flows: each in a context of its own."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from contextvars import copy_context
from typing import Any


def isolated(items: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    """Go through a generator task or flow in a context of its own.

    Prefect leaves its run and transaction in the context of whoever goes through it: their tasks
    would belong to it, and all that follows if it is not closed.
    """
    context = copy_context()
    try:
        while True:
            try:
                item = context.run(next, items)
            except StopIteration as end:
                return end.value
            yield item
    finally:
        context.run(items.close)


async def isolated_async(items: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Go through an asynchronous generator task or flow in a context of its own."""
    wanted: asyncio.Queue[bool] = asyncio.Queue()
    made: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue()

    async def make() -> None:
        try:
            async with aclosing(items):
                while await _told(wanted, items):
                    made.put_nowait((True, await anext(items)))
        except StopAsyncIteration:
            made.put_nowait((False, None))
        except BaseException as error:  # whatever ends it: somebody waits
            made.put_nowait((False, error))

    maker = asyncio.create_task(make())
    try:
        while True:
            wanted.put_nowait(True)
            is_item, item = await made.get()
            if not is_item:
                if item is not None:
                    raise item
                return
            yield item
    except asyncio.CancelledError:
        maker.cancel()
        raise
    finally:
        wanted.put_nowait(False)
        await asyncio.wait([maker])


async def _told(wanted: "asyncio.Queue[bool]", items: AsyncGenerator[Any, None]) -> bool:
    """Wait until it is said whether one more item is wanted.

    A timeout of the generator cancels this wait: only the generator knows what to make of it.
    """
    try:
        return await wanted.get()
    except asyncio.CancelledError as error:
        await items.athrow(error)
        raise
