"""Compiles regular expressions to one table that decides a text in a step per byte.

The subset has what a table can do: literals, escapes of punctuation, classes, ``(?:...)``, ``|``,
``? * +``, ``{m}``, ``{m,}`` and ``{m,n}``; an expression means the whole text. Python and
ECMAScript read the same, so that a published schema may say it. Bytes outside ASCII belong to
negated classes only. Nothing steps back: a text costs its length, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Most states of a table; an expression that needs more is refused.
MOST_STATES: Final = 10_000
_MOST_REPEATS: Final = 64
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
_MOST_PARTS: Final = 20_000
_ALL: Final = frozenset(range(256))


class Automaton(NamedTuple):
    """A table: the next state by ``state + kind[byte]``, and the tags of each state.

    States are numbered by where their row begins. Row 0 is where every text begins, `dead` the
    state from which no text matches, -1 where there is none.
    """

    step: NDArray[np.uint32]
    kind: NDArray[np.uint32]
    tags: NDArray[np.uint8]  # by state // kinds
    kinds: int
    dead: int

    def tags_of(self, text: bytes) -> int:
        """Tags of the expressions that a text matches."""
        state, step, kind = 0, self.step.data, self.kind.data
        for byte in text:
            state = step[state + kind[byte]]
        return int(self.tags[state // self.kinds])


def compile_table(expressions: Mapping[str, int]) -> Automaton:
    """Make the table of some expressions.

    Parameters
    ----------
    expressions
        The tag, a bit or several, of each expression.

    Raises
    ------
    ValueError
        Where one is outside the subset, or they need too many states.
    """
    machine = _Machine()
    ends = [(*machine.add(_Reader(text).whole()), tag) for text, tag in expressions.items()]
    kind = machine.kinds()
    # A set of states is a number with a bit for each; those that need no byte are in it.
    reached = machine.reached()
    bytes_of = [int(np.flatnonzero(kind == k)[0]) for k in range(int(kind.max()) + 1)]
    ways = [
        [(k, reached[edge[1]]) for k, byte in enumerate(bytes_of) if edge and byte in edge[0]]
        for edge in machine.edges
    ]
    start = reduce(or_, (reached[first] for first, _, _ in ends), 0)
    numbers, todo, tags, rows = {start: 0}, [start], list[int](), list[list[int]]()
    for states in todo:
        tags.append(reduce(or_, (tag for _, last, tag in ends if states >> last & 1), 0))
        found = [0] * len(bytes_of)
        for state in _bits(states):
            for k, after in ways[state]:
                found[k] |= after
        row = []
        for after in found:
            row.append(numbers.setdefault(after, len(todo)))
            if row[-1] == len(todo):
                todo.append(after)
        rows.append(row)
        if len(todo) > MOST_STATES:
            raise ValueError(f"it needs more than {MOST_STATES} states")
    step = np.array(rows, np.uint32) * np.uint32(len(bytes_of))
    dead = numbers[0] * len(bytes_of) if 0 in numbers else -1
    return Automaton(step.ravel(), kind, np.array(tags, np.uint8), len(bytes_of), dead)


def _bits(number: int) -> Iterator[int]:
    """Yield the places of the bits of a number, from the least."""
    while number:
        least = number & -number
        yield least.bit_length() - 1
        number ^= least


def fewest_bits(expression: str) -> float:
    """Bits of the number of texts that an expression matches at its shortest."""
    table = compile_table({expression: 1})
    size = np.bincount(table.kind, minlength=table.kinds)
    ways = {0: 1}
    for _ in range(MOST_STATES):
        found = sum(n for state, n in ways.items() if table.tags[state // table.kinds])
        if found:
            return float(np.log2(float(found)))
        after: dict[int, int] = {}
        for state, n in ways.items():
            for k in range(table.kinds):
                to = int(table.step[state + k])
                after[to] = after.get(to, 0) + n * int(size[k])
        ways = after
    return 0.0


@dataclass(frozen=True)
class _Repeat:
    what: _Node
    least: int
    most: int | None


@dataclass(frozen=True)
class _Join:
    parts: tuple[_Node, ...]
    one_of: bool  # or one behind the other


_Node: TypeAlias = "frozenset[int] | _Repeat | _Join"


class _Reader:
    """Reads an expression."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def whole(self) -> _Node:
        found = self._either()
        if self._at < len(self._text):
            raise ValueError(f"{self._text[self._at]!r} is not expected at {self._at}")
        return found

    def _either(self) -> _Node:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return found[0] if len(found) == 1 else _Join(tuple(found), True)

    def _sequence(self) -> _Node:
        found: list[_Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            found.append(self._repeated(self._one()))
        return _Join(tuple(found), False)

    def _repeated(self, what: _Node) -> _Node:
        for sign, bounds in _SIGNS.items():
            if self._take(sign):
                return _Repeat(what, *bounds)
        if not self._take("{"):
            return what
        least = self._number()
        most: int | None = least
        if self._take(","):
            most = None if self._text[self._at : self._at + 1] == "}" else self._number()
        self._need("}")
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise ValueError(f"repetitions are 0 to {_MOST_REPEATS}, the lesser first")
        return _Repeat(what, least, most)

    def _one(self) -> _Node:
        if self._take("(?:"):
            found = self._either()
            self._need(")")
            return found
        if self._take("["):
            return self._class()
        if self._take("."):
            return _ALL - {ord("\n")}
        if self._text[self._at] in "()*+?{}^$":
            raise ValueError(f"{self._text[self._at]!r} is not expected at {self._at}")
        return self._char()

    def _class(self) -> frozenset[int]:
        negated, found = self._take("^"), set[int]()
        while not self._take("]"):
            first = self._char()
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 :][:1] != "]":
                self._at += 1
                first = frozenset(range(min(first), max(self._char()) + 1))
            found |= first
        return _ALL - found if negated else frozenset(found)

    def _char(self) -> frozenset[int]:
        char = self._next()
        if char == "\\":
            char = self._next()
            if char == "x":
                char = chr(int(self._next() + self._next(), 16))
            elif char.isalnum():
                raise ValueError(f"the escape \\{char} is unknown")
        if not char.isascii():
            raise ValueError(f"{char!r} is not ASCII")
        return frozenset([ord(char)])

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise ValueError("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _number(self) -> int:
        start = self._at
        while self._text[self._at : self._at + 1].isdecimal():
            self._at += 1
        return int(self._text[start : self._at])

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError(f"{sign!r} is missing at {self._at}")


class _Machine:
    """The states that a text may be in at once, by what leads from each to others."""

    def __init__(self) -> None:
        self.free: list[list[int]] = []  # without a byte
        self.edges: list[tuple[frozenset[int], int] | None] = []  # by one of some bytes

    def add(self, node: _Node) -> tuple[int, int]:
        """First and last state of what a node matches."""
        if isinstance(node, _Repeat):
            return self._repeat(node)
        first = self._state()
        if isinstance(node, frozenset):
            last = self._state()
            self.edges[first] = node, last
        elif node.one_of:
            last = self._state()
            for part in node.parts:
                begin, end = self.add(part)
                self.free[first].append(begin)
                self.free[end].append(last)
        else:
            last = first
            for part in node.parts:
                begin, end = self.add(part)
                self.free[last].append(begin)
                last = end
        return first, last

    def _repeat(self, node: _Repeat) -> tuple[int, int]:
        first = last = self._state()
        for _ in range(node.least):
            begin, end = self.add(node.what)
            self.free[last].append(begin)
            last = end
        out = self._state()
        self.free[last].append(out)
        for _ in range(1 if node.most is None else node.most - node.least):
            begin, end = self.add(node.what)
            self.free[last].append(begin)
            self.free[end].append(out)
            last = end
            if node.most is None:
                self.free[end].append(begin)
        return first, out

    def reached(self) -> list[int]:
        """By state, as bits, those that it leads to without a byte, itself included."""
        found = []
        for first in range(len(self.free)):
            seen, todo = {first}, [first]
            while todo:
                more = [state for state in self.free[todo.pop()] if state not in seen]
                seen.update(more)
                todo += more
            # Only what has an edge, or ends, tells one set from another.
            told = (s for s in seen if self.edges[s] is not None or not self.free[s])
            found.append(reduce(or_, (1 << state for state in told), 0))
        return found

    def kinds(self) -> NDArray[np.uint32]:
        """Number of each byte's kind: bytes that all edges treat alike are of one."""
        sets = {edge[0] for edge in self.edges if edge is not None}
        told = [tuple(byte in one for one in sets) for byte in range(256)]
        number = {sign: n for n, sign in enumerate(dict.fromkeys(told))}
        return np.array([number[sign] for sign in told], np.uint32)

    def _state(self) -> int:
        if len(self.free) >= _MOST_PARTS:
            raise ValueError("it is too long")
        self.free.append([])
        self.edges.append(None)
        return len(self.free) - 1
