using System.Globalization;

namespace Holon.Python.Runtime;

/// <summary>
/// Characters whose upper, title or folded case is not one character of the simple mapping (Unicode's SpecialCasing.txt and CaseFolding.txt). The tables are
/// hexadecimal: <c>character=characters*count</c>; of a run, the character and the first of its characters grow together.
/// </summary>
internal static class SpecialCasing
{
    private static readonly Dictionary<int, int[]> UpperTable = Read("df=53+53 149=2bc+4e 1f0=4a+30c 390=399+308+301 3b0=3a5+308+301 587=535+552 1e96=48+331 1e97=54+308 1e98=57+30a 1e99=59+30a 1e9a=41+2be 1f50=3a5+313 1f52=3a5+313+300 1f54=3a5+313+301 1f56=3a5+313+342 "
        + "1f80=1f08+399*8 1f88=1f08+399*8 1f90=1f28+399*8 1f98=1f28+399*8 1fa0=1f68+399*8 1fa8=1f68+399*8 1fb2=1fba+399 1fb3=391+399 1fb4=386+399 1fb6=391+342 1fb7=391+342+399 1fbc=391+399 1fc2=1fca+399 1fc3=397+399 1fc4=389+399 1fc6=397+342 1fc7=397+342+399 1fcc=397+399 "
        + "1fd2=399+308+300 1fd3=399+308+301 1fd6=399+342 1fd7=399+308+342 1fe2=3a5+308+300 1fe3=3a5+308+301 1fe4=3a1+313 1fe6=3a5+342 1fe7=3a5+308+342 1ff2=1ffa+399 1ff3=3a9+399 1ff4=38f+399 1ff6=3a9+342 1ff7=3a9+342+399 1ffc=3a9+399 "
        + "fb00=46+46 fb01=46+49 fb02=46+4c fb03=46+46+49 fb04=46+46+4c fb05=53+54 fb06=53+54 fb13=544+546 fb14=544+535 fb15=544+53b fb16=54e+546 fb17=544+53d");

    private static readonly Dictionary<int, int[]> TitleTable = Read("df=53+73 1c4=1c5 1c5=1c5 1c6=1c5 1c7=1c8 1c8=1c8 1c9=1c8 1ca=1cb 1cb=1cb 1cc=1cb 1f1=1f2 1f2=1f2 1f3=1f2 587=535+582 10d0=10d0*43 10fd=10fd*3 "
        + "1f80=1f88*8 1f88=1f88*8 1f90=1f98*8 1f98=1f98*8 1fa0=1fa8*8 1fa8=1fa8*8 1fb2=1fba+345 1fb3=1fbc 1fb4=386+345 1fb7=391+342+345 1fbc=1fbc 1fc2=1fca+345 1fc3=1fcc 1fc4=389+345 1fc7=397+342+345 1fcc=1fcc 1ff2=1ffa+345 1ff3=1ffc 1ff4=38f+345 1ff7=3a9+342+345 1ffc=1ffc "
        + "fb00=46+66 fb01=46+69 fb02=46+6c fb03=46+66+69 fb04=46+66+6c fb05=53+74 fb06=53+74 fb13=544+576 fb14=544+565 fb15=544+56b fb16=54e+576 fb17=544+56d");

    private static readonly Dictionary<int, int[]> FoldTable = Read("b5=3bc 130=69+307 17f=73 345=3b9 3c2=3c3 3d0=3b2 3d1=3b8 3d5=3c6 3d6=3c0 3f0=3ba 3f1=3c1 3f5=3b5 13a0=13a0*86 13f8=13f0*6 1c80=432 1c81=434 1c82=43e 1c83=441*2 1c85=442 1c86=44a 1c87=463 1c88=a64b 1e9b=1e61 1e9e=73+73 1fbe=3b9 ab70=13a0*80");

    private static Dictionary<int, int[]> Read(string table)
    {
        var result = new Dictionary<int, int[]>();
        foreach (var each in table.Split(' '))
        {
            var (sides, count) = each.Split('*') is [var first, var number] ? (first, int.Parse(number, CultureInfo.InvariantCulture)) : (each, 1);
            var (from, to) = (Hex(sides.Split('=')[0]), sides.Split('=')[1].Split('+').Select(Hex).ToArray());
            for (var i = 0; i < count; i++)
                result[from + i] = [to[0] + i, .. to[1..]];
        }
        return result;
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>The several characters of an upper case; null when the simple mapping holds.</summary>
    public static int[]? Upper(int character) => UpperTable.GetValueOrDefault(character);

    /// <summary>The title case where it is not the upper case.</summary>
    public static int[]? Title(int character) => TitleTable.GetValueOrDefault(character);

    /// <summary>The folded case where it is neither the lower case nor that of the several characters of <see cref="Upper"/>.</summary>
    public static int[]? Fold(int character) => FoldTable.GetValueOrDefault(character);
}
