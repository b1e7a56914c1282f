"""A disk that can be full: a file system of its own for some of the broker's partitions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_ROOM = "size=4g"  # of memory at the most, and only what is written


class SmallDisk:
    """A file system at a new folder.

    Attributes
    ----------
    there : bool
        Whether it could be had: that takes root's rights.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.there = os.geteuid() == 0 and self._mount(_ROOM)

    def fill(self) -> None:
        """Let it take no more bytes than there are on it."""
        used = shutil.disk_usage(self.folder).used
        assert self._mount(f"remount,size={used // 1024}k")

    def empty(self) -> None:
        """Give it room again."""
        assert self._mount(f"remount,{_ROOM}")

    def close(self) -> None:
        """Take it away."""
        if self.there:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, options: str) -> bool:
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
