// Measures an engine: runs natively and as a guest's program alike. Each kernel calibrates itself, repeats and prints one line:
//   kernel NAME GROUP ITERATIONS MEDIAN-NS BEST-NS CHECKSUM        or        missing NAME GROUP
// where the times are nanoseconds an iteration, and the checksum is of a fixed number of iterations.
//   engine [--milliseconds N] [--repeats N] [--list] [NAME…]
#define _GNU_SOURCE
#include "bench.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_REPEATS = 99 };

static const struct kernel *const tables[] = {integer_kernels, call_kernels, vector_kernels, string_kernels, system_kernels, apart_kernels};
static double milliseconds = 200;
static int repeats = 5;

void fail(const char *what) {
    fprintf(stderr, "engine: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static double time_of(const struct kernel *kernel, uint64_t iterations) {
    double start = now();
    uint64_t checksum = kernel->run(iterations);
    OPAQUE(checksum);
    return now() - start;
}

// How many iterations fill a time: doubled or more until the clock is precise enough, then in proportion.
static uint64_t calibrate(const struct kernel *kernel, double nanoseconds) {
    uint64_t iterations = 1;
    for (;;) {
        double taken = time_of(kernel, iterations);
        if (taken >= nanoseconds / 4) {
            double wanted = iterations * nanoseconds / taken;
            return wanted < 1 ? 1 : (uint64_t)wanted;
        }
        iterations *= taken * 16 < nanoseconds ? 8 : 2;
    }
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static void measure(const struct kernel *kernel) {
    if (kernel->available && !kernel->available()) {
        printf("missing %s %s\n", kernel->name, kernel->group);
        return;
    }
    double times[MOST_REPEATS];
    if (kernel->prepare) kernel->prepare();
    uint64_t checksum = kernel->run(kernel->check_iterations);
    uint64_t iterations = calibrate(kernel, milliseconds * 1e6 / repeats);
    for (int i = 0; i < repeats; i++) times[i] = time_of(kernel, iterations) / iterations;
    if (kernel->finish) kernel->finish();
    qsort(times, repeats, sizeof times[0], ascending);
    printf("kernel %s %s %llu %.3f %.3f %016llx\n", kernel->name, kernel->group, (unsigned long long)iterations, times[repeats / 2], times[0], (unsigned long long)checksum);
}

// A guest has one processor, so a process here uses one as well: else processes that take turns would run side by side.
static void use_one_processor(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set)) continue;
        CPU_ZERO(&set);
        CPU_SET(i, &set);
        sched_setaffinity(0, sizeof set, &set);
        return;
    }
}

static int is_wanted(const char *name, char **names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    return count == 0;
}

int main(int count, char **arguments) {
    int list = 0, at = 1;
    for (; at < count && arguments[at][0] == '-'; at++) {
        if (strcmp(arguments[at], "--nothing") == 0) return 0; // what the exec kernel starts
        if (strcmp(arguments[at], "--list") == 0) list = 1;
        else if (strcmp(arguments[at], "--milliseconds") == 0 && at + 1 < count) milliseconds = atof(arguments[++at]);
        else if (strcmp(arguments[at], "--repeats") == 0 && at + 1 < count) repeats = atoi(arguments[++at]);
        else {
            fprintf(stderr, "usage: engine [--milliseconds N] [--repeats N] [--list] [NAME...]\n");
            return 2;
        }
    }
    if (repeats < 1 || repeats > MOST_REPEATS || !(milliseconds > 0)) {
        fprintf(stderr, "engine: 1 to %d repeats, and more than 0 milliseconds\n", MOST_REPEATS);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    use_one_processor();
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
        for (const struct kernel *kernel = tables[table]; kernel->name; kernel++) {
            if (!is_wanted(kernel->name, arguments + at, count - at)) continue;
            if (list) printf("%s %s\n", kernel->name, kernel->group);
            else measure(kernel);
        }
    return 0;
}
