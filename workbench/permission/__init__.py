"""Whether an effect may happen: pure decisions over facts."""
