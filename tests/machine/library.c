/* Preloaded into a process and what it starts, it has the C library say what a test wants of the machine:

     MACHINE_FULL     while this file exists, disks have no room
     MACHINE_VMSTAT   what is read in place of /proc/vmstat, where the kernel counts whom it killed for want of memory
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_full(void) {
    const char *mark = getenv("MACHINE_FULL");
    return mark && !access(mark, F_OK);
}

int statvfs(const char *path, struct statvfs *told) {
    int (*real)(const char *, struct statvfs *) = dlsym(RTLD_NEXT, "statvfs");
    int result = real(path, told);
    if (!result && is_full()) told->f_bavail = 0;
    return result;
}

int statvfs64(const char *path, struct statvfs64 *told) {
    int (*real)(const char *, struct statvfs64 *) = dlsym(RTLD_NEXT, "statvfs64");
    int result = real(path, told);
    if (!result && is_full()) told->f_bavail = 0;
    return result;
}

static int opened(const char *path, int flags, va_list rest) {
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    const char *other = getenv("MACHINE_VMSTAT");
    return syscall(SYS_openat, AT_FDCWD, other && !strcmp(path, "/proc/vmstat") ? other : path, flags, mode);
}

#define OPEN(name)                         \
    int name(const char *path, int flags, ...) { \
        va_list rest;                      \
        va_start(rest, flags);             \
        int result = opened(path, flags, rest); \
        va_end(rest);                      \
        return result;                     \
    }
OPEN(open)
OPEN(open64)
