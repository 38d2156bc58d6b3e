"""Make standard input the terminal of this session and become the program that is named.

Run as a file, by a bare Python that leads a new session. Only with a terminal of its own is a
program told of its size (SIGWINCH) and of its end (SIGHUP), and the second even when whoever
started it was killed.
"""

import fcntl
import os
import sys
import termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
