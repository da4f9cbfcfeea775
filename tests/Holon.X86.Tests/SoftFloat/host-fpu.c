// Answers floating-point operations with what this host's own processor computes, for comparison with the soft float.
// Reads request records on stdin until its end, writes one reply record for each.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

struct request { uint32_t op, control, imm, pad; uint8_t a[16], b[16], c[16]; };
struct reply { uint8_t r[16], r2[16]; uint32_t flags, extra, faulted, pad; };

static sigjmp_buf resume;
static volatile uint32_t faulting_mxcsr;

static void on_fpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig; (void)info;
    faulting_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(resume, 1);
}

static void set_mxcsr(uint32_t v) { __asm__ volatile("ldmxcsr %0" : : "m"(v)); }
static uint32_t get_mxcsr(void) { uint32_t v; __asm__ volatile("stmxcsr %0" : "=m"(v)); return v; }

// Scalar SSE: xmm0 = a, xmm1 = b, xmm2 = c; result in xmm0.
#define SSE(n, text) case n: \
    __asm__ volatile("movdqu %[a], %%xmm0\n movdqu %[b], %%xmm1\n movdqu %[c], %%xmm2\n ldmxcsr %[m]\n " text "\n stmxcsr %[m]\n movdqu %%xmm0, %[r]" \
        : [m] "+m"(mxcsr), [r] "=m"(*(uint8_t(*)[16])out->r) \
        : [a] "m"(*(const uint8_t(*)[16])in->a), [b] "m"(*(const uint8_t(*)[16])in->b), [c] "m"(*(const uint8_t(*)[16])in->c) \
        : "xmm0", "xmm1", "xmm2"); break;
// To and from general registers: rax = first 8 bytes of a; xmm0 = a; result in rax and the flags in extra.
#define GPR(n, text) case n: { uint64_t rax, fl; memcpy(&rax, in->a, 8); \
    __asm__ volatile("movdqu %[a], %%xmm0\n movdqu %[b], %%xmm1\n ldmxcsr %[m]\n xor %%ecx, %%ecx\n " text "\n pushfq\n pop %[f]\n stmxcsr %[m]\n movdqu %%xmm0, %[r]" \
        : [m] "+m"(mxcsr), [r] "=m"(*(uint8_t(*)[16])out->r), [f] "=&r"(fl), "+a"(rax) \
        : [a] "m"(*(const uint8_t(*)[16])in->a), [b] "m"(*(const uint8_t(*)[16])in->b) \
        : "xmm0", "xmm1", "rcx", "cc", "memory"); \
    memcpy(out->r2, &rax, 8); out->extra = (uint32_t)fl & 0x45; } break;
#define IMM1(n, i, text) SSE(((n) << 8) + (i), text " $" #i ", %%xmm1, %%xmm0, %%xmm0")
#define IMM1U(n, i, text) SSE(((n) << 8) + (i), text " $" #i ", %%xmm0, %%xmm0")
#define IMM8(M, n, text) M(n, 0, text) M(n, 1, text) M(n, 2, text) M(n, 3, text) M(n, 4, text) M(n, 5, text) M(n, 6, text) M(n, 7, text)
#define IMM16(M, n, text) IMM8(M, n, text) M(n, 8, text) M(n, 9, text) M(n, 10, text) M(n, 11, text) M(n, 12, text) M(n, 13, text) M(n, 14, text) M(n, 15, text)
#define IMM32(M, n, text) IMM16(M, n, text) M(n, 16, text) M(n, 17, text) M(n, 18, text) M(n, 19, text) M(n, 20, text) M(n, 21, text) M(n, 22, text) M(n, 23, text) \
    M(n, 24, text) M(n, 25, text) M(n, 26, text) M(n, 27, text) M(n, 28, text) M(n, 29, text) M(n, 30, text) M(n, 31, text)

static void sse(const struct request *in, struct reply *out)
{
    static uint32_t mxcsr;
    mxcsr = in->control;
    out->faulted = 0;
    if (sigsetjmp(resume, 0))
    {
        out->faulted = 1;
        out->flags = faulting_mxcsr;
        return;
    }

    switch ((in->op << 8) + in->imm)
    {
#define BOTH(n, text) SSE((n) << 8, text "s %%xmm1, %%xmm0") SSE(((n) + 64) << 8, text "d %%xmm1, %%xmm0")
        BOTH(0, "adds") BOTH(1, "subs") BOTH(2, "muls") BOTH(3, "divs") BOTH(5, "mins") BOTH(6, "maxs")
        SSE(4 << 8, "sqrtss %%xmm0, %%xmm0") SSE(68 << 8, "sqrtsd %%xmm0, %%xmm0")
        // Destination xmm1, second operand xmm0, third xmm2; immediates 0 1 2 stand for the forms 213 132 231.
#define FORM(n, i, text) SSE(((n) << 8) + (i), text " %%xmm2, %%xmm0, %%xmm1\n movaps %%xmm1, %%xmm0")
#define FMA(n, text) FORM(n, 0, text "213ss") FORM(n, 1, text "132ss") FORM(n, 2, text "231ss") \
    FORM((n) + 64, 0, text "213sd") FORM((n) + 64, 1, text "132sd") FORM((n) + 64, 2, text "231sd")
        FMA(7, "vfmadd") FMA(8, "vfmsub") FMA(9, "vfnmadd") FMA(10, "vfnmsub")
        IMM32(IMM1, 11, "vcmpss") IMM32(IMM1, 75, "vcmpsd")
        IMM16(IMM1, 12, "vroundss") IMM16(IMM1, 76, "vroundsd")
        GPR(13 << 8, "comiss %%xmm1, %%xmm0") GPR(77 << 8, "comisd %%xmm1, %%xmm0")
        GPR(14 << 8, "ucomiss %%xmm1, %%xmm0") GPR(78 << 8, "ucomisd %%xmm1, %%xmm0")
        GPR(15 << 8, "cvtsi2ss %%eax, %%xmm0") GPR(79 << 8, "cvtsi2sd %%eax, %%xmm0")
        GPR(16 << 8, "cvtsi2ssq %%rax, %%xmm0") GPR(80 << 8, "cvtsi2sdq %%rax, %%xmm0")
        GPR(17 << 8, "cvtss2si %%xmm0, %%eax") GPR(81 << 8, "cvtsd2si %%xmm0, %%eax")
        GPR(18 << 8, "cvtss2si %%xmm0, %%rax") GPR(82 << 8, "cvtsd2si %%xmm0, %%rax")
        GPR(19 << 8, "cvttss2si %%xmm0, %%eax") GPR(83 << 8, "cvttsd2si %%xmm0, %%eax")
        GPR(20 << 8, "cvttss2si %%xmm0, %%rax") GPR(84 << 8, "cvttsd2si %%xmm0, %%rax")
        SSE(21 << 8, "cvtss2sd %%xmm0, %%xmm0") SSE(85 << 8, "cvtsd2ss %%xmm0, %%xmm0")
        SSE(22 << 8, "vcvtph2ps %%xmm0, %%xmm0")
        IMM8(IMM1U, 23, "vcvtps2ph")
    default: abort();
    }

    out->flags = mxcsr;
}

struct __attribute__((packed)) fsave { uint32_t cw, sw, tw, ip, cs, dp, ds; uint8_t st[8][10]; };

// x87: ST0 = a, ST1 = b, then the operation; FNSAVE shows everything afterwards and never faults.
#define X87(n, text) case n: \
    __asm__ volatile("fninit\n fldt %[b]\n fldt %[a]\n fldcw %[cw]\n " text "\n fnsave %[s]" \
        : [s] "=m"(image), [o] "+m"(*(uint8_t(*)[16])memory) \
        : [a] "m"(*(const uint8_t(*)[10])in->a), [b] "m"(*(const uint8_t(*)[10])in->b), [m] "m"(*(const uint8_t(*)[10])in->c), [cw] "m"(cw) : "memory"); break;
// The same with an empty stack and the operand in memory.
#define X87M(n, text) case n: \
    __asm__ volatile("fninit\n fldcw %[cw]\n " text "\n fnsave %[s]" : [s] "=m"(image) : [a] "m"(*(const uint8_t(*)[10])in->a), [cw] "m"(cw) : "memory"); break;

static void x87(const struct request *in, struct reply *out)
{
    static struct fsave image;
    static uint8_t memory[16];
    uint16_t cw = (uint16_t)in->control;
    memset(memory, 0xCC, 16);
    switch (in->op)
    {
        X87(128, "fadd %%st(1), %%st") X87(129, "fsub %%st(1), %%st") X87(130, "fmul %%st(1), %%st") X87(131, "fdiv %%st(1), %%st")
        X87(132, "fsubr %%st(1), %%st") X87(133, "fdivr %%st(1), %%st")
        X87(134, "fsqrt") X87(135, "fprem") X87(136, "fprem1") X87(137, "frndint") X87(138, "fscale") X87(139, "fxtract")
        X87(140, "fcom %%st(1)") X87(141, "fucom %%st(1)") X87(142, "ftst") X87(143, "fxam")
        X87(144, "fistps %[o]") X87(145, "fistpl %[o]") X87(146, "fistpll %[o]")
        X87(147, "fisttps %[o]") X87(148, "fisttpl %[o]") X87(149, "fisttpll %[o]")
        X87(150, "fsts %[o]") X87(151, "fstl %[o]") X87(152, "fbstp %[o]")
        X87M(153, "filds %[a]") X87M(154, "fildl %[a]") X87M(155, "fildll %[a]") X87M(156, "flds %[a]") X87M(157, "fldl %[a]") X87M(158, "fbld %[a]")
        X87(159, "fadds %[m]") X87(160, "faddl %[m]") X87(161, "fiadds %[m]") X87(162, "fiaddl %[m]") X87(163, "fdivrs %[m]") X87(164, "fmull %[m]")
        X87(165, "fcoms %[m]") X87(166, "ficoml %[m]")
        X87(170, "f2xm1") X87(171, "fyl2x") X87(172, "fyl2xp1") X87(173, "fptan") X87(174, "fpatan") X87(175, "fsin") X87(176, "fcos") X87(177, "fsincos")
        X87M(180, "fld1") X87M(181, "fldl2t") X87M(182, "fldl2e") X87M(183, "fldpi") X87M(184, "fldlg2") X87M(185, "fldln2") X87M(186, "fldz")
    default: abort();
    }

    // FNSAVE stores the registers from ST0 on.
    memset(out, 0, sizeof *out);
    out->flags = image.sw & 0xFFFF;
    out->extra = image.tw & 0xFFFF;
    memcpy(out->r, image.st[0], 10);
    memcpy(out->r2, image.st[1], 10);
    if ((in->op >= 144 && in->op <= 152)) memcpy(out->r2, memory, 16);
}

int main(void)
{
    static struct request in[4096];
    static struct reply out[4096];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fpe;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGFPE, &action, 0);
    size_t count;
    while ((count = fread(in, sizeof *in, 4096, stdin)) > 0)
    {
        uint32_t saved = get_mxcsr();
        for (size_t i = 0; i < count; i++)
        {
            memset(&out[i], 0, sizeof out[i]);
            if (in[i].op < 128) sse(&in[i], &out[i]);
            else x87(&in[i], &out[i]);
            set_mxcsr(saved);
        }

        if (fwrite(out, sizeof *out, count, stdout) != count || fflush(stdout)) return 1;
    }

    return 0;
}
