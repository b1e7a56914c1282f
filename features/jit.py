"""Compiles functions with numba, which itself carries no types, through one typed door.

Every compiled function of the project is made through :func:`njit`, so the choice to keep
compiled code on disk is made once, and strict type checking sees ordinary functions.

Numba itself takes compiled code from disk as long as a function's own file is unchanged, whatever
became of the functions and numbers of other files that were compiled into it. Here the name of
what is kept carries a digest of every source that it can be made of.

Compiled code may also come with the package, in :data:`SHIPPED`: made once (`interest-streams
compile`) for a level of processors, read wherever the package is, and never written to.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast, overload

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba.core import config, event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

F = TypeVar("F", bound=Callable[..., Any])

#: Where compiled code lies that came with the package.
SHIPPED = Path(__file__).parent / "data" / "compiled"
_LEVEL = SHIPPED / "level"
#: Levels of processors that code is compiled for to run elsewhere, each with what is needed, in
#: LLVM's words: the third of the x86-64 psABI, and what every processor of an architecture has.
LEVELS: Mapping[str, frozenset[str]] = {
    "x86-64-v3": frozenset(
        ("cx16", "sahf", "popcnt", "ssse3", "sse4.2")
        + ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
    ),
    "generic": frozenset(),
}


def _aim() -> None:
    """Compile for the level that code was shipped for, if this processor has it, or that is named.

    Beside a name (NUMBA_CPU_NAME) Numba asks what this very processor can do, and then knows
    nothing again that was compiled on a machine that can do something else: a level is all.
    """
    aim = vars(config)
    if aim["CPU_NAME"] is None and _LEVEL.exists():
        level = _LEVEL.read_text().strip()
        can = {name for name, it_can in get_host_cpu_features().items() if it_can}
        if level in LEVELS and LEVELS[level] <= can:
            aim["CPU_NAME"] = level
    if aim["CPU_NAME"] is not None and aim["CPU_FEATURES"] is None:
        aim["CPU_FEATURES"] = ""


_aim()


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
    kept = options.pop("cache", True)
    options = {"nogil": True, **options, "nopython": True, "no_cfunc_wrapper": True}

    def decorate(function: F) -> F:
        if vars(config)["DISABLE_JIT"]:
            return function
        compiled = Kernel(function, targetoptions=options)
        if kept:
            vars(compiled)["_cache"] = _Kept(function)
            _KERNELS.append(compiled)
        return cast(F, compiled)

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


class Kernel(CPUDispatcher):
    """A function that Python calls, or other kernels, and is compiled for each by itself.

    What Python calls needs a wrapper that takes its arguments apart, and machine code. What only
    kernels call, nine of ten, needs neither, nor to be optimised before it is a part of theirs:
    a first start took twice the time with them, and the code ran no faster.
    """

    @cached_property
    def part(self) -> Any:
        """Stand for the function where kernels call it; made when one of them is compiled."""
        return _Part(self.py_func, targetoptions=self.targetoptions, pipeline_class=_Parts)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Compile it for a kernel that calls it, as numba's base class does for all."""
        return self.part.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        """Return what stands for the part of kernels, as numba's base class does for all."""
        return self.part.get_overload(sig)


class _Part(CPUDispatcher):
    """Compiles as far as kernels that call it need, as numba does for subroutines of its own.

    It is not kept on disk: what is kept of its callers holds it.
    """

    def __init__(self, py_func: Callable[..., Any], **options: Any) -> None:
        super().__init__(py_func, **options)
        vars(self)["_compiler"]._customize_flags = _for_kernels

    def add_overload(self, cres: Any) -> None:
        """Have kernels find it under an object that stands for it, for there is no address."""
        stands_for = object()
        self.targetctx.insert_user_function(stands_for, cres.fndesc, [cres.library])
        args = tuple(cres.signature.args)
        self.overloads[args] = cres._replace(entry_point=stands_for)


def _for_kernels(flags: Any) -> Any:
    flags.no_compile = flags.no_cpython_wrapper = True
    return flags


class _Parts(Compiler):
    """Numba's compiler, into a library that makes no machine code."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a function."""
        library: Any = _PartLibrary
        self.state.library = library(self.state.targetctx.codegen(), func.__qualname__)
        return cast(Any, super()).compile_extra(func)


class _PartLibrary(JITCodeLibrary):
    """What is linked into the libraries of other kernels, where it is optimised with them."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        library = cast(Any, self)
        library._finalize_dynamic_globals()
        library._verify_declare_only_symbols()
        library._finalized = True


class _Nowhere:
    """Stands for a folder to write to where there is none: what is shipped can still be read."""

    @classmethod
    def from_function(cls, *_: object) -> _Nowhere:
        return cls()

    def get_cache_path(self) -> str:
        return str(SHIPPED)

    def ensure_cache_path(self) -> None:
        raise OSError("no folder can be written to")

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return ""


class _KeptAs(CompileResultCacheImpl):
    """Names files so that a release reads none that another one wrote, nor writes over them."""

    _locator_classes: list[Any] = [*CompileResultCacheImpl._locator_classes, _Nowhere]

    def __init__(self, function: Callable[..., Any]) -> None:
        self.digest = sources_digest(function.__module__, Path(inspect.getfile(function)))
        python = sys.implementation.cache_tag  # what is pickled is another's in the next
        name = f"{function.__module__}.{function.__qualname__}"
        self.shipped_as = f"{name}.{python}-{self.digest}"
        super().__init__(function)  # type: ignore[no-untyped-call]  # numba's

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        base = cast(Any, super()).get_filename_base(fullname, abiflags)
        return f"{base}-{self.digest}"


class _Kept(FunctionCache):
    """Reads what was shipped, else what was compiled here earlier; keeps it where it can."""

    _impl_class = _KeptAs

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]  # numba's
        self._shipped = self._files(SHIPPED)

    def _files(self, folder: Path) -> Any:
        impl = vars(self)["_impl"]
        files: Any = IndexDataCacheFile
        return files(str(folder), impl.shipped_as, impl.digest)

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        numbas = cast(Any, self)
        if (data := self._shipped.load(numbas._index_key(sig, target_context.codegen()))) is None:
            return cast(Any, super())._load_overload(sig, target_context)
        return numbas._impl.rebuild(target_context, data)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; a disk that takes nothing costs the next start, not this one."""
        with suppress(OSError):
            cast(Any, super()).save_overload(sig, data)

    def ship(self, kernel: Any, folder: Path) -> int:
        """Write what a kernel was compiled to, or read from disk; returns for how many types."""
        numbas, files = cast(Any, self), self._files(folder)
        for sig in kernel.overloads:
            key = numbas._index_key(sig, kernel.targetctx.codegen())
            data = numbas._cache_file.load(key) or self._shipped.load(key)
            files.save(key, data)
        return len(kernel.overloads)


#: Every kernel that is kept on disk.
_KERNELS: list[Any] = []


def ship(folder: Path) -> int:
    """Write the code of all kernels that were called in this process, as :data:`SHIPPED` has it.

    Parameters
    ----------
    folder : Path
        Made if need be; what else it holds stays.

    Returns
    -------
    int
        Functions written, one for each combination of types.

    Raises
    ------
    OSError
        If it cannot be written, or one of them was kept nowhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: int = sum(vars(kernel)["_cache"].ship(kernel, folder) for kernel in _KERNELS)
    (folder / _LEVEL.name).write_text(f"{vars(config)['CPU_NAME']}\n")
    return written


@cache
def sources_digest(module: str, path: Path) -> str:
    """Digest of a module's source and of those that it takes something from, directly or not.

    Of the module's own package and this one; a change of any other file leaves it as it is.
    """
    tops = {name.partition(".")[0] for name in (module, __name__)}
    roots = {top: folder for top in tops if (folder := _folder(sys.modules.get(top)))}
    found: dict[str, str] = {}
    wanted = [(module, path)]
    while wanted:
        name, file = wanted.pop()
        if name in found:
            continue
        found[name], text = _read(file)
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for origin, those in _imports(text, package):
            wholes = [(f"{origin}.{it}", _file(f"{origin}.{it}", roots)) for it in those]
            wanted += [(whole, own) for whole, own in wholes if own]
            if (own := _file(origin, roots)) and not (wholes and all(own for _, own in wholes)):
                wanted.append((origin, own))
    parts = (f"{name} {digest}\n" for name, digest in sorted(found.items()))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _folder(package: Any) -> Path | None:
    file = getattr(package, "__file__", None)
    return Path(file).parent if file and Path(file).name == "__init__.py" else None


def _file(module: str, roots: Mapping[str, Path]) -> Path | None:
    top, *rest = module.split(".")
    if top not in roots:
        return None
    way = roots[top].joinpath(*rest)
    for file in (way / "__init__.py", way.with_suffix(".py")):
        if file.is_file():
            return file
    return None


@cache
def _read(path: Path) -> tuple[str, str]:
    source = path.read_bytes()
    return hashlib.sha256(source).hexdigest(), source.decode()


#: ``import a, b`` or ``from a import b, c``, the latter over several lines, too.
_IMPORT = re.compile(
    r"^[ \t]*(?:import ([^\n#]+)|from ([\w.]+) import (\([^)]*\)|[^\n#]+))", re.MULTILINE
)


def _imports(text: str, package: str) -> Iterator[tuple[str, list[str]]]:
    """Modules that a source imports, each with the names that it takes from it."""
    for plain, origin, those in _IMPORT.findall(text):
        for whole in plain.split(","):
            if whole.strip():
                yield whole.split()[0], []
        if origin:
            dots = len(origin) - len(origin.lstrip("."))
            above = package.split(".")[: 1 - dots or None] if dots else []
            names = re.sub(r"#[^\n]*", "", those)
            yield ".".join(filter(None, [*above, origin[dots:]])), re.findall(r"\w+", names)


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

#: ``numpy.uint64`` as an index. A signed one may count from the end, so LLVM copies byte by byte
#: what it cannot tell to be above 0: seven times as long as with these. Both sides of a sum have
#: to be one, for Numba adds a signed integer to an unsigned one as floats.
as_index: Callable[[Any], int] = cast(Callable[[Any], int], np.uint64)
