"""Runs one program that is not ours, and ends whatever it leaves behind: a program of its own, for `processes.py`.

`python -I -S hook_supervisor.py PARENT UID GID LARGEST_FILE PROGRAM ARGUMENT…`

It is the nearest subreaper of all that the program starts (PR_SET_CHILD_SUBREAPER of prctl(2)): who forks twice, leaves
its session and forgets its environment becomes our child once its parent has ended. So killing our children until we
have none ends everything, however deep.

- SIGUSR1 says that the output has ended: once the program itself has, the rest is ended too.
- SIGTERM says that its time is over; the kernel sends it as well where PARENT, the daemon, is killed.

It ends with the program's status, 128 + n where signal n ended that. Where it cannot be started, SIGUSR2 ends us, and
our output is the number of the error. Nothing but the standard library, as it is not to take long; and nothing that
would be imported later, for the user that we become may not be let read it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITIES = 41
"""capabilities(7), to CAP_CHECKPOINT_RESTORE."""
MORE_TASKS = 256
"""Processes and threads that its user may have beside those that it has (RLIMIT_NPROC): one that forks without end
leaves the service some of its own (TasksMax). Root is not held to it."""
AGAIN_SECONDS = 0.02
"""After which what our children left behind is looked for again, should none of them have ended."""
HEARD = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM)

_libc = ctypes.CDLL(None, use_errno=True)


def confine(user: tuple[int, int], largest_file: int) -> None:
    """Nothing of what our parent may do goes along, and no file fills the disk. Only root can choose a user."""
    if os.geteuid() == 0 != user[0]:
        os.setgroups([])
        os.setresgid(user[1], user[1], user[1])
        os.setresuid(user[0], user[0], user[0])
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(_CAPABILITIES):
        _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # only where we are root, which would have them all again
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most, (_, hard) = tasks_of(user[0]) + MORE_TASKS, resource.getrlimit(resource.RLIMIT_NPROC)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def tasks_of(user: int) -> int:
    """Processes and threads of a user, as far as we see them."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += len([*(process / "task").iterdir()]) if process.stat().st_uid == user else 0
    return found


def end_with(parent: int) -> None:
    """Hear SIGTERM when our parent ends, or has ended. After `confine`: another user has not asked for it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def start(command: list[str]) -> int:
    """Its process. Ends us where it cannot be started."""
    told, tell = os.pipe()  # closed by execve(2), else the error is written into it
    pid = os.fork()
    if pid == 0:
        try:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.setsid()
            for each in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            os.execv(command[0], command)  # noqa: S606 - no shell is what we want
        except OSError as error:
            os.write(tell, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(tell)
    if failed := os.read(told, 16):
        os.write(1, failed)
        os.kill(os.getpid(), signal.SIGUSR2)
    os.close(told)
    return pid


def let_go() -> None:
    """Hold none of the program's input and output open."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def reap(program: int) -> tuple[int | None, bool]:
    """The program's status, if it is among those that have ended, and whether any of our children are left."""
    status = None
    while True:
        try:
            pid, how = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status, False
        if pid == 0:
            return status, True
        if pid == program:
            code = os.waitstatus_to_exitcode(how)
            status = code if code >= 0 else 128 - code


def watch(program: int) -> int | None:
    """Until nobody is left, or the rest is to be ended: the program's status, None where it runs still."""
    status, over = None, False
    while True:
        heard = signal.sigwait(HEARD)
        over = over or heard == signal.SIGUSR1
        ended, left = reap(program)
        status = ended if status is None else status
        if heard == signal.SIGTERM or not left or (over and status is not None):
            return status


def end_all(program: int) -> int | None:
    """Kill our children until there are none: those of whom we kill are ours next. The program's status, if new."""
    status = None
    while True:
        for pid in children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended, left = reap(program)
        status = ended if status is None else status
        if not left:
            return status
        signal.sigtimedwait((signal.SIGCHLD,), AGAIN_SECONDS)


def children() -> list[int]:
    """Of our one thread (proc(5), CONFIG_PROC_CHILDREN; else whoever names us as its parent)."""
    try:
        return [int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_bytes().split()]
    except OSError:
        return [int(each.name) for each in Path("/proc").glob("[0-9]*") if _parent(each) == os.getpid()]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def main(parent: int, user: tuple[int, int], largest_file: int, command: list[str]) -> int:
    """The program's status, nothing of it being left."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    confine(user, largest_file)
    end_with(parent)
    program = start(command)
    let_go()
    status = watch(program)
    later = end_all(program)
    return next((each for each in (status, later) if each is not None), 1)


if __name__ == "__main__":
    _parent_pid, _uid, _gid, _largest = map(int, sys.argv[1:5])
    os._exit(main(_parent_pid, (_uid, _gid), _largest, sys.argv[5:]))
