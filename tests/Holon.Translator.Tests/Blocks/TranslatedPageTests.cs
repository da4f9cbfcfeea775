using CsCheck;
using Holon.Translator.Blocks;

namespace Holon.Translator.Tests.Blocks;

/// <summary>The blocks of a page are found as a dictionary would find them.</summary>
public sealed class TranslatedPageTests
{
    [Fact]
    public void Blocks_are_found_until_they_are_removed()
    {
        var operation = Gen.Select(Gen.Int[0, 3], Gen.ULong[0, 60], Gen.Int[0, 2]);
        operation.Array[0, 300].Sample(operations =>
        {
            var page = new TranslatedPage();
            var expected = new Dictionary<(ulong, int), TranslatedBlock>();
            foreach (var (kind, number, mode) in operations)
            {
                var linear = (number % 7 * 0x7000_1000) + number;
                var found = page.Find(linear, mode);
                if (found != expected.GetValueOrDefault((linear, mode))) return false;
                if (kind == 0 && found != null)
                {
                    page.Remove(found);
                    page.Remove(found); // once more changes nothing
                    expected.Remove((linear, mode));
                }
                else if (found == null)
                {
                    page.Add(expected[(linear, mode)] = new TranslatedBlock { Linear = linear, Physical = number, Mode = mode });
                }
            }

            return expected.Values.ToHashSet().SetEquals(page.Blocks);
        });
    }
}
