"""All kinds of fault, in the order of the page."""

from __future__ import annotations

from . import caches, clocks, disks, extras, forks, interrupts, memory, threads, workers
from .kinds import Kind

RUNS = 50  # of each kind
KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (memory, interrupts, workers, caches, extras, forks, threads, disks, clocks)
}
