import java.math.*;
import java.util.*;

/** BigDecimal and BigInteger: every operation that rounds, with every rounding mode; large numbers. */
public class Decimals {
    public static void main(String[] arguments) {
        BigDecimal[] numbers = {new BigDecimal("1.25"), new BigDecimal("-7.5"), new BigDecimal("0.001"), new BigDecimal("12345678901234567890.123456789"), new BigDecimal("1E+20"), new BigDecimal("3E-15"), BigDecimal.ZERO.setScale(3), new BigDecimal(0.1)};
        for (BigDecimal a : numbers) {
            System.out.println(a + " " + a.toPlainString() + " " + a.toEngineeringString() + " " + a.precision() + " " + a.scale() + " " + a.unscaledValue() + " " + a.stripTrailingZeros() + " " + a.hashCode() + " " + a.doubleValue() + " " + a.floatValue() + " " + a.longValue());
            for (RoundingMode mode : RoundingMode.values()) {
                if (mode == RoundingMode.UNNECESSARY) continue;
                System.out.print(a.setScale(1, mode) + " " + a.round(new MathContext(2, mode)) + "; ");
            }
            System.out.println();
            for (BigDecimal b : numbers) {
                System.out.print(a.add(b) + " " + a.subtract(b) + " " + a.multiply(b, MathContext.DECIMAL64) + " " + a.compareTo(b) + a.equals(b) + " ");
                try {
                    System.out.print(a.divide(b, MathContext.DECIMAL128) + " " + a.remainder(b) + " " + a.divideToIntegralValue(b) + " " + a.divide(b));
                } catch (ArithmeticException e) {
                    System.out.print(e.getMessage());
                }
                System.out.println();
            }
        }
        System.out.println(new BigDecimal(2).sqrt(new MathContext(100)));
        System.out.println(new BigDecimal("1.1").pow(200) + " " + new BigDecimal("1.1").pow(-7, MathContext.DECIMAL32));
        System.out.println(pi(300));
        BigInteger factorial = BigInteger.ONE;
        for (int i = 2; i <= 1500; i++) factorial = factorial.multiply(BigInteger.valueOf(i));
        System.out.println(factorial.bitLength() + " " + factorial.mod(BigInteger.valueOf(1_000_003)) + " " + factorial.toString().hashCode() + " " + factorial.toString(36).length() + " " + new BigInteger(factorial.toString()).equals(factorial));
        BigInteger p = new BigInteger("170141183460469231731687303715884105727");
        System.out.println(p.isProbablePrime(50) + " " + p.nextProbablePrime() + " " + BigInteger.TWO.modPow(p.subtract(BigInteger.ONE), p) + " " + BigInteger.valueOf(12345).modInverse(p));
        BigInteger big = BigInteger.TWO.pow(20_000).subtract(BigInteger.valueOf(12345));
        System.out.println(big.multiply(big).subtract(BigInteger.ONE).divide(big.add(BigInteger.TEN)).hashCode() + " " + big.sqrt().hashCode() + " " + big.gcd(factorial) + " " + Arrays.hashCode(big.toByteArray()) + " " + big.bitCount() + " " + big.not().shiftRight(19_990) + " " + big.signum());
        for (String s : new String[] {"-123", "7fffffff", "zz"}) System.out.println(new BigInteger(s, 36) + " " + new BigInteger(s, 36).xor(BigInteger.valueOf(-99)).and(BigInteger.valueOf(0xFFFFFFFFL)).or(BigInteger.ONE).negate());
        for (String bad : new String[] {"", "1e", "--1", "1..2", "0x1"}) {
            try {
                System.out.println(new BigDecimal(bad));
            } catch (NumberFormatException e) {
                System.out.println(bad + " " + e.getMessage());
            }
        }
        try {
            BigDecimal.ONE.setScale(0).divide(new BigDecimal(3));
        } catch (ArithmeticException e) {
            System.out.println(e.getMessage());
        }
        try {
            BigInteger.valueOf(Long.MAX_VALUE).add(BigInteger.ONE).longValueExact();
        } catch (ArithmeticException e) {
            System.out.println(e.getMessage());
        }
    }

    /** Machin's formula. */
    static BigDecimal pi(int digits) {
        MathContext mc = new MathContext(digits + 10);
        return arctan(5, mc).multiply(BigDecimal.valueOf(16)).subtract(arctan(239, mc).multiply(BigDecimal.valueOf(4))).round(new MathContext(digits));
    }

    static BigDecimal arctan(int inverse, MathContext mc) {
        BigDecimal x = BigDecimal.ONE.divide(BigDecimal.valueOf(inverse), mc), square = x.multiply(x, mc), sum = x, power = x;
        for (int k = 3; power.scale() - power.precision() < mc.getPrecision() + 2; k += 2) {
            power = power.multiply(square, mc).negate();
            sum = sum.add(power.divide(BigDecimal.valueOf(k), mc), mc);
        }
        return sum;
    }
}
