// Does over and over what is hardest for an engine's bookkeeping: processes that start, execute and end, memory that comes, changes its
// rights and goes, and code that is written, run and written again. Prints "soak DONE" ten times on its way, and checks what it computes.
//   soak OPERATIONS
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16 };

static void fail(const char *what) {
    fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *map(size_t length, int rights) {
    void *memory = mmap(NULL, length, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
}

static void wait_for(pid_t child, int expected) {
    int status;
    if (child < 0) fail("fork");
    if (waitpid(child, &status, 0) != child) fail("wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected) {
        fprintf(stderr, "soak: a child ended with %x instead of %d\n", status, expected);
        exit(1);
    }
}

// Copy on write: the child changes what the parent then finds unchanged.
static void fork_operation(unsigned number) {
    static volatile unsigned shared;
    shared = number;
    pid_t child = fork();
    if (child == 0) {
        shared = ~number;
        _exit(shared == ~number ? number & 63 : 99);
    }
    wait_for(child, number & 63);
    if (shared != number) fail("a child changed its parent's memory");
}

static void exec_operation(void) {
    pid_t child = fork();
    if (child == 0) {
        char *const arguments[] = {"soak", "0", NULL}, *const environment[] = {NULL};
        execve("/proc/self/exe", arguments, environment);
        _exit(98);
    }
    wait_for(child, 0);
}

static void map_operation(unsigned number) {
    uint32_t *memory = map(PAGES * PAGE, PROT_READ | PROT_WRITE);
    for (unsigned page = 0; page < PAGES; page++) memory[page * (PAGE / 4)] = number + page;
    if (mprotect(memory, PAGES * PAGE, PROT_READ) != 0) fail("mprotect");
    if (munmap((char *)memory + PAGES / 2 * PAGE, PAGES / 2 * PAGE) != 0) fail("munmap");
    for (unsigned page = 0; page < PAGES / 2; page++)
        if (memory[page * (PAGE / 4)] != number + page) fail("memory changed by itself");
    if (munmap(memory, PAGES / 2 * PAGE) != 0) fail("munmap");
}

typedef uint32_t function(void);

// mov eax, VALUE; ret
static void emit(uint8_t *code, uint32_t value) {
    code[0] = 0xB8;
    memcpy(code + 1, &value, 4);
    code[5] = 0xC3;
}

// As just-in-time compilers do: code in a page that is writable and executable, replaced while it is hot.
static void rewrite_operation(unsigned number) {
    static uint8_t *page;
    if (!page) page = map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint8_t *code = page + (number * 16) % PAGE;
    for (uint32_t turn = 0; turn < 4; turn++) {
        emit(code, number + turn);
        if (((function *)(uintptr_t)code)() != number + turn) fail("old code was executed");
    }
}

// As loaders do: pages of code are written, made executable, run and given back.
static void load_operation(unsigned number) {
    uint8_t *page = map(PAGE, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < 16; i++) emit(page + i * 256, number + i);
    if (mprotect(page, PAGE, PROT_READ | PROT_EXEC) != 0) fail("mprotect");
    for (unsigned i = 0; i < 16; i++)
        if (((function *)(uintptr_t)(page + i * 256))() != number + i) fail("other code was executed");
    if (munmap(page, PAGE) != 0) fail("munmap");
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: soak OPERATIONS\n");
        return 2;
    }
    unsigned long operations = strtoul(arguments[1], NULL, 10), step = operations < 10 ? 1 : operations / 10;
    if (operations == 0) return 0; // what exec_operation starts
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned long i = 0; i < operations; i++) {
        switch (i % 16) {
        case 0: case 5: case 10: fork_operation((unsigned)i); break;
        case 15: exec_operation(); break;
        case 1: case 6: case 11: case 14: rewrite_operation((unsigned)i); break;
        case 3: case 8: case 13: load_operation((unsigned)i); break;
        default: map_operation((unsigned)i); break;
        }
        if ((i + 1) % step == 0) printf("soak %lu\n", i + 1);
    }
    printf("soak done\n");
    return 0;
}
