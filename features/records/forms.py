"""Defines the parts of the table of inputs: forms of fields, fields, sources of events.

Only the standard library is imported here, for contracts and commands read the table too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, TypeAlias

from features.records.identifiers import DEFAULT_IDS
from features.vocabulary import KeyPrefix, Refusal, Source

# Classes of characters, as regular expressions write them.
NO_CONTROL: Final = r"[^\x00-\x1f\x7f]"
PRINTABLE: Final = "[ -~]"
CAPITAL: Final = "[A-Z]"
SNAKE: Final = "[a-z_]"
IAB_ID: Final = "[A-Za-z0-9_-]"


@dataclass(frozen=True)
class Text:
    """A text of `shortest` to `longest` characters, each of a class.

    Where it is `kept` or told to somebody, it must not hold a number or an address of a person.
    """

    longest: int
    shortest: int = 1
    charset: str = NO_CONTROL
    kept: bool = False

    @cached_property
    def pattern(self) -> str:
        """Regular expression of the whole text."""
        return f"{self.charset}*"


@dataclass(frozen=True)
class Pseudonym:
    """A pseudonym: what looks like the number or the address of a person or a device is none."""

    longest: ClassVar[int] = 64
    shortest: ClassVar[int] = 1
    #: Of the ids that are taken by default. An IBAN is none, which no pattern can express.
    pattern: ClassVar[str] = DEFAULT_IDS


@dataclass(frozen=True)
class Host:
    """A host name or address with its port, if any; the groups are what is kept of it."""

    longest: ClassVar[int] = 253
    shortest: ClassVar[int] = 1
    #: A name or IPv4 address less one trailing dot; or IPv6, in brackets where a port follows.
    pattern: ClassVar[str] = (
        r"(?:([A-Za-z0-9_][A-Za-z0-9_.-]*?)\.?(?::[0-9]{1,5})?"
        r"|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
        r"|([0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*))"
    )


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int
    reason: Refusal = Refusal.RANGE


@dataclass(frozen=True)
class Flag:
    """True or false."""


@dataclass(frozen=True)
class Chance:
    """A probability above 0."""


Form: TypeAlias = Text | Pseudonym | Host | Choice | Whole | Flag | Chance


@dataclass(frozen=True)
class Field:
    """One field: its name, form, meaning, and whether a record must have it."""

    name: str
    form: Form
    about: str
    required: bool = False


@dataclass(frozen=True)
class Mode:
    """The least evidence for an interest that an event of a mode gives.

    Attributes
    ----------
    least : float
        Engagement, 0 to 1, however little time or data it took.
    timed : bool
        Whether that needs some time at all.
    """

    word: str
    least: float
    timed: bool = False


@dataclass(frozen=True)
class Input:
    """One source of events.

    Attributes
    ----------
    name : str
        As profiles and metrics call it.
    topic, title, about : str
        The topic, what one of its records is, and what they all are.
    source : Source
        What its evidence is kept under in a row, which keeps three apart.
    fields : tuple of Field
        Beside `COMMON`.
    contents : tuple of (KeyPrefix, str)
        The field that names the content, and the one used where that is absent or has no tags.
    mode : str
        Field of the mode, "" for none.
    modes : tuple of Mode
        Words that are evidence by themselves.
    other : float
        Least evidence of a mode of any other word.
    attention, length : str
        Fields of the time given to a content and of its full length, ms.
    size : tuple of str
        Fields of bytes, which are added.
    """

    name: str
    topic: str
    title: str
    about: str
    source: Source
    fields: tuple[Field, ...]
    contents: tuple[tuple[KeyPrefix, str], ...]
    mode: str = ""
    modes: tuple[Mode, ...] = ()
    other: float = 0.0
    attention: str = ""
    length: str = ""
    size: tuple[str, ...] = ()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Modes by their number; every other word is one more."""
        form = next((field.form for field in self.fields if field.name == self.mode), None)
        return form.words if isinstance(form, Choice) else tuple(mode.word for mode in self.modes)

    @property
    def least(self) -> tuple[tuple[float, float], ...]:
        """Least evidence of an event, by number of the mode: without time, and with some."""
        own = {mode.word: (0.0 if mode.timed else mode.least, mode.least) for mode in self.modes}
        other = self.other, self.other
        return (*(own.get(word, other) for word in self.words), other)
