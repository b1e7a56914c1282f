"""Says which device a record is of: of those that were accepted, and of those that were refused."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from features.records.fields import load
from features.records.hash_kernel import hash_text

#: Hashes of an account and of its device.
Device = tuple[int, int]


def devices_of(records: NDArray[Any]) -> list[Device]:
    """The device of each record of `features.records.batch.EVENT`; 0 where it names none."""
    accounts, devices = records["account_hash"].tolist(), records["device_hash"].tolist()
    return list(zip(accounts, devices, strict=True))


def refused_device(value: bytes) -> tuple[Device, int] | None:
    """Device and time, ms, of a record that is in form; None where it names no device."""
    fields = load(value, len(value))
    device = fields.get("device_id")
    if not device:
        return None
    hashes = hash_text(fields["account_id"].encode()), hash_text(device.encode())
    return hashes, int(fields["ts"])
