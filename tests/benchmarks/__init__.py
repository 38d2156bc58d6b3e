"""Benchmarks: what the workbench costs, against what the same work costs without it.

Never asserted in tests: a number depends on the machine. ``python -m tests.benchmarks`` prints
them with their targets; ``--json`` prints one object a line for whoever keeps a history.
"""
