"""How much memory and disk the embedded PostgreSQL may use.

With the defaults of 128 MB and 1 GB, ingest falls to a fifth of its speed at ten million stored events: the indexes of
the idempotency keys no longer fit, and each checkpoint makes every page be written to the log whole once more.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

_MB = 1024 * 1024
_GB = 1024 * _MB


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """Bytes."""

    shared_buffers: int
    max_wal_size: int

    def as_options(self) -> dict[str, str]:
        """The two as PostgreSQL's settings, in whole megabytes."""
        return {
            "shared_buffers": f"{self.shared_buffers // _MB}MB",
            "max_wal_size": f"{self.max_wal_size // _MB}MB",
        }


def memory_settings(memory: int, free_disk: int) -> MemorySettings:
    """Settings for a machine with so many bytes of memory, and so many free on the disk of the data."""
    # A sixth: the services and the operating system's own cache of the same files want the rest. Measured: up to 4 GB
    # helps ten million events, and a larger cache makes each CREATE and DROP DATABASE search all of it.
    shared_buffers = max(128 * _MB, min(4 * _GB, memory // 6))
    # Four times the cache: a checkpoint is then made by the clock (5 minutes) and not by the volume of a busy ingest.
    # An eighth of the disk: the log may never be what fills it. PostgreSQL does not start below 32 MB (two segments).
    max_wal_size = max(32 * _MB, min(4 * shared_buffers, 16 * _GB, free_disk // 8))
    return MemorySettings(shared_buffers, max_wal_size)


def machine_settings(data: Path) -> MemorySettings:
    """Settings for this machine, or the container we are in, with the data in that folder."""
    return memory_settings(_memory(), shutil.disk_usage(data).free)


def _memory() -> int:
    total: int = psutil.virtual_memory().total
    try:
        # A container's limit (cgroup 2); "max" where there is none.
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return total
