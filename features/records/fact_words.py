"""Says what is asked of the words of facts; `features.privacy.words` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from features.records.readings import Reading, RightsKind
from features.vocabulary import Purpose, Reply


class Vocabulary(Protocol):
    """The meaning of the words of a fact; `features.privacy.words` is the one there is."""

    def kind(self, value: Any) -> RightsKind:
        """The meaning of a value of ``kind``."""

    def is_misspelt(self, value: Any) -> bool:
        """Whether a value of ``kind`` that is not known may be one of rights, misspelt."""

    def read(
        self, statuses: Sequence[Any], purposes: Sequence[Any], ends: Sequence[Any], ts: int | None
    ) -> Reading:
        """Read what a fact about consent says, by the values of its fields and its own time."""

    def tells_of_child(
        self, fields: Mapping[str, Sequence[Any]], ts: int | None, *, by_name: bool = False
    ) -> bool:
        """Whether the fields of an entry of the registry, by squeezed name, tell of a child.

        With `by_name` by what they are named alone, as in a fact that is about something else.
        """

    def meant(self, values: Sequence[Any]) -> frozenset[Purpose]:
        """All purposes that values of the field mean where it is a refusal."""

    def names(self, field: str) -> Sequence[str]:
        """Squeezed names under which a field is looked for where it is absent."""

    def refuses(self, name: str, value: Any) -> bool:
        """Whether a field that is not of the contract refuses, by its squeezed name and value."""

    def refuses_use(self, name: str, value: Any) -> bool:
        """Whether a field that is named as a purpose refuses it, by its squeezed name and value."""

    def refuses_permission(self, name: str, value: Any) -> bool:
        """Whether a field refuses that speaks of permission whatever the fact is about."""

    def refuses_listed(self, name: str, value: Any) -> bool:
        """Whether a value is one of our purposes, in a field of what is refused."""

    def names_refused(self, name: str) -> bool:
        """Whether a squeezed name says that what stands in it is refused: ``opt_outs``."""

    def names_article(self, name: str, value: Any) -> bool:
        """Whether a field names an article of law by which somebody may refuse."""

    def says_refused(self, value: Any) -> bool:
        """Whether a value speaks of permission, and that it is refused: ``withdraw consent``."""

    def is_signal(self, name: str) -> bool:
        """Whether a squeezed name is that of a signal not to be followed: ``gpc``, ``dnt``."""

    def sets_signal(self, name: str, value: Any) -> bool:
        """Whether a field of a squeezed name is a signal, and its value sets it."""

    def says_signal(self, name: str, value: Any) -> bool:
        """Whether a value names a signal, by the squeezed name of its field: ``list: robinson``."""

    def forbids_something(self, name: str, value: Any) -> bool:
        """Whether a field forbids what is not known to be technical: ``visits_allowed: false``."""

    def is_off(self, value: Any) -> bool:
        """Whether a value says that a signal is not set."""

    def refuses_in_words(self, value: Any) -> bool:
        """Whether a text plainly says not to be profiled, or to be forgotten."""

    def came_by(self, value: Any) -> bool:
        """Whether a channel or an app is one by which a grant came, and no bound of it."""

    def is_use(self, value: Any) -> bool:
        """Whether a value is the term of one of our purposes."""

    def purposes_in(self, name: str) -> frozenset[Purpose]:
        """The purposes that the squeezed name of a field has in it."""

    def bounds(self, field: str, name: str) -> bool:
        """Whether a squeezed name is one of what bounds a grant, in place of a field's own."""

    def is_child_word(self, value: Any) -> bool:
        """Whether a value is a word for a child."""

    def is_kind_of_child(self, value: Any) -> bool:
        """Whether a kind says by itself that somebody is a child: ``parental_control``."""

    def names_child(self, name: str) -> bool:
        """Whether what stands in a field of a squeezed name may be the id of a child."""

    def is_set_for_child(self, value: Any) -> bool:
        """Whether a value says that what parents set for a child is on, or may be."""

    def may_be_open(self, value: Any) -> bool:
        """Whether a care case of a status may be an open one."""

    def may_dislike(self, value: Any) -> bool:
        """Whether an opinion may be a dislike."""

    def annoyance(self, value: Any) -> Reply | None:
        """The answer of somebody who doesn't want to be spoken to; None for any other."""

    def affirms(self, value: Any) -> bool:
        """Whether a flag says yes, or a time stands in its place."""
