// Calls, returns and indirect jumps.
#include "bench.h"
#include <stdlib.h>

static uint64_t __attribute__((noinline)) fibonacci(uint64_t n) {
    OPAQUE(n);
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

// fib(20): 21,891 calls.
static uint64_t recursion(uint64_t iterations) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) sum += fibonacci(20);
    return sum;
}

#define FUNCTION(n, expression) static uint64_t __attribute__((noinline)) function##n(uint64_t x) { return expression; }
FUNCTION(0, x + 1)
FUNCTION(1, x * 3)
FUNCTION(2, x ^ 0x55)
FUNCTION(3, x - 7)
FUNCTION(4, x << 1 | x >> 63)
FUNCTION(5, ~x)
FUNCTION(6, x + (x >> 5))
FUNCTION(7, x ^ x >> 11)

// One place that calls many functions, in an order that repeats only after long.
static uint64_t indirect_calls(uint64_t iterations) {
    static uint64_t (*const volatile functions[])(uint64_t) = {function0, function1, function2, function3, function4, function5, function6, function7};
    uint64_t value = 1, random = 13;
    for (uint64_t i = 0; i < iterations; i++) value = functions[next_random(&random) & 7](value);
    return value;
}

// One place that calls one function, as most indirect calls do.
static uint64_t indirect_call_same(uint64_t iterations) {
    static uint64_t (*volatile function)(uint64_t) = function6;
    uint64_t value = 1;
    for (uint64_t i = 0; i < iterations; i++) value = function(value) + i;
    return value;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// The C library's sort of 4096 numbers through a comparison function.
static uint64_t sort(uint64_t iterations) {
    enum { COUNT = 4096 };
    static uint32_t numbers[COUNT];
    uint64_t sum = 0, random = 17;
    for (uint64_t i = 0; i < iterations; i++) {
        for (int at = 0; at < COUNT; at++) numbers[at] = next_random(&random);
        qsort(numbers, COUNT, sizeof numbers[0], compare);
        for (int at = 0; at < COUNT; at += 64) sum = mix(sum, numbers[at]);
    }
    return sum;
}

// A small stack machine's program; both interpreters run it. It turns 100 times around a loop of eight instructions.
enum instruction { PUSH, ADD, MULTIPLY, XOR, DUPLICATE, SWAP, LOAD, STORE, COUNT_DOWN, END };
static const uint8_t program[] = {PUSH, 100, STORE, 0, PUSH, 1, DUPLICATE, PUSH, 3, MULTIPLY, LOAD, 0, ADD, SWAP, XOR, COUNT_DOWN, 0, END};
enum { LOOP_START = 6 };

static uint64_t switch_interpreter(uint64_t iterations) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t stack[16], variables[4] = {0}, *top = stack;
        const uint8_t *at = program;
        for (int running = 1; running;) {
            uint8_t opcode = *at++;
            OPAQUE(opcode); // one dispatch for all
            switch (opcode) {
            case PUSH: *++top = *at++; break;
            case ADD: top--; *top += top[1]; break;
            case MULTIPLY: top--; *top *= top[1]; break;
            case XOR: top--; *top ^= top[1]; break;
            case DUPLICATE: top++; *top = top[-1]; break;
            case SWAP: { uint64_t kept = *top; *top = top[-1], top[-1] = kept; break; }
            case LOAD: *++top = variables[*at++]; break;
            case STORE: variables[*at++] = *top--; break;
            case COUNT_DOWN: at += --variables[*at] ? LOOP_START - (at - program) : 1; break;
            default: running = 0; break;
            }
        }
        sum = mix(sum, *top + i);
    }
    return sum;
}

static uint64_t goto_interpreter(uint64_t iterations) {
    static const void *const handlers[] = {&&push, &&add, &&multiply, &&exclusive_or, &&duplicate, &&swap, &&load, &&store, &&count_down, &&end};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t stack[16], variables[4] = {0}, *top = stack;
        const uint8_t *at = program;
#define NEXT goto *handlers[*at++]
        NEXT;
    push: *++top = *at++; NEXT;
    add: top--; *top += top[1]; NEXT;
    multiply: top--; *top *= top[1]; NEXT;
    exclusive_or: top--; *top ^= top[1]; NEXT;
    duplicate: top++; *top = top[-1]; NEXT;
    swap: { uint64_t kept = *top; *top = top[-1], top[-1] = kept; NEXT; }
    load: *++top = variables[*at++]; NEXT;
    store: variables[*at++] = *top--; NEXT;
    count_down: at += --variables[*at] ? LOOP_START - (at - program) : 1; NEXT;
    end: sum = mix(sum, *top + i);
#undef NEXT
    }
    return sum;
}

const struct kernel call_kernels[] = {
    {"recursion", "calls", recursion, 5},
    {"indirect-calls", "calls", indirect_calls, 50000},
    {"indirect-call-same", "calls", indirect_call_same, 50000},
    {"qsort", "calls", sort, 2},
    {"interpreter-switch", "calls", switch_interpreter, 100},
    {"interpreter-goto", "calls", goto_interpreter, 100},
    {0},
};
