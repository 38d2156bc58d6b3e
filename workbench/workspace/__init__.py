"""Working copies: the folders that runs work in, one writer at a time, and what they held.

Before an effect of which nobody can say which files it will change (a command that is not proven
to read only, an MCP server, a user's tool that declares that it writes, deletes, runs or talks)
the tree is snapshotted into a git repository of our own in the state folder; afterwards again,
and what differs becomes ``file.changed`` rows. File tools need none: they keep what they replace.

The user's ``.git`` is never written, and nothing of it is executed: git runs with a folder and an
index of ours, no system or user configuration, no hooks, no attributes, no filters, no fsmonitor.
Of the user's repository only ``HEAD``, ``info/exclude`` and the index's list of names are read.

Limits, all of which rows and previews say where they bite:

- Files that ``.gitignore`` (or ``.git/info/exclude``) ignores and that the user's own repository
  does not track are in no snapshot. The user's global ignore file is not read.
- Files whose names are known for secrets (``.env``, keys, credentials: see
  `workbench.permission.paths`) are never copied, neither into snapshots nor by file tools.
- Files over 16 MiB are not kept. Nor are sockets, FIFOs and devices. Links are kept as links in
  snapshots and in copies; restore does not touch them.
- A tree of more than 50,000 files, of more than 1 GiB of new content, or whose listing takes more
  than 20 s gets no snapshot; the row says so, and the request for approval does beforehand.
- Nested repositories and submodules are left out whole, and the state folder is.
- Of a file's mode a snapshot keeps whether it can be executed; owners, times, extended
  attributes and empty folders are not kept.
- A file that is changed in place, to the same size, and given its old time back within the second
  of the snapshot before looks unchanged to git.
- An effect that was killed has no snapshot after it: what it changed is then not known, is listed
  as such, and is not taken back by a restore.
- What a Python function does that declares no deed (``act="compute"``, the default) is not seen,
  and it does not wait for its turn.
- Without git there are no snapshots; file tools keep what they replace all the same.
- A fork's own copy holds what a snapshot holds: no ``.git``, no ignored files.
"""
