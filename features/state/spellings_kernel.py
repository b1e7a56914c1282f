"""Finds the members of an account whose names differ in spelling alone: case and separators."""

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
def next_alike(subjects: Subjects, keys: Keys, sid: int, name: Any) -> int:
    """The next member of an account who is spelled as `name` is, behind `sid`; -1 if none is.

    Parameters
    ----------
    name : ndarray of uint8
        As `features.privacy.kin.spelled` writes it.
    """
    account = subjects.account[sid]
    skipped = as_int(subjects.key_len[account]) + 1
    sid = as_int(subjects.sibling[sid])
    while sid >= 0:
        at = as_int(subjects.key_at[sid])
        same = 0
        for p in range(at + skipped, at + as_int(subjects.key_len[sid])):
            told = _TOLD[keys.text[p]]
            if told != 0:
                if same >= name.shape[0] or name[same] != told:
                    same = -1
                    break
                same += 1
        if same == name.shape[0]:
            return sid
        sid = as_int(subjects.sibling[sid])
    return -1
