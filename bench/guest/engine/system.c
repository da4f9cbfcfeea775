// What goes through the kernel: system calls, page faults, processes and switches between them.
#define _GNU_SOURCE
#include "bench.h"
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static uint64_t call_getppid(uint64_t iterations) {
    uint64_t good = 0;
    for (uint64_t i = 0; i < iterations; i++) good += syscall(SYS_getppid) >= 0;
    return good;
}

// A new mapping of 64 pages, each touched.
static uint64_t page_faults(uint64_t iterations) {
    enum { PAGES = 64 };
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        uint8_t *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) fail("mmap");
        for (int page = 0; page < PAGES; page++) sum += ++pages[page * PAGE];
        munmap(pages, PAGES * PAGE);
    }
    return sum;
}

// A page loses the right to be written, gets it back and is written.
static uint64_t change_protection(uint64_t iterations) {
    uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) fail("mmap");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        *(volatile uint8_t *)page = (uint8_t)i;
        if (mprotect(page, PAGE, PROT_READ) != 0) fail("mprotect");
        sum += *(volatile uint8_t *)page;
        if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0) fail("mprotect");
    }
    munmap(page, PAGE);
    return sum;
}

static uint64_t fork_and_wait(uint64_t iterations) {
    uint64_t good = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) _exit(7);
        int status;
        good += waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
    }
    return good;
}

static uint64_t fork_exec_and_wait(uint64_t iterations) {
    uint64_t good = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            char *const arguments[] = {"engine", "--nothing", NULL}, *const environment[] = {NULL};
            execve("/proc/self/exe", arguments, environment);
            _exit(1);
        }
        int status;
        good += waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return good;
}

// A second process, for kernels that need one; it ends with the first.
static pid_t partner;

static void start_partner(void (*work)(void)) {
    pid_t parent = getpid();
    partner = fork();
    if (partner < 0) fail("fork");
    if (partner > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) work();
    _exit(0);
}

static void end_partner(void) {
    kill(partner, SIGKILL);
    waitpid(partner, NULL, 0);
}

static int there[2], back[2];

static void echo(void) {
    char byte;
    while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) { }
}

static void open_pipes(void) {
    if (pipe(there) != 0 || pipe(back) != 0) fail("pipe");
    start_partner(echo);
}

static void close_pipes(void) {
    end_partner();
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
}

// A byte goes to the other process and comes back.
static uint64_t ping_pong(uint64_t iterations) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        char byte = (char)i;
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) fail("pipe");
        sum += (uint8_t)byte;
    }
    return sum;
}

static atomic_int *turn; // shared: 0 ours, 1 the partner's

static void pass_turn(int from, int to) {
    while (atomic_load(turn) != from) syscall(SYS_futex, turn, FUTEX_WAIT, to, NULL, NULL, 0);
    atomic_store(turn, to);
    syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void pass_back(void) {
    for (;;) pass_turn(1, 0);
}

static void open_futex(void) {
    turn = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED) fail("mmap");
    start_partner(pass_back);
}

static void close_futex(void) {
    end_partner();
    munmap(turn, PAGE);
}

// Two context switches an iteration.
static uint64_t futex_switch(uint64_t iterations) {
    for (uint64_t i = 0; i < iterations; i++) pass_turn(0, 1);
    return iterations;
}

static void yield_for_ever(void) {
    for (;;) sched_yield();
}

static void open_yield(void) { start_partner(yield_for_ever); }

static uint64_t yield(uint64_t iterations) {
    uint64_t good = 0;
    for (uint64_t i = 0; i < iterations; i++) good += sched_yield() == 0;
    return good;
}

static volatile uint64_t signals;

static void count_signal(int number) { signals += number; }

static uint64_t deliver_signals(uint64_t iterations) {
    struct sigaction action = {.sa_handler = count_signal}, before;
    sigaction(SIGUSR1, &action, &before);
    signals = 0;
    pid_t self = getpid();
    for (uint64_t i = 0; i < iterations; i++) kill(self, SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    return signals;
}

const struct kernel system_kernels[] = {
    {"getppid", "system", call_getppid, 1000},
    {"page-faults", "system", page_faults, 5},
    {"mprotect", "system", change_protection, 300},
    {"fork", "system", fork_and_wait, 3},
    {"fork-exec", "system", fork_exec_and_wait, 2},
    {"pipe", "system", ping_pong, 300, NULL, open_pipes, close_pipes},
    {"futex-switch", "system", futex_switch, 100, NULL, open_futex, close_futex},
    {"yield-switch", "system", yield, 100, NULL, open_yield, end_partner},
    {"signal", "system", deliver_signals, 100},
    {0},
};
