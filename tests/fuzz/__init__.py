"""Text thrown at everything that reads a stranger's: ``python -m tests.fuzz --minutes N``."""
