"""The crash matrix: real processes, killed at every place where something becomes true."""
