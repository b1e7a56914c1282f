"""Finds the members of an account whose names end alike, but for case and separators."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.jit import as_int, bare
from features.state.layout import Keys, Subjects

#: Letters and digits in lower case, 0 for all that does not tell names apart.
_TOLD: Final = np.array(
    [ord(chr(b).lower()) if chr(b).isalnum() or b > 127 else 0 for b in range(256)], np.uint8
)


@bare
def next_ending(subjects: Subjects, keys: Keys, sid: int, end: Any) -> int:
    """The next member of an account, behind `sid`, whose name ends as `end`; -1 if none does.

    Parameters
    ----------
    end : ndarray of uint8
        As `features.privacy.spelling.letters` writes it.
    """
    account = subjects.account[sid]
    skipped = as_int(subjects.key_len[account]) + 1
    sid = as_int(subjects.sibling[sid])
    while sid >= 0:
        at = as_int(subjects.key_at[sid])
        left = end.shape[0]
        p = at + as_int(subjects.key_len[sid]) - 1
        while left > 0 and p >= at + skipped:
            told = _TOLD[keys.text[p]]
            if told != 0:
                if end[left - 1] != told:
                    break
                left -= 1
            p -= 1
        if left == 0:
            return sid
        sid = as_int(subjects.sibling[sid])
    return -1
