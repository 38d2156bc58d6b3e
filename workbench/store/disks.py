"""What kind of disk a folder is on: locks between machines are not to be relied on.

On a network disk the kernel's lock may hold for one machine only, and then two of them would both
drive a run. Found out from the mounts, so on Linux only; elsewhere nobody knows.
"""

from __future__ import annotations

import os
from pathlib import Path

_NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.glusterfs", "fuse.s3fs",
        "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
        "orangefs", "smb3", "smbfs",
    }
)  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")


def network_type(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the network disk a folder is on; empty for a disk of this machine.

    Args:
        folder: an existing one.
        mounts: the kernel's list of mounts.
    """
    device = os.stat(folder).st_dev  # noqa: PTH116 - the number alone is wanted
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split(" ")[2:3] == [wanted]:
            kind = after.partition(" ")[0]
            return kind if kind in _NETWORK else ""
    return ""
