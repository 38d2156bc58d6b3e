"""What a workflow is made of: effects, the verbs that make them, and patterns."""
