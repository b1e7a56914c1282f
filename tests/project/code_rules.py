"""Rules about the code inside a module, checked on syntax trees: purity, sizes, laws."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping

from tests.project.architecture import Violation

#: Calls on `datetime`, `date` or `numpy` that read the clock or an unseeded source.
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})
SEEDED = frozenset({"Random", "default_rng", "RandomState", "SeedSequence"})

#: Clients of Kafka, and the rooms that build them; Faust has clients of its own.
CLIENTS = frozenset({"Consumer", "Producer", "AdminClient"})
BUILD_CLIENTS = ("streams.kafka.", "streams.apps.")

LINE_LENGTH = 100
MODULE_LINES = 300
MODULE_LINES_HARD = 400
MODULES_BETWEEN = 0.1  # share of modules that may lie between the two
FUNCTION_LINES = 60  # without the docstring

#: Public names that stand in more than one module: always read with their module's name
#: (`taxonomy.load`, `keys.parse`), and the same verb for the same kind of thing everywhere.
REPEATED = frozenset(
    "add_arguments check decode load measure pack parse plan read run".split()
    + ["unpack", "warm_up"]
)

#: A first line that asks, where it should say what the thing does.
_QUESTION = re.compile(r"(What|Who|Whom|Whose|Which|How|Where|When|Why|Is|Are|Has|Will)\b")

_TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore")
_TYPE_IGNORE_EXPLAINED = re.compile(r"# type: ignore\[[\w, -]+\]  # \S")


def check(sources: Mapping[str, str]) -> list[Violation]:
    """Every violation in the sources, in order of module and line."""
    found: list[Violation] = []
    for module, text in sources.items():
        tree = ast.parse(text, module)
        found += _sizes(module, text, tree)
        if module.endswith("__init__"):
            found += _law(module, tree)
        if module.startswith(("features", "streams")):
            found += _first_lines(module, tree)
        if module.startswith("features"):
            found += _purity(module, tree)
        if module.startswith("streams") and not module.startswith(BUILD_CLIENTS):
            found += _clients(module, tree)
    return sorted([*found, *_lengths(sources), *_twins(sources)])


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
            yield Violation(
                module, node.lineno, "pure", f"{call}() reads the clock; time is an argument"
            )
        elif last in SEEDED and not node.args and not node.keywords:
            yield Violation(module, node.lineno, "pure", f"{call}() without a seed")
        elif re.fullmatch(r"(random|np\.random|numpy\.random)\.\w+", call) and last not in SEEDED:
            yield Violation(
                module,
                node.lineno,
                "pure",
                f"{call}() uses the shared generator; make one from a seed",
            )


def _clients(module: str, tree: ast.Module) -> Iterator[Violation]:
    """A client of Kafka is configured where all are, so that they can be compared."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in CLIENTS:
            yield Violation(
                module, node.lineno, "clients", "streams.kafka.clients builds them, by role"
            )


def _sizes(module: str, text: str, tree: ast.Module) -> Iterator[Violation]:
    lines = text.splitlines()
    if len(lines) > MODULE_LINES_HARD:
        yield Violation(module, 0, "size", f"{len(lines)} lines, at most {MODULE_LINES_HARD}")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH:
            yield Violation(module, number, "size", f"{len(line)} columns, at most {LINE_LENGTH}")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if (
            token.type == tokenize.COMMENT
            and _TYPE_IGNORE.match(token.string)
            and not _TYPE_IGNORE_EXPLAINED.match(token.string)
        ):
            yield Violation(
                module, token.start[0], "type-ignore", "write '# type: ignore[code]  # why'"
            )
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if length > FUNCTION_LINES:
                yield Violation(
                    module,
                    node.lineno,
                    "size",
                    f"{node.name} has {length} lines, at most {FUNCTION_LINES}",
                )


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def _lengths(sources: Mapping[str, str]) -> Iterator[Violation]:
    long = [name for name, text in sources.items() if len(text.splitlines()) > MODULE_LINES]
    if len(long) > max(1, MODULES_BETWEEN * len(sources)):
        for name in long:
            yield Violation(
                name,
                0,
                "size",
                f"one of {len(long)} modules over {MODULE_LINES} "
                f"lines, at most {MODULES_BETWEEN:.0%} may be",
            )


def _first_lines(module: str, tree: ast.Module) -> Iterator[Violation]:
    """What something does, as a sentence, to somebody who has not read the rest."""
    first = (ast.get_docstring(tree) or ".").partition("\n")[0]
    if not first.endswith((".", ":")):
        yield Violation(module, 1, "first-line", "the module's first line is a whole sentence")
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if getattr(node, "name", "").startswith("_"):
            continue
        if question := _QUESTION.match(ast.get_docstring(node) or ""):
            line = getattr(node, "lineno", 1)
            yield Violation(module, line, "first-line", f"say what it does, not {question[0]!r}")


def _twins(sources: Mapping[str, str]) -> Iterator[Violation]:
    """A public name means one thing in the two packages, so that it can be searched for."""
    first: dict[str, str] = {}
    for module, text in sources.items():
        if not module.startswith(("features", "streams")):
            continue
        for node in ast.parse(text, module).body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if node.name.startswith("_") or node.name in REPEATED:
                continue
            if first.setdefault(node.name, module) != module:
                yield Violation(
                    module, node.lineno, "unique", f"{node.name} stands in {first[node.name]} too"
                )


def _law(module: str, tree: ast.Module) -> Iterator[Violation]:
    text = ast.get_docstring(tree) or ""
    if not text.partition("\n")[0].endswith((".", ":")):
        yield Violation(module, 0, "law", "the docstring says in a sentence what comes out here")
    elif not module.startswith("tests.") and "Law of the folder:" not in text:
        yield Violation(module, 0, "law", "the docstring has a 'Law of the folder:'")
