/* A library that says as whom it was loaded: into an audited or preloaded program alike. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

unsigned int la_version(unsigned int version) { return version; }

__attribute__((constructor)) static void witness(void)
{
    char path[64], line[256];
    int from, to;
    ssize_t length;

    snprintf(path, sizeof path, "/dev/shm/seen-%u-%d", geteuid(), getpid());
    from = open("/proc/self/cmdline", O_RDONLY);
    to = open(path, O_WRONLY | O_CREAT, 0644);
    while ((length = read(from, line, sizeof line)) > 0)
        if (write(to, line, length) < 0)
            break;
    close(from);
    close(to);
}
