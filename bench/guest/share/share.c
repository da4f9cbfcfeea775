// What is done with a folder of the host. Each load prints "name rate unit", timed by the guest's monotonic clock.
//   share timed NAME UNITS UNIT COMMAND [ARGUMENT…]   runs a command, which does so many units of work
//   share files DIRECTORY COUNT                       creates, stats, lists, reads and removes small files
//   share random FILE COUNT                           reads 4 KiB at random places of a file that is not cached
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "share: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void tell(const char *name, double count, double start, const char *unit)
{
    printf("%s %.2f %s\n", name, count / (now() - start), unit);
    fflush(stdout);
}

// The guest forgets what it has cached, so that it has to ask again.
static void forget(void)
{
    int file = open("/proc/sys/vm/drop_caches", O_WRONLY);
    sync();
    if (file < 0 || write(file, "3", 1) != 1) fail("drop_caches");
    close(file);
}

static int timed(char **arguments)
{
    int status;
    forget();
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(arguments[3], arguments + 3);
        fail(arguments[3]);
    }

    if (waitpid(child, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "share: %s failed\n", arguments[0]);
        return 1;
    }

    tell(arguments[0], atof(arguments[1]), start, arguments[2]);
    return 0;
}

static void files(const char *directory, int count)
{
    char name[4096], text[1000];
    struct stat status;
    struct dirent *entry;
    memset(text, 'x', sizeof text);
    if (mkdir(directory, 0755) < 0 || chdir(directory) < 0) fail(directory);
    double start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "file%06d", i);
        int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (file < 0 || write(file, text, sizeof text) != sizeof text || close(file) < 0) fail(name);
    }

    tell("create-small-files", count, start, "files");
    forget();
    start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "file%06d", i);
        if (stat(name, &status) < 0) fail(name);
    }

    tell("stat", count, start, "files");
    forget();
    start = now();
    int listed = 0;
    DIR *folder = opendir(".");
    while (folder && (entry = readdir(folder))) {
        if (lstat(entry->d_name, &status) < 0) fail(entry->d_name);
        listed++;
    }

    if (listed != count + 2) fail("listing");
    closedir(folder);
    tell("list-and-stat", count, start, "files");
    forget();
    start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "file%06d", i);
        int file = open(name, O_RDONLY);
        if (file < 0 || read(file, text, sizeof text) != sizeof text || close(file) < 0) fail(name);
    }

    tell("read-small-files", count, start, "files");
    start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "file%06d", i);
        char other[32];
        snprintf(other, sizeof other, "moved%06d", i);
        if (rename(name, other) < 0) fail(name);
    }

    tell("rename", count, start, "files");
    start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "moved%06d", i);
        if (unlink(name) < 0) fail(name);
    }

    tell("unlink", count, start, "files");
    if (chdir("/") < 0 || rmdir(directory) < 0) fail(directory);
}

static void scatter(const char *path, int count)
{
    char buffer[4096];
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) fail(path);
    forget();
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    srand(1);
    double start = now();
    for (int i = 0; i < count; i++)
        if (pread(file, buffer, sizeof buffer, rand() % (status.st_size / 4096) * 4096L) != sizeof buffer) fail(path);
    tell("random-read-4k", count, start, "reads");
}

int main(int count, char **arguments)
{
    if (count >= 6 && !strcmp(arguments[1], "timed")) return timed(arguments + 2);
    if (count == 4 && !strcmp(arguments[1], "files")) files(arguments[2], atoi(arguments[3]));
    else if (count == 4 && !strcmp(arguments[1], "random")) scatter(arguments[2], atoi(arguments[3]));
    else return 2;
    return 0;
}
