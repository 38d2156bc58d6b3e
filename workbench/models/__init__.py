"""Where answers come from: Ollama, litellm, a playbook, a recording."""
