"""Agents as values: signatures, tools, prompts, and the turn as a workflow."""
