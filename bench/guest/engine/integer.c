// Integer compute: what compilers make of ordinary C.
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Four chains that do not wait for each other: what is measured is how much an engine adds, not how long an addition takes. Comparisons
// whose results are numbers, minima and carries are part of it, as in any compiled code.
static uint64_t alu(uint64_t iterations) {
    uint64_t a = 1, b = 2, c = 3, carries = 0;
    uint32_t d = 4;
    for (uint64_t i = 0; i < iterations; i++) {
        a = (a << 13 | a >> 51) + (i ^ 0x5555);
        b ^= (i >> 3) + (a < c);
        c = c * 5 - (uint32_t)(i << 2);
        d = (d > (uint32_t)i ? (uint32_t)i : d + 7) + (uint8_t)b;
        carries += c + b < b;
        OPAQUE(a);
    }
    return mix(mix(a, b), mix(c, d)) + carries;
}

static uint64_t branches_predictable(uint64_t iterations) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        if (i & 1) { sum += i; MEMORY_BARRIER(); }
        else { sum ^= i; MEMORY_BARRIER(); }
        if ((i & 3) == 2) { sum += 3; MEMORY_BARRIER(); }
        if ((i & 7) == 5) { sum -= i; MEMORY_BARRIER(); }
    }
    return sum;
}

static uint64_t branches_random(uint64_t iterations) {
    uint64_t sum = 0, random = 1;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t value = next_random(&random);
        if (value & 0x80000000) { sum += value; MEMORY_BARRIER(); }
        else { sum ^= i; MEMORY_BARRIER(); }
        if (value & 0x40000000) { sum += 3; MEMORY_BARRIER(); }
        else { sum <<= 1; MEMORY_BARRIER(); }
    }
    return sum;
}

// Prime numbers below 64 Ki.
static uint64_t sieve(uint64_t iterations) {
    enum { SIZE = 65536 };
    static uint8_t composite[SIZE];
    uint64_t primes = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        memset(composite, 0, SIZE);
        for (unsigned n = 2; n < SIZE; n++) {
            if (composite[n]) continue;
            primes++;
            for (unsigned multiple = 2 * n; multiple < SIZE; multiple += n) composite[multiple] = 1;
        }
    }
    return primes;
}

// The first 32 bits of the fraction of a prime's cube root, which is where SHA-256 takes its constants from (FIPS 180-4 §4.2.2).
static uint32_t cube_root_fraction(unsigned prime) {
    uint64_t low = 0, high = (uint64_t)8 << 32;
    while (high - low > 1) {
        uint64_t middle = (low + high) / 2;
        if ((unsigned __int128)middle * middle * middle <= (unsigned __int128)prime << 96) low = middle;
        else high = middle;
    }
    return (uint32_t)low;
}

// SHA-256's compression, one block an iteration.
static uint64_t sha256(uint64_t iterations) {
    static uint32_t k[64];
    if (!k[0])
        for (unsigned number = 2, found = 0; found < 64; number++) {
            unsigned divisor = 2;
            while (number % divisor) divisor++;
            if (divisor == number) k[found++] = cube_root_fraction(number);
        }
    uint32_t h[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
    for (uint64_t block = 0; block < iterations; block++) {
        uint32_t w[64];
        for (int i = 0; i < 16; i++) w[i] = h[i & 7] + i + (uint32_t)block;
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] + (ROTATE(w[i - 15], 7) ^ ROTATE(w[i - 15], 18) ^ w[i - 15] >> 3) + (ROTATE(w[i - 2], 17) ^ ROTATE(w[i - 2], 19) ^ w[i - 2] >> 10);
        uint32_t s[8];
        memcpy(s, h, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = s[7] + (ROTATE(s[4], 6) ^ ROTATE(s[4], 11) ^ ROTATE(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            uint32_t t2 = (ROTATE(s[0], 2) ^ ROTATE(s[0], 13) ^ ROTATE(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1, s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++) h[i] += s[i];
    }
#undef ROTATE
    return (uint64_t)h[0] << 32 | h[7];
}

// Ethernet's CRC by table, 4 KiB an iteration.
static uint64_t crc32(uint64_t iterations) {
    static uint32_t table[256];
    static uint8_t data[4096];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320 : 0);
            table[i] = value;
        }
    for (size_t i = 0; i < sizeof data; i++) data[i] = i * 7;
    uint32_t crc = ~0u;
    for (uint64_t i = 0; i < iterations; i++)
        for (size_t at = 0; at < sizeof data; at++) crc = table[(uint8_t)(crc ^ data[at])] ^ crc >> 8;
    return ~crc;
}

// The Internet's checksum (RFC 1071) of a packet of 1500 bytes, as kernels do it: 64-bit additions with carry.
static uint64_t checksum(uint64_t iterations) {
    static uint64_t packet[188];
    for (int i = 0; i < 188; i++) packet[i] = i * 0x0123456789ABCDEFu;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++)
        for (const uint64_t *at = packet; at < packet + 188; at += 4)
            __asm__("addq %1, %0\n\tadcq %2, %0\n\tadcq %3, %0\n\tadcq %4, %0\n\tadcq $0, %0" : "+r"(sum) : "m"(at[0]), "m"(at[1]), "m"(at[2]), "m"(at[3]) : "cc");
    return sum;
}

static uint64_t load_modify_store(uint64_t iterations) {
    static uint64_t counters[1024];
    memset(counters, 0, sizeof counters);
    uint64_t random = 3;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t value = next_random(&random);
        counters[value & 1023] += i;
        counters[value >> 10 & 1023] ^= value;
    }
    uint64_t sum = 0;
    for (int i = 0; i < 1024; i++) sum = mix(sum, counters[i]);
    return sum;
}

// Follows a random ring of 512 cache lines, 32 KiB: each load waits for the one before.
static uint64_t chase_cache(uint64_t iterations) {
    enum { LINES = 512 };
    static struct line { struct line *next; uint64_t number, rest[6]; } lines[LINES];
    static struct line *start;
    if (!start) {
        unsigned order[LINES];
        uint64_t random = 5;
        for (unsigned i = 0; i < LINES; i++) order[i] = i;
        for (unsigned i = LINES - 1; i > 0; i--) {
            unsigned other = next_random(&random) % (i + 1), kept = order[i];
            order[i] = order[other], order[other] = kept;
        }
        for (unsigned i = 0; i < LINES; i++) {
            lines[order[i]].next = &lines[order[(i + 1) % LINES]];
            lines[order[i]].number = i;
        }
        start = &lines[order[0]];
    }
    struct line *at = start;
    for (uint64_t i = 0; i < iterations; i++) at = at->next;
    return at->number;
}

static uint64_t format(uint64_t iterations) {
    char text[128];
    uint64_t sum = 0, random = 9;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t value = next_random(&random);
        int length = snprintf(text, sizeof text, "%s %d %08x %5.2f %c", "name", (int)value, (unsigned)(value >> 3), (double)(value & 0xFFFF) / 8, 'a' + (int)(value & 15));
        sum = mix(sum, (uint64_t)length << 8 | (uint8_t)text[length / 2]);
    }
    return sum;
}

static uint64_t allocate(uint64_t iterations) {
    enum { SLOTS = 256 };
    static uint8_t *slots[SLOTS];
    uint64_t sum = 0, random = 11;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t value = next_random(&random);
        uint8_t **slot = &slots[value % SLOTS];
        size_t size = 16 + (value >> 8) % 1000;
        free(*slot);
        *slot = malloc(size);
        (*slot)[0] = (*slot)[size - 1] = (uint8_t)value;
        sum += (*slot)[0] + size;
    }
    for (int i = 0; i < SLOTS; i++) {
        free(slots[i]);
        slots[i] = NULL;
    }
    return sum;
}

const struct kernel integer_kernels[] = {
    {"alu", "integer", alu, 100000},
    {"branches-predictable", "integer", branches_predictable, 100000},
    {"branches-random", "integer", branches_random, 100000},
    {"sieve", "integer", sieve, 1},
    {"sha256", "integer", sha256, 100},
    {"crc32", "integer", crc32, 5},
    {"checksum", "integer", checksum, 50},
    {"load-modify-store", "integer", load_modify_store, 20000},
    {"chase-cache", "integer", chase_cache, 100000 + 77},
    {"format", "integer", format, 500},
    {"malloc", "integer", allocate, 10000},
    {0},
};
