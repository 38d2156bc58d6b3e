"""The command language: headless runs and line mode."""
