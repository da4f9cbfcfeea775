import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/** Results of StrictMath, all bits of them, for numbers of every size; an argument is how many (20,000). */
public class StrictMathBits {
    private static long seed = 17;

    private static long next() {
        seed ^= seed << 13;
        seed ^= seed >>> 7;
        seed ^= seed << 17;
        return seed;
    }

    /** Every third number has random bits, the others are those that programs use: up to 1, and up to 1,000. */
    private static double number(int i) {
        long bits = next();
        return switch (i % 3) {
            case 0 -> Double.longBitsToDouble(bits);
            case 1 -> (bits >> 11) / (double) (1L << 52);
            default -> (bits >> 11) / (double) (1L << 42);
        };
    }

    private static final double[] EDGES = {
        0.0, -0.0, 1, -1, 0.5, -0.5, Math.PI, Math.PI / 2, Math.PI / 4, -Math.PI / 2, 3 * Math.PI / 4, 22, -22, 1e22, 709.78, 710, 711, -745.1, -746, 1e-300, 4.9e-324, Double.MIN_NORMAL,
        Double.MAX_VALUE, -Double.MAX_VALUE, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN, 823549.6, 1647099.3, 6381956970095103.0 * 0x1p797, 5.319372648326541e255, 16 * Math.PI, 0.41421, 0.2929, 0.34657
    };

    private static long bits(double d) {
        return Double.doubleToLongBits(d);
    }

    private static void unary(String name, int count, DoubleUnaryOperator f) {
        long sum = 0;
        seed = 17;
        for (int i = 0; i < count; i++) sum = sum * 31 + bits(f.applyAsDouble(number(i)));
        long edges = 0;
        for (double d : EDGES) edges = edges * 31 + bits(f.applyAsDouble(d));
        System.out.println(name + " " + Long.toHexString(sum) + " " + Long.toHexString(edges));
    }

    private static void binary(String name, int count, DoubleBinaryOperator f) {
        long sum = 0;
        seed = 17;
        for (int i = 0; i < count; i++) sum = sum * 31 + bits(f.applyAsDouble(number(i), number(i + i / 3)));
        long edges = 0;
        for (double x : EDGES) for (double y : EDGES) edges = edges * 31 + bits(f.applyAsDouble(x, y));
        System.out.println(name + " " + Long.toHexString(sum) + " " + Long.toHexString(edges));
    }

    public static void main(String[] args) {
        int count = args.length > 0 ? Integer.parseInt(args[0]) : 20_000;
        unary("sin", count, StrictMath::sin);
        unary("cos", count, StrictMath::cos);
        unary("tan", count, StrictMath::tan);
        unary("asin", count, StrictMath::asin);
        unary("acos", count, StrictMath::acos);
        unary("atan", count, StrictMath::atan);
        unary("exp", count, StrictMath::exp);
        unary("expm1", count, StrictMath::expm1);
        unary("log", count, StrictMath::log);
        unary("log10", count, StrictMath::log10);
        unary("log1p", count, StrictMath::log1p);
        unary("sinh", count, StrictMath::sinh);
        unary("cosh", count, StrictMath::cosh);
        unary("tanh", count, StrictMath::tanh);
        unary("sqrt", count, StrictMath::sqrt);
        unary("cbrt", count, StrictMath::cbrt);
        binary("atan2", count, StrictMath::atan2);
        binary("pow", count, StrictMath::pow);
        binary("hypot", count, StrictMath::hypot);
        binary("remainder", count, StrictMath::IEEEremainder);
    }
}
