using Holon.Jvm.Natives.StrictMath;

namespace Holon.Jvm.Natives;

/// <summary>java.lang.StrictMath, and the functions of java.lang.Math that the host has instructions for; the others of Math are StrictMath's.</summary>
internal static class MathNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        var strict = of("java/lang/StrictMath");
        foreach (var (name, function) in (ReadOnlySpan<(string, Func<double, double>)>)
        [
            ("sin", Trigonometry.Sin), ("cos", Trigonometry.Cos), ("tan", Trigonometry.Tan), ("asin", Arcs.Asin), ("acos", Arcs.Acos), ("atan", Arcs.Atan),
            ("log", Logarithms.Log), ("log10", Logarithms.Log10), ("log1p", Logarithms.Log1p), ("sqrt", Math.Sqrt),
            ("sinh", Exponentials.Sinh), ("cosh", Exponentials.Cosh), ("tanh", Exponentials.Tanh), ("expm1", Exponentials.Expm1),
        ])
        {
            strict.Double(name + "(D)D", a => function(a.Double(0)));
        }
        strict.Double("IEEEremainder(DD)D", a => Logarithms.Remainder(a.Double(0), a.Double(2)))
            .Double("atan2(DD)D", a => Arcs.Atan2(a.Double(0), a.Double(2)));
        of("java/lang/Math")
            .Double("sqrt(D)D", a => Math.Sqrt(a.Double(0)))
            .Double("abs(D)D", a => Math.Abs(a.Double(0)))
            .Double("floor(D)D", a => Math.Floor(a.Double(0)))
            .Double("ceil(D)D", a => Math.Ceiling(a.Double(0)));
    }
}
