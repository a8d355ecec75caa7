"""The embedded PostgreSQL takes what the machine can spare."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.embedded.postgres_memory import MemorySettings, machine_settings, memory_settings

MB = 1024**2
GB = 1024**3


@pytest.mark.parametrize(
    ("memory", "free_disk", "expected"),
    [
        pytest.param(24 * GB, 500 * GB, MemorySettings(4 * GB, 16 * GB), id="a workstation"),
        pytest.param(6 * GB, 500 * GB, MemorySettings(1 * GB, 4 * GB), id="a small machine"),
        pytest.param(24 * GB, 16 * GB, MemorySettings(4 * GB, 2 * GB), id="a small disk"),
        pytest.param(256 * MB, 0, MemorySettings(128 * MB, 32 * MB), id="next to nothing"),
    ],
)
def test_settings_follow_memory_and_disk(memory: int, free_disk: int, expected: MemorySettings) -> None:
    assert memory_settings(memory, free_disk) == expected


@given(st.integers(512 * MB, 10_000 * GB), st.integers(0, 100_000 * GB))
def test_settings_leave_room_for_others(memory: int, free_disk: int) -> None:
    settings = memory_settings(memory, free_disk)
    assert 128 * MB <= settings.shared_buffers <= max(128 * MB, min(memory // 6, 4 * GB))
    assert 32 * MB <= settings.max_wal_size <= max(32 * MB, min(free_disk // 8, 16 * GB))


def test_options_are_whole_megabytes() -> None:
    assert MemorySettings(128 * MB + 1, GB).as_options() == {"shared_buffers": "128MB", "max_wal_size": "1024MB"}


def test_this_machine_has_settings(tmp_path: Path) -> None:
    assert machine_settings(tmp_path).shared_buffers >= 128 * MB
