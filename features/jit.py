"""Compiles functions with numba, which itself carries no types, through one typed door.

Every compiled function of the project is made through :func:`njit`, so the choice to keep
compiled code on disk is made once, and strict type checking sees ordinary functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast, overload

import numba
import numpy as np
from numba.core import event

F = TypeVar("F", bound=Callable[..., Any])


@overload
def njit(function: F) -> F: ...
@overload
def njit(**options: Any) -> Callable[[F], F]: ...
def njit(function: F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Compile a function to machine code, keeping the result on disk.

    Parameters
    ----------
    function
        The function, when used as a plain ``@njit``.
    **options
        Passed to :func:`numba.njit`, for example ``inline="always"`` or ``parallel=True``.
        ``cache`` and ``nogil`` are true unless given: no kernel touches Python's objects, so
        another thread may run meanwhile.

    Returns
    -------
    The compiled function under its own type, or a decorator that makes it.
    """
    options.setdefault("cache", True)
    options.setdefault("nogil", True)
    decorate = cast(Callable[[F], F], numba.njit(**options))
    return decorate if function is None else decorate(function)


@overload
def bare(function: F) -> F: ...
@overload
def bare(**options: Any) -> Callable[[F], F]: ...
def bare(function: F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Compile as :func:`njit` does, without reference counts.

    For functions that neither allocate nor return arrays, as inner loops should be. Numba else
    counts references around every array argument of every inner call, atomically: five sixths
    of the time of the JSON scanner went there.
    """
    decorate = cast(Callable[[F], F], njit(_nrt=False, **options))
    return decorate if function is None else decorate(function)


def inlined(function: F) -> F:
    """Compile as :func:`bare` does, into its callers.

    For what runs for every field, row or event. A call hands on every word of every array and
    tuple among its arguments, over a hundred for the tables; LLVM, which weighs only the body,
    often leaves the call: the profiles took half as long again.
    """
    return bare(forceinline=True)(function)


def made_up(function: F) -> F:
    """Compile as :func:`inlined` does, for a function that others are made of at import.

    Its result is kept on disk with its callers', not by itself: what a closure or a lambda holds
    has no name that Numba would know again in the next process.
    """
    return bare(forceinline=True, cache=False)(function)


@contextmanager
def compilations(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` whenever a function has to be compiled here, instead of being read from disk."""
    with event.install_listener("numba:compile", _Told(tell)):
        yield


class _Told(event.Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def on_start(self, event: object) -> None:
        self._tell()

    def on_end(self, event: object) -> None:
        pass


#: ``numpy.int64`` as kernels use it: a cast. Typed as giving ``int``, for inside compiled code
#: the two are one.
as_int: Callable[[Any], int] = cast(Callable[[Any], int], np.int64)
