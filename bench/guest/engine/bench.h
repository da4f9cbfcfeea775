// The kernels by which an engine is measured, and what the harness knows of each.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Does its work the given number of times and returns a checksum that only depends on that number.
typedef uint64_t run_function(uint64_t iterations);

struct kernel {
    const char *name;
    const char *group;         // vector, integer, calls, system or apart
    run_function *run;
    uint64_t check_iterations; // for the checksum: the same on every machine
    int (*available)(void);    // null: everywhere
    void (*prepare)(void);     // before the first run; null: nothing to do
    void (*finish)(void);      // after the last
};

// One table a file; each ends with a kernel without a name.
extern const struct kernel integer_kernels[], call_kernels[], vector_kernels[], string_kernels[], system_kernels[], apart_kernels[];

// Keeps the compiler from knowing a value, and so from moving work out of a loop.
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))
#define MEMORY_BARRIER() __asm__ volatile("" ::: "memory")

// The same numbers everywhere (a 64-bit linear congruential generator; its upper bits are good).
static inline uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 32;
}

static inline uint64_t mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * 0x9E3779B97F4A7C15u + (sum >> 29);
}

void fail(const char *what) __attribute__((noreturn)); // the text and errno, and the end
