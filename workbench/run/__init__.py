"""The async core: the shell of the drive, the gate, hooks, budgets, interrupts."""
