// Floating point and vectors: scalar and packed SSE2, AVX2 with FMA, AES instructions, x87.
#include "bench.h"
#include <immintrin.h>
#include <string.h>

static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }
static int has_fma(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int has_aes(void) { return __builtin_cpu_supports("aes"); }

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

enum { SIZE = 64 };
static double left[SIZE][SIZE] __attribute__((aligned(64))), right[SIZE][SIZE] __attribute__((aligned(64))), product[SIZE][SIZE] __attribute__((aligned(64)));

static void fill_matrices(void) {
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++) {
            left[row][column] = (row * 3 + column) % 17 - 8.25;
            right[row][column] = (row + column * 5) % 23 - 11.5;
        }
}

static uint64_t product_bits(void) { return mix(bits_of(product[3][5]), mix(bits_of(product[0][63]), bits_of(product[63][0]))); }

// 64 × 64 doubles.
static uint64_t matrix_sse2(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) {
        left[0][0] = (double)(i & 7);
        for (int row = 0; row < SIZE; row++)
            for (int column = 0; column < SIZE; column += 4) {
                __m128d low = _mm_setzero_pd(), high = _mm_setzero_pd();
                for (int k = 0; k < SIZE; k++) {
                    __m128d factor = _mm_set1_pd(left[row][k]);
                    low = _mm_add_pd(low, _mm_mul_pd(factor, _mm_load_pd(&right[k][column])));
                    high = _mm_add_pd(high, _mm_mul_pd(factor, _mm_load_pd(&right[k][column + 2])));
                }
                _mm_store_pd(&product[row][column], low);
                _mm_store_pd(&product[row][column + 2], high);
            }
    }
    return product_bits();
}

__attribute__((target("avx2,fma"))) static uint64_t matrix_fma(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) {
        left[0][0] = (double)(i & 7);
        for (int row = 0; row < SIZE; row++)
            for (int column = 0; column < SIZE; column += 8) {
                __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
                for (int k = 0; k < SIZE; k++) {
                    __m256d factor = _mm256_set1_pd(left[row][k]);
                    low = _mm256_fmadd_pd(factor, _mm256_load_pd(&right[k][column]), low);
                    high = _mm256_fmadd_pd(factor, _mm256_load_pd(&right[k][column + 4]), high);
                }
                _mm256_store_pd(&product[row][column], low);
                _mm256_store_pd(&product[row][column + 4], high);
            }
    }
    return product_bits();
}

// Sun and four planets, scalar doubles; one step an iteration.
static uint64_t planets(uint64_t iterations) {
    enum { BODIES = 5 };
    struct body { double x, y, z, vx, vy, vz, mass; } bodies[BODIES] = {
        {0, 0, 0, 0, 0, 0, 39.5},
        {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.038},
        {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011},
        {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017},
        {15.4, -25.9, 0.2, 1.0, 0.6, -0.03, 0.002},
    };
    for (uint64_t i = 0; i < iterations; i++) {
        for (int a = 0; a < BODIES; a++)
            for (int b = a + 1; b < BODIES; b++) {
                double x = bodies[a].x - bodies[b].x, y = bodies[a].y - bodies[b].y, z = bodies[a].z - bodies[b].z;
                double square = x * x + y * y + z * z;
                __m128d root = _mm_sqrt_sd(_mm_set_sd(square), _mm_set_sd(square));
                double force = 0.001 / (square * _mm_cvtsd_f64(root)), on_a = force * bodies[b].mass, on_b = force * bodies[a].mass;
                bodies[a].vx -= x * on_a, bodies[a].vy -= y * on_a, bodies[a].vz -= z * on_a;
                bodies[b].vx += x * on_b, bodies[b].vy += y * on_b, bodies[b].vz += z * on_b;
            }
        for (int a = 0; a < BODIES; a++)
            bodies[a].x += 0.001 * bodies[a].vx, bodies[a].y += 0.001 * bodies[a].vy, bodies[a].z += 0.001 * bodies[a].vz;
    }
    return mix(bits_of(bodies[0].x), mix(bits_of(bodies[1].vy), bits_of(bodies[4].z)));
}

// Conversions, comparisons and single precision: a line of the Mandelbrot set, 64 points an iteration.
static uint64_t mandelbrot(uint64_t iterations) {
    uint64_t inside = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        float imaginary = (float)(i % 100) * 0.01f;
        for (int point = 0; point < 64; point++) {
            float real = (float)point / 32 - 1.5f, x = 0, y = 0;
            int turns = 0;
            while (turns < 32 && x * x + y * y < 4) {
                float next = x * x - y * y + real;
                y = 2 * x * y + imaginary;
                x = next;
                turns++;
            }
            inside += turns;
        }
    }
    return inside;
}

// long double is x87's 80-bit format: a polynomial, a division and a square root an iteration.
static uint64_t x87(uint64_t iterations) {
    long double x = 0.5L, sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        long double value = (((((x * 0.3L + 0.7L) * x - 1.1L) * x + 0.9L) * x - 0.2L) * x + 1.3L) / (x + 2.0L);
        long double root;
        __asm__("fsqrt" : "=t"(root) : "0"(value * value + 0.25L));
        sum += root;
        x = root - (long double)(int)root;
    }
    uint64_t significand;
    memcpy(&significand, &sum, sizeof significand);
    return significand;
}

// AES-128 on four blocks an iteration, with ten round keys that are the same everywhere.
__attribute__((target("aes"))) static uint64_t aes(uint64_t iterations) {
    __m128i keys[11], blocks[4];
    for (int i = 0; i < 11; i++) keys[i] = _mm_set_epi64x(0x0123456789ABCDEF * (i + 1), 0x0F1E2D3C4B5A6978 + i);
    for (int i = 0; i < 4; i++) blocks[i] = _mm_set_epi32(i, 2, 3, 4);
    for (uint64_t i = 0; i < iterations; i++) {
        for (int b = 0; b < 4; b++) blocks[b] = _mm_xor_si128(blocks[b], keys[0]);
        for (int round = 1; round < 10; round++)
            for (int b = 0; b < 4; b++) blocks[b] = _mm_aesenc_si128(blocks[b], keys[round]);
        for (int b = 0; b < 4; b++) blocks[b] = _mm_aesenclast_si128(blocks[b], keys[10]);
    }
    uint64_t sum = 0;
    for (int b = 0; b < 4; b++) sum = mix(sum, (uint64_t)_mm_cvtsi128_si64(blocks[b]));
    return sum;
}

static uint8_t samples[2][1024] __attribute__((aligned(64)));

static void fill_samples(void) {
    uint64_t random = 19;
    for (int i = 0; i < 1024; i++) samples[0][i] = next_random(&random), samples[1][i] = next_random(&random);
}

// What video and image code does to 1 KiB: differences, multiplications, shuffles, minima.
static uint64_t integers_sse(uint64_t iterations) {
    __m128i sum = _mm_setzero_si128();
    for (uint64_t i = 0; i < iterations; i++)
        for (int at = 0; at < 1024; at += 16) {
            __m128i a = _mm_load_si128((const __m128i *)(samples[0] + at)), b = _mm_load_si128((const __m128i *)(samples[1] + at));
            sum = _mm_add_epi64(sum, _mm_sad_epu8(a, b));
            sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_unpacklo_epi8(a, _mm_setzero_si128()), _mm_unpackhi_epi8(b, _mm_setzero_si128())));
            sum = _mm_xor_si128(sum, _mm_min_epu8(a, _mm_shuffle_epi32(b, 0x1B)));
        }
    return mix((uint64_t)_mm_cvtsi128_si64(sum), (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(sum, 8)));
}

__attribute__((target("avx2"))) static uint64_t integers_avx2(uint64_t iterations) {
    __m256i sum = _mm256_setzero_si256();
    for (uint64_t i = 0; i < iterations; i++)
        for (int at = 0; at < 1024; at += 32) {
            __m256i a = _mm256_load_si256((const __m256i *)(samples[0] + at)), b = _mm256_load_si256((const __m256i *)(samples[1] + at));
            sum = _mm256_add_epi64(sum, _mm256_sad_epu8(a, b));
            sum = _mm256_add_epi32(sum, _mm256_maddubs_epi16(a, b));
            sum = _mm256_xor_si256(sum, _mm256_permute4x64_epi64(_mm256_min_epu8(a, _mm256_shuffle_epi8(b, a)), 0x4B));
        }
    return mix((uint64_t)_mm256_extract_epi64(sum, 0), (uint64_t)_mm256_extract_epi64(sum, 3));
}

const struct kernel vector_kernels[] = {
    {"matrix-sse2", "vector", matrix_sse2, 5, NULL, fill_matrices},
    {"matrix-avx2-fma", "vector", matrix_fma, 5, has_fma, fill_matrices},
    {"n-body", "vector", planets, 1000},
    {"mandelbrot", "vector", mandelbrot, 100},
    {"x87", "vector", x87, 5000},
    {"aes", "vector", aes, 1000, has_aes},
    {"integers-sse", "vector", integers_sse, 50, NULL, fill_samples},
    {"integers-avx2", "vector", integers_avx2, 50, has_avx2, fill_samples},
    {0},
};
