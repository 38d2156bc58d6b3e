"""Kernel locks on files: taken without waiting, and known to be of the file that has the name.

A lock is on an inode. Whoever puts another file in a lock's place leaves the old one locking what
nobody finds any more, so after locking one asks whether the name still leads there.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def lock_now(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """Take the lock (exclusive, or shared) if it is free."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def names(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to the file that is open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
