"""Tells who is never spoken to, so that what contacts change can be known.

Two draws decide, each by a keyed hash of the account: one for everything, one for each interest.
They need no memory, are the same on every partition and after every restart, and nobody without
the key can tell or choose a draw. A whole household is one draw: it shares a screen.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_RANGE: Final = 1 << 64


class Holdout(StrEnum):
    """Groups that are not spoken to."""

    GLOBAL = "global"
    INTEREST = "interest"


@dataclass(frozen=True)
class Holdouts:
    """The draws of one deployment.

    Attributes
    ----------
    key : bytes
        Of the hash; another key is another draw.
    everything, interest : float
        Share of accounts that is in the group for everything, and in that of one interest.

    Raises
    ------
    ValueError
        Where a share is not one, or there is nothing to hash with.
    """

    key: bytes = field(repr=False)
    everything: float
    interest: float

    def __post_init__(self) -> None:
        for name in ("everything", "interest"):
            share = getattr(self, name)
            if not 0.0 <= share <= 0.5:
                raise ValueError(f"{name} = {share}: a share from 0 to 0.5")
        if (self.everything or self.interest) and len(self.key) < 16:
            raise ValueError("key: at least 16 bytes")

    def group(self, account: str, interest: str) -> Holdout | None:
        """Name the group that keeps an account from being spoken to about an interest."""
        if self.is_out(account):
            return Holdout.GLOBAL
        if self._drawn(f"interest\0{interest}\0{account}", self.interest):
            return Holdout.INTEREST
        return None

    @property
    def active(self) -> bool:
        """Whether anybody is held out."""
        return self.everything > 0 or self.interest > 0

    @property
    def fingerprint(self) -> str:
        """A few bits that tell draws apart, and tell nothing of the key; empty for none."""
        said = f"fingerprint\0{self.everything}\0{self.interest}".encode()
        return hmac.digest(self.key, said, hashlib.sha256).hex()[:8] if self.active else ""

    @property
    def salt(self) -> int:
        """64 bits for draws of kernels, which tell nothing of the key; 0 without one."""
        if not self.key:
            return 0
        return int.from_bytes(hmac.digest(self.key, b"exploring", hashlib.sha256)[:8], "big")

    def is_out(self, account: str) -> bool:
        """Whether an account is never spoken to about anything."""
        return self._drawn(f"everything\0{account}", self.everything)

    def propensity(self) -> float:
        """Probability that an account may be spoken to about an interest."""
        return (1.0 - self.everything) * (1.0 - self.interest)

    def _drawn(self, text: str, share: float) -> bool:
        if not share:
            return False
        drawn = hmac.new(self.key, f"holdout\0{text}".encode(), hashlib.sha256).digest()
        return int.from_bytes(drawn[:8], "big") < int(share * _RANGE)


#: Nobody is held out.
NO_HOLDOUTS: Final = Holdouts(b"", 0.0, 0.0)
