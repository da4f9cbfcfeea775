import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntBinaryOperator;
import java.util.function.Supplier;

/** Code of every kind for the mutation of class files. */
public class Seeds extends ClassLoader implements Serializable, Comparable<Seeds> {
    static final long BIG = 0x123456789abcdefL;
    static final String NAME = "seed";
    private final int number;
    protected volatile double ratio;
    int[][] table = new int[3][4];
    Object any = this;

    Seeds(int number) {
        super(null);
        this.number = number > 3 ? number : -number;
    }

    Seeds(String text, long wide) {
        this(text == null ? (int) wide : text.length());
        ratio = wide * 1.5f;
    }

    @Override
    public int compareTo(Seeds other) { return Integer.compare(number, other.number); }

    static int loops(int n, long[] sums, float[] parts) {
        int total = 0;
        for (int i = 0; i < n; i++) {
            for (long k = i; k > 0; k >>>= 1) total += (int) (k & 1) ^ i;
            if (sums != null && i < sums.length) sums[i] += total;
            else if (parts[i] > 2.5f) continue;
            total = total % 7 == 3 ? -total : total / 2;
        }
        return total;
    }

    Object choose(int which, String text) {
        switch (which) {
            case 1: return text;
            case 2: return table;
            case 3: return new Seeds(text, which);
            case 9000: return Integer.valueOf(which);
            case -5: return new long[] {1, which, BIG};
            default:
        }
        return switch (text) {
            case "a" -> 'a';
            case "bb" -> 2.5;
            default -> text.isEmpty() ? null : new Object[] {text, which};
        };
    }

    synchronized long guarded(List<? extends Number> list) {
        long sum = 0;
        try {
            Iterator<? extends Number> i = list.iterator();
            while (i.hasNext()) {
                Number n = i.next();
                if (n instanceof Integer x && x > 4) sum += x;
                else sum -= n.longValue();
            }
        } catch (ClassCastException | IllegalStateException e) {
            sum = -1;
            throw new RuntimeException(e.getMessage(), e);
        } finally {
            any = list;
            sum++;
        }
        synchronized (this) {
            return sum;
        }
    }

    Object protectedCalls(Object o) throws Exception {
        Object copy = clone();
        Class<?> c = findLoadedClass("x");
        int[] numbers = {3, 2, 1};
        int[] again = numbers.clone();
        again[numbers[1]]++;
        byte b = (byte) again[0];
        boolean[] flags = new boolean[b];
        flags[0] = !flags[1];
        char[] letters = new char[] {'x'};
        letters[0] += b;
        short s = (short) letters[0];
        return o == copy || c != null ? (Object) s : flags;
    }

    static double wide(double a, long b, float c, int d) {
        double x = a;
        x += b * c - d;
        long y = b-- > 0 ? b << d : b >> 2;
        if (x >= y || Double.isNaN(x) && c < 1) return -x;
        return y ^ d | (long) x;
    }

    Supplier<String> lambdas(int n) {
        IntBinaryOperator op = (p, q) -> p * q + n;
        Runnable r = this::notifyAll;
        synchronized (r) {
            return () -> NAME + op.applyAsInt(n, number) + r;
        }
    }

    static Object made(boolean which) {
        Object o = new Seeds(which ? new String("s") : null, which ? 1 : 2);
        List<Object> all = new ArrayList<>(which ? 3 : 4);
        all.add(which ? o : new Object[2][3]);
        assert all.size() > 0 : all;
        return all;
    }
}
