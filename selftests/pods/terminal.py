# SPDX-License-Identifier: GPL-2.0-or-later
# terminal.py [--raw] TEXT COMMAND...: run COMMAND on a terminal, type TEXT at the first
# output that ends in "$ " or after some silence, print all that it wrote and the exit
# status. With --raw TEXT is typed as soon as COMMAND takes single keys.
import os
import pty
import select
import sys
import termios
import time

at_raw = sys.argv[1] == "--raw"
del sys.argv[1:1 + at_raw]
text, command = sys.argv[1].encode().decode("unicode_escape"), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
out, typed, end = b"", False, time.time() + 60
while time.time() < end:
    if not select.select([fd], [], [], 0.1 if at_raw and not typed else 5)[0]:
        if not typed and not (at_raw and termios.tcgetattr(fd)[3] & termios.ICANON):
            os.write(fd, text.encode("latin-1"))
            typed = True
        continue
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    out += data
    if not typed and out.endswith(b"$ "):
        os.write(fd, text.encode("latin-1"))
        typed = True
sys.stdout.write(out.decode(errors="replace").replace("\r", ""))
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
