"""Headers say the times of profiles as numpy writes them, a day at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.records.inputs import TS_END
from streams.contract.headers import times


@given(st.lists(st.integers(0, TS_END - 1) | st.integers(0, 3 * 86_400_000), max_size=20))
def test_times_are_those_of_numpy(epoch_ms: list[int]) -> None:
    moments = np.array(epoch_ms, "M8[ms]")
    assert times(epoch_ms) == np.datetime_as_string(moments, timezone="UTC").astype("S").tolist()
