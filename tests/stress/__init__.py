"""The store under stress: ``python -m tests.stress damage|full|soak``; CI runs a small part."""
