/* A library that says as whom it was loaded: into an audited or preloaded program alike. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

unsigned int la_version(unsigned int version) { return version; }

/* A flow run has a /dev/shm of its own, and shares the folder of its project's state. */
static const char *const folders[] = {"/dev/shm", "/var/lib/prefect/shop-reports"};

static void note(const char *folder)
{
    char path[96], line[256];
    int from, to;
    ssize_t length;

    snprintf(path, sizeof path, "%s/seen-%u-%d", folder, geteuid(), getpid());
    from = open("/proc/self/cmdline", O_RDONLY);
    to = open(path, O_WRONLY | O_CREAT, 0644);
    while ((length = read(from, line, sizeof line)) > 0)
        if (write(to, line, length) < 0)
            break;
    close(from);
    close(to);
}

__attribute__((constructor)) static void witness(void)
{
    for (size_t number = 0; number < sizeof folders / sizeof *folders; number++)
        note(folders[number]);
}
