"""What happened: rows, and the state machine that is fed with them."""
