"""Says what is asked of the words of facts; `features.privacy.words` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from features.records.readings import Reading, RightsKind
from features.vocabulary import Purpose


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

    def tells_of_child(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether the fields of an entry of the registry, by squeezed name, tell of a child."""

    def meant(self, values: Sequence[Any]) -> frozenset[Purpose]:
        """All purposes that values of the field mean where it is a refusal."""

    def names(self, field: str) -> Sequence[str]:
        """Squeezed names under which a field is looked for where it is absent."""

    def refuses(self, name: str, value: Any) -> bool:
        """Whether a field that is not of the contract refuses, by its squeezed name and value."""

    def refuses_use(self, name: str, value: Any) -> bool:
        """Whether a field that is named as a purpose refuses it, by its squeezed name and value."""

    def affirms(self, value: Any) -> bool:
        """Whether a flag says yes, or a time stands in its place."""
