namespace Holon.Jvm.Natives;

/// <summary>java.lang.StrictMath, and the functions of java.lang.Math that the host has instructions for.</summary>
internal static class MathNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        var strict = of("java/lang/StrictMath");
        foreach (var (name, function) in (ReadOnlySpan<(string, Func<double, double>)>)
        [
            ("sin", Math.Sin), ("cos", Math.Cos), ("tan", Math.Tan), ("asin", Math.Asin), ("acos", Math.Acos), ("atan", Math.Atan), ("log", Math.Log), ("log10", Math.Log10),
            ("sqrt", Math.Sqrt), ("sinh", Math.Sinh), ("cosh", Math.Cosh), ("tanh", Math.Tanh), ("expm1", Expm1), ("log1p", Log1p),
        ])
        {
            strict.Double(name + "(D)D", a => function(a.Double(0)));
        }
        strict.Double("IEEEremainder(DD)D", a => Math.IEEERemainder(a.Double(0), a.Double(2)))
            .Double("atan2(DD)D", a => Math.Atan2(a.Double(0), a.Double(2)));
        of("java/lang/Math")
            .Double("sqrt(D)D", a => Math.Sqrt(a.Double(0)))
            .Double("abs(D)D", a => Math.Abs(a.Double(0)))
            .Double("floor(D)D", a => Math.Floor(a.Double(0)))
            .Double("ceil(D)D", a => Math.Ceiling(a.Double(0)));
    }

    private static double Expm1(double x) => Libc.Expm1(x);

    private static double Log1p(double x) => Libc.Log1p(x);
}
