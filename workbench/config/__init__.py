"""Settings, where they come from, where things are kept, and whom the user trusts."""

from workbench.config.layers import load
from workbench.config.settings import Config, LiteLlm, Ollama

__all__ = ["Config", "LiteLlm", "Ollama", "load"]
