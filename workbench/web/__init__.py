"""The screen in a browser: `kaizen-tui serve --web`.

A page is a terminal, and each page has a process of its own that runs the very screen a terminal
runs, on a pseudo-terminal. So nothing of the screen knows of browsers: a closed page is a closed
terminal. The browser's half (a terminal emulator, its style and font) is what textual-serve ships;
its server is not used, because it starts commands through a shell and lets everybody in.
"""
