"""What the process sets for itself at its start: no core dump, and as many descriptors as it is allowed to have."""

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def leave_no_core() -> None:
    """Let the kernel write no core of this process, nor anybody but root look into its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def take_all_descriptors() -> None:
    """Raise the soft limit of open files to the hard one: it is low only for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
