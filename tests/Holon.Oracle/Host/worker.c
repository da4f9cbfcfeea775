/*
 * Runs single user-mode instructions on the host's processor, each from a given register state, and reports the state
 * afterwards. It is a process of its own because such an instruction may do anything to the process that executes it.
 *
 * usage: worker FILE   FILE is the mapping shared with the test process: struct control, test cases, results.
 * protocol: a 32-bit case count on standard input runs that many cases; the same number comes back on standard output.
 *
 * One case: IRETQ loads RIP, RFLAGS and RSP at once. The instruction runs into the INT3 that fills the code pages, or, if it
 * may go elsewhere, has TF set, so that the processor traps after exactly one instruction (SDM vol. 3 section 18.3.1.4); that
 * trap is ten times slower in a virtual machine. Every trap arrives as a signal, whose frame holds the state to report; the
 * handler never returns to the instruction.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* AddressLayout.cs has the same numbers. */
#define CODE_ADDRESS 0x10000000ul
#define CODE_SIZE 0x2000ul
#define WINDOW_ADDRESS 0x20000000ul
#define WINDOW_SIZE 0x3000ul
#define WINDOW_WRITABLE 0x2000ul

#define XSAVE_SIZE 832 /* legacy region, header, upper halves of YMM0-15 in the standard format */
#define WRITTEN_CAPACITY 1024
#define PATCH_CAPACITY 576
#define SINGLE_STEP 1u

struct state {
    uint8_t xsave[XSAVE_SIZE];
    uint64_t gpr[16];
    uint64_t rip, rflags, fs_base, gs_base;
    uint16_t selectors[6]; /* ES CS SS DS FS GS; CS and SS are only reported */
    uint8_t reserved[20];
};

struct test_case {
    struct state before;
    uint8_t code[16];
    uint32_t code_length, flags;
    uint64_t patch_address;
    uint32_t patch_length, reserved;
    uint8_t patch[PATCH_CAPACITY];
    uint8_t padding[24];
};

struct result {
    struct state after;
    uint32_t vector, error_code;
    uint64_t fault_address;
    int32_t signal_number, signal_code;
    uint32_t written_start, written_length;
    uint8_t padding[32];
    uint8_t written[WRITTEN_CAPACITY];
};

struct control {
    uint32_t capacity;
    volatile uint32_t current; /* the case being run, for whoever finds this process dead */
    uint8_t padding[56];
    uint8_t window[WINDOW_SIZE]; /* what the data window holds before each case, except for the case's patch */
};

_Static_assert(sizeof(struct state) == 1024, "state");
_Static_assert(sizeof(struct test_case) == 1664, "test_case");
_Static_assert(sizeof(struct result) == 1024 + 64 + WRITTEN_CAPACITY, "result");
_Static_assert(sizeof(struct control) % 64 == 0, "XRSTOR wants 64-byte alignment");

static struct control *control;
static struct test_case *cases;
static struct result *results;
static struct result *current_result;
static uint8_t *code_alias, *window_alias;
static uint8_t expected[WINDOW_SIZE];
static uint64_t own_fs_base;
static uint8_t signal_stack[1 << 16] __attribute__((aligned(64)));

uint64_t iret_frame[5] __attribute__((aligned(64)));
uint64_t saved_rsp;
void enter_case(const struct state *state);
void leave_case(void) __attribute__((noreturn));
void signal_entry(int, siginfo_t *, void *);

__asm__(
    ".text\n"
    "enter_case:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, saved_rsp(%rip)\n"
    "  mov 992(%rdi), %es; mov 998(%rdi), %ds; mov 1000(%rdi), %fs; mov 1002(%rdi), %gs\n"
    "  mov 976(%rdi), %rax; wrfsbase %rax\n"
    "  mov 984(%rdi), %rax; wrgsbase %rax\n"
    /* x87, SSE, AVX from the image; AVX-512 to its initial state, where it exists */
    "  mov $0xe7, %eax; xor %edx, %edx; xrstor64 (%rdi)\n"
    "  mov 960(%rdi), %rax; mov %rax, iret_frame(%rip)\n"
    "  movq $0x33, iret_frame+8(%rip)\n" /* and its code selector */
    "  mov 968(%rdi), %rax; mov %rax, iret_frame+16(%rip)\n"
    "  mov 864(%rdi), %rax; mov %rax, iret_frame+24(%rip)\n"
    "  movq $0x2b, iret_frame+32(%rip)\n" /* Linux's user stack selector */
    "  lea iret_frame(%rip), %rsp\n"
    "  mov 832(%rdi), %rax; mov 840(%rdi), %rcx; mov 848(%rdi), %rdx; mov 856(%rdi), %rbx\n"
    "  mov 872(%rdi), %rbp; mov 880(%rdi), %rsi\n"
    "  mov 896(%rdi), %r8; mov 904(%rdi), %r9; mov 912(%rdi), %r10; mov 920(%rdi), %r11\n"
    "  mov 928(%rdi), %r12; mov 936(%rdi), %r13; mov 944(%rdi), %r14; mov 952(%rdi), %r15\n"
    "  mov 888(%rdi), %rdi\n"
    "  iretq\n"
    "leave_case:\n"
    "  mov saved_rsp(%rip), %rsp\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    /* The kernel clears DF and TF for a handler, but not AC and NT, which POPF may have set. */
    "signal_entry:\n"
    "  pushq $2; popfq\n"
    "  jmp on_signal\n");

static void copy_fpu_state(uint8_t *to, const uint8_t *from)
{
    uint64_t in_use;
    memcpy(&in_use, from + 512, sizeof in_use);
    memcpy(to, from, 512);
    memset(to + 416, 0, 96);      /* available to software: the kernel's notes */
    memset(to + 512, 0, 64);      /* XSTATE_BV says what XSAVE left out, not what the state is */
    if (!(in_use & 1)) {          /* XSAVE does not write what is in its initial configuration */
        memset(to, 0, 24);
        to[0] = 0x7f, to[1] = 0x03;
        memset(to + 32, 0, 128);
    }
    if (!(in_use & 2)) memset(to + 160, 0, 256);
    if (in_use & 4) memcpy(to + 576, from + 576, 256); else memset(to + 576, 0, 256);
}

/* Until the base of FS is our own again, nothing here may touch thread-local storage. */
__attribute__((used, noreturn)) static void on_signal(int number, siginfo_t *info, void *context)
{
    struct result *result = current_result;
    uint64_t fs_base, gs_base;
    __asm__ volatile("rdfsbase %0" : "=r"(fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(gs_base));
    __asm__ volatile("wrfsbase %0" : : "r"(own_fs_base));

    const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    static const uint8_t order[16] = {
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
        REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    for (int i = 0; i < 16; i++) result->after.gpr[i] = (uint64_t)g[order[i]];
    result->after.rip = (uint64_t)g[REG_RIP];
    result->after.rflags = (uint64_t)g[REG_EFL];
    uint64_t code_and_stack = (uint64_t)g[REG_CSGSFS];
    __asm__ volatile("mov %%es, %0" : "=m"(result->after.selectors[0]));
    result->after.selectors[1] = (uint16_t)code_and_stack;
    result->after.selectors[2] = (uint16_t)(code_and_stack >> 48);
    __asm__ volatile("mov %%ds, %0" : "=m"(result->after.selectors[3]));
    __asm__ volatile("mov %%fs, %0" : "=m"(result->after.selectors[4]));
    __asm__ volatile("mov %%gs, %0" : "=m"(result->after.selectors[5]));
    result->after.fs_base = fs_base;
    result->after.gs_base = gs_base;
    copy_fpu_state(result->after.xsave, (const uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs);
    result->vector = (uint32_t)g[REG_TRAPNO];
    result->error_code = (uint32_t)g[REG_ERR];
    result->fault_address = (uint64_t)g[REG_CR2];
    result->signal_number = number;
    result->signal_code = info->si_code;
    leave_case();
}

/* The smallest range that holds every byte the instruction changed. */
static void record_writes(struct result *result)
{
    uint32_t first = 0, last = WINDOW_WRITABLE;
    result->written_start = result->written_length = 0;
    if (memcmp(window_alias, expected, WINDOW_WRITABLE) == 0) return;
    while (window_alias[first] == expected[first]) first++;
    while (window_alias[last - 1] == expected[last - 1]) last--;
    uint32_t length = last - first;
    result->written_start = first;
    result->written_length = length;
    memcpy(result->written, window_alias + first, length < WRITTEN_CAPACITY ? length : WRITTEN_CAPACITY);
    memcpy(window_alias + first, expected + first, length);
}

static void run_case(const struct test_case *test, struct result *result)
{
    uint8_t *code = code_alias + (test->before.rip - CODE_ADDRESS);
    uint64_t room = CODE_ADDRESS + CODE_SIZE - test->before.rip;
    uint64_t code_length = test->code_length < room ? test->code_length : room;
    uint64_t patch = test->patch_address - WINDOW_ADDRESS;
    memcpy(code, test->code, code_length);
    memcpy(window_alias + patch, test->patch, test->patch_length);
    memcpy(expected + patch, test->patch, test->patch_length);

    current_result = result;
    enter_case(&test->before);

    record_writes(result);
    memset(code, 0xcc, code_length);
    memcpy(window_alias + patch, control->window + patch, test->patch_length);
    memcpy(expected + patch, control->window + patch, test->patch_length);
}

/* What the generator promises; checked because a broken promise would be blamed on an instruction. */
static int is_valid(const struct test_case *test)
{
    return test->before.rip - CODE_ADDRESS < CODE_SIZE && test->code_length <= 15 && test->patch_length <= PATCH_CAPACITY
        && test->patch_address - WINDOW_ADDRESS <= WINDOW_SIZE - test->patch_length;
}

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

static uint8_t *map_pages(int file, uint64_t offset, uint64_t size, int protection, uint64_t address)
{
    void *at = mmap((void *)address, size, protection, MAP_SHARED | MAP_POPULATE | (address ? MAP_FIXED_NOREPLACE : 0), file, (off_t)offset);
    if (at == MAP_FAILED) die("mmap");
    return at;
}

static void map_guest_pages(void)
{
    int file = memfd_create("oracle", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, CODE_SIZE + WINDOW_SIZE) != 0) die("memfd");
    code_alias = map_pages(file, 0, CODE_SIZE, PROT_READ | PROT_WRITE, 0);
    window_alias = map_pages(file, CODE_SIZE, WINDOW_SIZE, PROT_READ | PROT_WRITE, 0);
    memset(code_alias, 0xcc, CODE_SIZE);
    map_pages(file, 0, CODE_SIZE, PROT_READ | PROT_EXEC, CODE_ADDRESS);
    map_pages(file, CODE_SIZE, WINDOW_WRITABLE, PROT_READ | PROT_WRITE, WINDOW_ADDRESS);
    map_pages(file, CODE_SIZE + WINDOW_WRITABLE, WINDOW_SIZE - WINDOW_WRITABLE, PROT_READ, WINDOW_ADDRESS + WINDOW_WRITABLE);
}

static void install_handlers(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
    stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof signal_stack };
    if (sigaltstack(&stack, NULL) != 0) die("sigaltstack");
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction action = { .sa_sigaction = signal_entry, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
        if (sigaction(signals[i], &action, NULL) != 0) die("sigaction");
    }
}

int main(int argc, char **argv)
{
    struct stat status;
    int file;
    if (argc != 2 || (file = open(argv[1], O_RDWR)) < 0 || fstat(file, &status) != 0) die("shared file");
    if (!(getauxval(AT_HWCAP2) & 2)) return fprintf(stderr, "the kernel does not let user mode write FS.base (FSGSBASE)\n"), 3;
    control = (struct control *)map_pages(file, 0, (uint64_t)status.st_size, PROT_READ | PROT_WRITE, 0);
    cases = (struct test_case *)(control + 1);
    results = (struct result *)(cases + control->capacity);
    if ((uint8_t *)(results + control->capacity) > (uint8_t *)control + status.st_size) return 4;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &own_fs_base);
    map_guest_pages();
    install_handlers();

    uint32_t count;
    while (read(0, &count, sizeof count) == sizeof count) {
        memcpy(window_alias, control->window, WINDOW_SIZE);
        memcpy(expected, control->window, WINDOW_SIZE);
        for (uint32_t i = control->current; i < count && i < control->capacity; i++) {
            control->current = i;
            if (!is_valid(&cases[i])) return 5;
            if (cases[i].flags & SINGLE_STEP) cases[i].before.rflags |= 0x100;
            run_case(&cases[i], &results[i]);
        }
        control->current = count;
        if (write(1, &count, sizeof count) != sizeof count) return 6;
    }
    return 0;
}
