"""One file a threat: each lets the shipped program meet it, with a canary that must not act."""
