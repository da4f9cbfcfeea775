using Holon.Machines;
using Holon.SystemMachine.Boot;
using Holon.X86;
using static Holon.SystemMachine.Tests.Boot.TestKernels;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class PvhLoaderTests
{
    private const uint EntryPoint = (uint)Preferred + 0x40;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Start_information_has_the_fields_of_version_1(bool is64) // Xen, hvm/start_info.h
    {
        using var memory = NewMemory();
        using var initrd = new TemporaryFile(Code);
        var guest = KernelLoader.Load(memory, Elf(is64, pvhEntry: EntryPoint), Request("quiet") with { AcpiRsdpAddress = 0xE0000, Modules = [new(initrd.Path)] });
        Assert.Equal((BootProtocol.Pvh, (ulong)EntryPoint), (guest.Protocol, guest.Entry.Rip));
        var info = guest.Entry.Rbx;
        Assert.Equal((0x336EC578u, 1u, 0u, 1u), (memory.Read<uint>(info), memory.Read<uint>(info + 4), memory.Read<uint>(info + 8), memory.Read<uint>(info + 12)));
        var module = memory.Read<ulong>(info + 16);
        Assert.Equal(Code, memory.Span(memory.Read<ulong>(module), (int)memory.Read<ulong>(module + 8)));
        Assert.Equal((ulong)Code.Length, memory.Read<ulong>(module + 8));
        Assert.Equal("quiet", Text(memory, memory.Read<ulong>(info + 24)));
        Assert.Equal(0xE0000ul, memory.Read<ulong>(info + 32));
        var map = memory.Read<ulong>(info + 40);
        Assert.Equal(3u, memory.Read<uint>(info + 48));
        Assert.Equal((0x100000ul, 0x3F00000ul, 1u), (memory.Read<ulong>(map + 48), memory.Read<ulong>(map + 56), memory.Read<uint>(map + 64)));
    }

    [Fact]
    public void The_processor_starts_in_protected_mode_with_a_busy_task()
    {
        using var memory = NewMemory();
        var state = default(CpuState);
        state.Reset(0x600);
        Load(memory, Elf(pvhEntry: EntryPoint)).Entry.ApplyTo(ref state);
        Assert.Equal(Cr0.PE | Cr0.ET, state.Cr0);
        Assert.Equal((0ul, 0ul, Rflags.Fixed), (state.Cr4, state.Efer, state.Rflags));
        Assert.True(state.Segments[SegmentRegisters.Cs] is { IsCode: true, IsReadable: true, IsBig: true, Base: 0, Limit: uint.MaxValue });
        Assert.Equal((0ul, 0x67u, 0xB), (state.Tr.Base, state.Tr.Limit, state.Tr.Type));
    }

    [Fact]
    public void Zeroed_data_is_zero_even_in_used_memory()
    {
        using var memory = NewMemory();
        memory.Span(Preferred, 0x10000).Fill(0xCC);
        Load(memory, Elf(pvhEntry: EntryPoint, bss: 100));
        Assert.Equal(Code, memory.Span(Preferred, Code.Length));
        Assert.False(memory.Span(Preferred + (ulong)Code.Length, 100).ContainsAnyExcept((byte)0));
        Assert.Equal(0xCC, memory.Read<byte>(Preferred + (ulong)Code.Length + 100));
    }

    [Fact]
    public void An_entry_outside_of_the_kernel_is_refused()
    {
        using var memory = NewMemory();
        Assert.Contains("PVH entry", Assert.Throws<HolonException>(() => Load(memory, Elf(pvhEntry: 0x100))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_over_the_tables_moves_the_tables()
    {
        using var memory = NewMemory();
        var guest = Load(memory, Elf(address: 0x1000, pvhEntry: 0x1010));
        Assert.True(guest.Entry.Rbx >= 0x1000 + (ulong)Code.Length + 4096);
        Assert.Equal(Code, memory.Span(0x1000, Code.Length));
    }

    [Theory]
    [InlineData(0x0ul, "interrupt vectors")]
    [InlineData(0x9F000ul, "video memory")]
    [InlineData(0xFF000ul, "video memory")]
    [InlineData(0xFFFFF000ul, "outside the machine's memory")]
    [InlineData(0x3FFF000ul, "at least 65 MiB")]
    public void A_kernel_where_nothing_may_lie_is_refused(ulong address, string message)
    {
        using var memory = NewMemory();
        Assert.Contains(message, Assert.Throws<HolonException>(() => Load(memory, Elf(address: address, pvhEntry: (uint)address + 0x10))).Message, StringComparison.Ordinal);
    }
}
