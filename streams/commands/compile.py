"""Runs ``interest-streams compile``: kernels compiled into the package, so that no start has to.

For an image or a wheel (`make wheel`), which start on other machines and may write nowhere there:
compiled for a level of processors, not for this one.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from streams.errors import ExitCode

NAME = "compile"
HELP = "compile the kernels into the package, so that no start has to"

_EXAMPLES = """examples:
  interest-streams compile                  as an image's last step, for processors since 2013
  interest-streams compile --cpu generic    for every processor of this architecture
  interest-streams compile --cpu native     for this machine alone"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--cpu",
        choices=("x86-64-v3", "generic", "native"),
        help="the processors that it is for (x86-64-v3, on other architectures generic)",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="another folder than the package's own"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Compile, or take from Numba's cache, what a worker calls."""
    assert "numba" not in sys.modules, "the compiler reads at its import what it compiles for"
    cpu = args.cpu or ("x86-64-v3" if platform.machine() == "x86_64" else "generic")
    if cpu == "native":
        os.environ.pop("NUMBA_CPU_NAME", None)
    else:
        os.environ["NUMBA_CPU_NAME"] = cpu
    from features.jit import SHIPPED, ship
    from streams.worker.wiring import warm_up

    warm_up()
    folder = args.into or SHIPPED
    print(f"{ship(folder)} functions for {cpu} in {folder}")
    return ExitCode.DONE
