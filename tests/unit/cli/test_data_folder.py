"""One owner per data folder."""

import os
import shutil
from pathlib import Path

import pytest

from cli.data_folder import FolderLock
from cli.errors import PlatformError


def test_the_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = FolderLock(tmp_path / "data")
    first.acquire()
    with pytest.raises(PlatformError, match=f"in use by process {os.getpid()}. Stop that one first"):
        FolderLock(tmp_path / "data").acquire()
    first.release()


def test_a_released_folder_is_free(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    first.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_folder_deleted_under_its_owner_is_a_sentence(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "data")
    lock.acquire()
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(PlatformError, match="was deleted while it was in use"):
        lock.acquire()
    lock.release()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="cannot be written"):
        FolderLock(tmp_path / "file" / "data").acquire()
