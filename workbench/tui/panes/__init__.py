"""The panes of the workbench screen, one file each."""
