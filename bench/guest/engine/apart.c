// Where the host's memory and its locks set the pace, so that no engine can be much faster than another.
#define _GNU_SOURCE
#include "bench.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { BYTES = 64 << 20, LINE = 64 };
struct line { struct line *next; uint64_t number; uint8_t rest[LINE - 16]; };
static struct line *lines, *at;

// One ring through all lines in a random order (Sattolo's algorithm).
static void make_ring(void) {
    enum { LINES = BYTES / LINE };
    lines = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lines == MAP_FAILED) fail("mmap");
    for (unsigned i = 0; i < LINES; i++) {
        lines[i].next = &lines[i];
        lines[i].number = i;
    }
    uint64_t random = 23;
    for (unsigned i = LINES - 1; i > 0; i--) {
        unsigned other = next_random(&random) % i;
        struct line *kept = lines[i].next;
        lines[i].next = lines[other].next;
        lines[other].next = kept;
    }
    at = lines;
}

static void drop_ring(void) { munmap(lines, BYTES); }

// Goes on where the last run ended, so that short runs do not stay in the cache.

static uint64_t chase_dram(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) at = at->next;
    return at->number;
}

static uint64_t locked_add(uint64_t iterations) {
    static uint64_t counter;
    counter = 0;
    for (uint64_t i = 0; i < iterations; i++) __atomic_fetch_add(&counter, i, __ATOMIC_SEQ_CST);
    return counter;
}

static uint64_t compare_exchange(uint64_t iterations) {
    static uint64_t value;
    value = 1;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t expected = value;
        __atomic_compare_exchange_n(&value, &expected, expected * 3 + i, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    return value;
}

const struct kernel apart_kernels[] = {
    {"chase-dram", "apart", chase_dram, 50000, NULL, make_ring, drop_ring},
    {"locked-add", "apart", locked_add, 10000},
    {"compare-exchange", "apart", compare_exchange, 10000},
    {0},
};
