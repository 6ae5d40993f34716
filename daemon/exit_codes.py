"""Exit codes of the daemon and of its commands: those of ``sysexits.h`` from 64 up, our own below."""

DONE = 0
REFUSED = 1
USAGE = 2
NOTHING_TRADED = 3
UNKNOWN = 4
BAD_DATABASE = 65
UNAVAILABLE = 69
INTERNAL = 70
CANNOT_CREATE = 73
IO_ERROR = 74
TRY_LATER = 75
NO_PERMISSION = 77
BAD_CONFIG = 78
INTERRUPTED = 130
READER_GONE = 141  # 128 + SIGPIPE, as shells report it of other programs

MEANINGS = {
    DONE: "Done.",
    REFUSED: "The daemon refused the request, or a check found a failure.",
    USAGE: "Wrong usage: an unknown command or option, or a bad value.",
    NOTHING_TRADED: "The order ended with nothing bought or sold.",
    UNKNOWN: "The outcome is unknown. Query it before you repeat the command.",
    BAD_DATABASE: "The database is corrupt, foreign, newer than this version or deleted, or the fleet's log went back.",
    UNAVAILABLE: "No daemon answers.",
    INTERNAL: "A bug in sniperd.",
    CANNOT_CREATE: "A directory, a socket or a file cannot be created.",
    IO_ERROR: "A commit failed, or the output could not be written.",
    TRY_LATER: "Already running, not ready, disk full, database locked, or another member took over. Try later.",
    NO_PERMISSION: "A permission or credential is missing or wrong, or the exchange does not let the account trade.",
    BAD_CONFIG: "The configuration is wrong, or the fleet's database is not durable enough for it.",
    INTERRUPTED: "A signal ended the process at once.",
    READER_GONE: "The program that read the output ended first, as `head` does.",
}
"""Each exit code and what it means."""
