"""Says which instance of a look-up service has an account, where each has a part of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from starlette.requests import Request

from streams.apps.lookup.problems import Problem, bad
from streams.kafka.partitioners import subject_partition


class Shards:
    """Instances that share the partitions: one has those whose number is its own modulo theirs.

    A household lies on one partition with all its members, so one instance has all of it.

    Parameters
    ----------
    addresses : sequence of str
        Of the instances, in the order of their numbers; none: each has everything.
    own : int
        Number of this one.
    partitions : int
        Of the topic of profiles.
    """

    def __init__(self, addresses: Sequence[str] = (), own: int = 0, partitions: int = 1) -> None:
        self._addresses, self._own, self._partitions = tuple(addresses), own, partitions

    @property
    def partitions(self) -> list[int] | None:
        """Those to read; None for all."""
        if not self._addresses:
            return None
        return list(range(self._own, self._partitions, len(self._addresses)))

    def elsewhere(self, account: str) -> str:
        """Address of the instance that has an account; empty where it is this one."""
        if not self._addresses:
            return ""
        number = subject_partition(account, self._partitions) % len(self._addresses)
        return "" if number == self._own else self._addresses[number]

    def need(self, accounts: Iterable[str], request: Request) -> None:
        """Send a request on to the instance that has its accounts.

        Raises
        ------
        Problem
            307 with its address where that is another; 400 where no single one has them all.
        """
        found = {self.elsewhere(account) for account in accounts}
        if len(found) > 1:
            raise bad("No single instance has all these accounts; ask for each alone.", "elsewhere")
        if address := found.pop():
            path, query = request.scope["raw_path"], request.scope["query_string"]
            asked = path + (b"?" + query if query else b"")
            raise Problem(
                HTTPStatus.TEMPORARY_REDIRECT,
                "elsewhere",
                "Another instance has this account; the token goes there, too.",
                {"Location": address + asked.decode("ascii")},
            )
