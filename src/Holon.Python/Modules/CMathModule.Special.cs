namespace Holon.Python.Modules;

internal static partial class CMathModule
{
    /// <summary>
    /// Results where a part is infinite or no number, by what kinds of numbers the parts are: rows for the real part, columns for the imaginary
    /// one, each in the order -inf, negative, -0, 0, positive, inf, nan. I is infinity, N no number, P a multiple of pi; U cannot occur.
    /// </summary>
    private static class Special
    {
        public static readonly Func<Complex, Complex> ACos = Table("""
            P34 I;P I;P I;P -I;P -I;P34 -I;N I
            P12 I;U U;U U;U U;U U;P12 -I;N N
            P12 I;U U;P12 0;P12 -0;U U;P12 -I;P12 N
            P12 I;U U;P12 0;P12 -0;U U;P12 -I;P12 N
            P12 I;U U;U U;U U;U U;P12 -I;N N
            P14 I;0 I;0 I;0 -I;0 -I;P14 -I;N I
            N I;N N;N N;N N;N N;N -I;N N
            """);

        public static readonly Func<Complex, Complex> ACosh = Table("""
            I -P34;I -P;I -P;I P;I P;I P34;I N
            I -P12;U U;U U;U U;U U;I P12;N N
            I -P12;U U;0 -P12;0 P12;U U;I P12;N P12
            I -P12;U U;0 -P12;0 P12;U U;I P12;N P12
            I -P12;U U;U U;U U;U U;I P12;N N
            I -P14;I -0;I -0;I 0;I 0;I P14;I N
            I N;N N;N N;N N;N N;I N;N N
            """);

        public static readonly Func<Complex, Complex> ASinh = Table("""
            -I -P14;-I -0;-I -0;-I 0;-I 0;-I P14;-I N
            -I -P12;U U;U U;U U;U U;-I P12;N N
            -I -P12;U U;-0 -0;-0 0;U U;-I P12;N N
            I -P12;U U;0 -0;0 0;U U;I P12;N N
            I -P12;U U;U U;U U;U U;I P12;N N
            I -P14;I -0;I -0;I 0;I 0;I P14;I N
            I N;N N;N -0;N 0;N N;I N;N N
            """);

        public static readonly Func<Complex, Complex> ATanh = Table("""
            -0 -P12;-0 -P12;-0 -P12;-0 P12;-0 P12;-0 P12;-0 N
            -0 -P12;U U;U U;U U;U U;-0 P12;N N
            -0 -P12;U U;-0 -0;-0 0;U U;-0 P12;-0 N
            0 -P12;U U;0 -0;0 0;U U;0 P12;0 N
            0 -P12;U U;U U;U U;U U;0 P12;N N
            0 -P12;0 -P12;0 -P12;0 P12;0 P12;0 P12;0 N
            0 -P12;N N;N N;N N;N N;0 P12;N N
            """);

        public static readonly Func<Complex, Complex> Cosh = Table("""
            I N;U U;I 0;I -0;U U;I N;I N
            N N;U U;U U;U U;U U;N N;N N
            N 0;U U;1 0;1 -0;U U;N 0;N 0
            N 0;U U;1 -0;1 0;U U;N 0;N 0
            N N;U U;U U;U U;U U;N N;N N
            I N;U U;I -0;I 0;U U;I N;I N
            N N;N N;N 0;N 0;N N;N N;N N
            """);

        public static readonly Func<Complex, Complex> Exp = Table("""
            0 0;U U;0 -0;0 0;U U;0 0;0 0
            N N;U U;U U;U U;U U;N N;N N
            N N;U U;1 -0;1 0;U U;N N;N N
            N N;U U;1 -0;1 0;U U;N N;N N
            N N;U U;U U;U U;U U;N N;N N
            I N;U U;I -0;I 0;U U;I N;I N
            N N;N N;N -0;N 0;N N;N N;N N
            """);

        public static readonly Func<Complex, Complex> Log = Table("""
            I -P34;I -P;I -P;I P;I P;I P34;I N
            I -P12;U U;U U;U U;U U;I P12;N N
            I -P12;U U;-I -P;-I P;U U;I P12;N N
            I -P12;U U;-I -0;-I 0;U U;I P12;N N
            I -P12;U U;U U;U U;U U;I P12;N N
            I -P14;I -0;I -0;I 0;I 0;I P14;I N
            I N;N N;N N;N N;N N;I N;N N
            """);

        public static readonly Func<Complex, Complex> Sinh = Table("""
            I N;U U;-I -0;-I 0;U U;I N;I N
            N N;U U;U U;U U;U U;N N;N N
            0 N;U U;-0 -0;-0 0;U U;0 N;0 N
            0 N;U U;0 -0;0 0;U U;0 N;0 N
            N N;U U;U U;U U;U U;N N;N N
            I N;U U;I -0;I 0;U U;I N;I N
            N N;N N;N -0;N 0;N N;N N;N N
            """);

        public static readonly Func<Complex, Complex> Sqrt = Table("""
            I -I;0 -I;0 -I;0 I;0 I;I I;N I
            I -I;U U;U U;U U;U U;I I;N N
            I -I;U U;0 -0;0 0;U U;I I;N N
            I -I;U U;0 -0;0 0;U U;I I;N N
            I -I;U U;U U;U U;U U;I I;N N
            I -I;I -0;I -0;I 0;I 0;I I;I N
            I -I;N N;N N;N N;N N;I I;N N
            """);

        public static readonly Func<Complex, Complex> Tanh = Table("""
            -1 0;U U;-1 -0;-1 0;U U;-1 0;-1 0
            N N;U U;U U;U U;U U;N N;N N
            -0 N;U U;-0 -0;-0 0;U U;-0 N;-0 N
            0 N;U U;0 -0;0 0;U U;0 N;0 N
            N N;U U;U U;U U;U U;N N;N N
            1 0;U U;1 -0;1 0;U U;1 0;1 0
            N N;N N;N -0;N 0;N N;N N;N N
            """);

        public static readonly Func<Complex, Complex> Rect = Table("""
            I N;U U;-I 0;-I -0;U U;I N;I N
            N N;U U;U U;U U;U U;N N;N N
            0 0;U U;-0 0;-0 -0;U U;0 0;0 0
            0 0;U U;0 -0;0 0;U U;0 0;0 0
            N N;U U;U U;U U;U U;N N;N N
            I N;U U;I -0;I 0;U U;I N;I N
            N N;N N;N 0;N 0;N N;N N;N N
            """);

        private static Func<Complex, Complex> Table(string text)
        {
            var values = text.Split('\n').Select(row => row.Split(';').Select(pair => pair.Split(' ') is [var re, var im] ? new Complex(Number(re), Number(im)) : default).ToArray()).ToArray();
            return z => values[Kind(z.Real)][Kind(z.Imaginary)];
        }

        private static double Number(string text) => text switch
        {
            ['-', .. var rest] => -Number(rest),
            "I" => double.PositiveInfinity,
            "N" or "U" => double.NaN,
            "P" => Math.PI,
            "P12" => Math.PI / 2,
            "P14" => Math.PI / 4,
            "P34" => 0.75 * Math.PI,
            _ => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture),
        };

        private static int Kind(double x) => double.IsNaN(x) ? 6 : double.IsNegativeInfinity(x) ? 0 : double.IsPositiveInfinity(x) ? 5 : x != 0 ? x < 0 ? 1 : 4 : double.IsNegative(x) ? 2 : 3;
    }
}
