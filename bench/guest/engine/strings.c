// Moving and filling memory: the C library's way, which picks vectors by CPUID, and by string instructions.
#include "bench.h"
#include <string.h>

enum { LARGEST = 1 << 20 };

// Half a page apart in their pages' offsets: processors take a load for a possible reader of an unfinished store to the same offset.
static uint8_t source_space[LARGEST + 4096] __attribute__((aligned(4096))), target[LARGEST] __attribute__((aligned(4096)));
static uint8_t *const source = source_space + 2048;

static void fill_source(void) {
    for (int i = 0; i < LARGEST; i++) source[i] = i * 31 >> 3;
    memset(target, 0, LARGEST);
}

static uint64_t target_sum(size_t size) {
    uint64_t sum = size;
    for (size_t at = 0; at < size; at += 61) sum = mix(sum, target[at]);
    return sum;
}

static uint64_t copy(uint64_t iterations, size_t size) {
    for (uint64_t i = 0; i < iterations; i++) {
        OPAQUE(size); // so that the library is called
        memcpy(target, source, size);
        MEMORY_BARRIER();
    }
    return target_sum(size);
}

static uint64_t fill(uint64_t iterations, size_t size) {
    for (uint64_t i = 0; i < iterations; i++) {
        OPAQUE(size);
        memset(target, (int)i + 1, size);
        MEMORY_BARRIER();
    }
    return target_sum(size);
}

static uint64_t memcpy_64(uint64_t iterations) { return copy(iterations, 64); }
static uint64_t memcpy_4k(uint64_t iterations) { return copy(iterations, 4096); }
static uint64_t memcpy_1m(uint64_t iterations) { return copy(iterations, LARGEST); }
static uint64_t memset_64(uint64_t iterations) { return fill(iterations, 64); }
static uint64_t memset_4k(uint64_t iterations) { return fill(iterations, 4096); }

static uint64_t rep_movsb(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) {
        void *to = target;
        const void *from = source;
        size_t count = 4096;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    }
    return target_sum(4096);
}

static uint64_t rep_stosb(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) {
        void *to = target;
        size_t count = 4096;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(i) : "memory");
    }
    return target_sum(4096);
}

const struct kernel string_kernels[] = {
    {"memcpy-64", "vector", memcpy_64, 100, NULL, fill_source},
    {"memcpy-4k", "vector", memcpy_4k, 100, NULL, fill_source},
    {"memcpy-1m", "vector", memcpy_1m, 2, NULL, fill_source},
    {"memset-64", "vector", memset_64, 100, NULL, fill_source},
    {"memset-4k", "vector", memset_4k, 100, NULL, fill_source},
    {"rep-movsb-4k", "vector", rep_movsb, 20, NULL, fill_source},
    {"rep-stosb-4k", "vector", rep_stosb, 20, NULL, fill_source},
    {0},
};
