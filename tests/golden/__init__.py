"""Golden runs: runs of each release, kept as they were, that every later version must replay."""
