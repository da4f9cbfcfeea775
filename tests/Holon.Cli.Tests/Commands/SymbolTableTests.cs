using Holon.Cli.Commands.Machines;
using Holon.Machines;

namespace Holon.Cli.Tests.Commands;

public sealed class SymbolTableTests
{
    private static readonly SymbolTable Table = SymbolTable.Parse(["ffffffff81000000 T _text", "ffffffff81000200 t second\t[module]", "garbage", "", "xyz T bad"], "map");

    [Theory]
    [InlineData(0xffffffff81000000, "_text")]
    [InlineData(0xffffffff810001ff, "_text")]
    [InlineData(0xffffffff81000200, "second")]
    [InlineData(0xffffffff80ffffff, "")]
    [InlineData(0xffffffffa1000200, "")]
    public void An_address_belongs_to_the_symbol_before_it(ulong address, string expected) => Assert.Equal(expected, Table.Find(address));

    [Fact]
    public void A_map_without_addresses_is_refused() =>
        Assert.Contains("no symbols", Assert.Throws<HolonException>(() => SymbolTable.Parse(["ffffffffffffffff B The real System.map is in the linux-image-6.1.0-56-cloud-amd64-dbg package"], "map")).Message, StringComparison.Ordinal);
}
