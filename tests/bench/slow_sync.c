/*
 * A slow disk, preloaded into a process: while the file that SLOW_SYNC names exists, the next fdatasync removes it and
 * takes 400 ms longer.
 */
#include <stdlib.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd) {
    const char *marker = getenv("SLOW_SYNC");
    struct timespec longer = {.tv_nsec = 400000000};
    if (marker && !unlink(marker)) nanosleep(&longer, NULL);
    return syscall(SYS_fdatasync, fd);
}
