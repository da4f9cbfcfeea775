import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** What a compiler may get wrong: going between tiers, inlined frames in traces, assumptions that break, locks, endless loops. */
public class Tiers {
    static int depth;
    static volatile boolean stop;
    static int sum;

    static class Base {
        int value() { return 1; }
        final int twice() { return value() + value(); }
    }

    interface Op { int apply(int x); }

    static void recurse() { depth++; recurse(); }

    static long wide(long a, double b, int c, long d, float e, Object f, long g) { return a == 0 ? (long) b + c + d + (long) e + (f == null ? 0 : 1) + g : wide(a - 1, b + 1, c + 1, d + 1, e + 1, f, g + 1); }

    static long deep(long a, long b, long c, long d, double e, double f, Object g, Object h) {
        long i = a * 3 + b, k = b ^ c, l = c - d, m = d + a;
        double n = e * f, o = e - f;
        long result = deep(i, k, l, m, n, o, h, g);
        return result + i + k + l + m + (long) (n + o) + (g == h ? 1 : 0);
    }

    static void fail(int n) { if (n == 0) throw new IllegalStateException("deep"); fail(n - 1); }

    static synchronized void locked(boolean fails) { sum++; if (fails) throw new RuntimeException("locked"); }

    static int small(int[] a, int i) { return a[i]; }

    static int viaSmall(int[] a, int i) { return small(a, i) + 1; }

    static String where(Throwable t, int frames) {
        StringBuilder text = new StringBuilder(String.valueOf(t.getMessage()));
        for (int i = 0; i < Math.min(frames, t.getStackTrace().length); i++) text.append(" | ").append(t.getStackTrace()[i]);
        return text.toString();
    }

    static int total(Base b, int n) { int s = 0; for (int i = 0; i < n; i++) s += b.twice(); return s; }

    static int run(Op op, int n) { int s = 0; for (int i = 0; i < n; i++) s = op.apply(s) & 0xFFFF; return s; }

    static int late(int n) {
        int s = 0;
        for (int i = 0; i < n; i++) {
            s += i;
            if (i == n - 2) s += Late.VALUE; // never resolved until the loop is hot
        }
        return s;
    }

    static class Late { static final int VALUE; static { System.out.println("Late is initialized"); VALUE = new ArrayList<>(List.of(1, 2, 3)).size(); } }

    static String caller() { return StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE).walk(s -> s.skip(1).findFirst().get().getMethodName()); }

    static String callsCaller() { return caller(); }

    static int nested(int n) {
        int s = 0;
        outer:
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < n; k++) {
                if (k == 7) continue outer;
                try {
                    if (((i ^ k) & 15) == 3) throw new ArithmeticException();
                    s += i / (k - 3);
                } catch (ArithmeticException e) {
                    s ^= k;
                } finally {
                    s++;
                }
            }
        }
        return s;
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 3; i++) {
            depth = 0;
            try { recurse(); } catch (StackOverflowError e) { System.out.println("overflow " + (depth > 1000) + " " + e.getStackTrace()[5].getMethodName()); }
        }
        Thread diver = new Thread(() -> {
            for (int i = 0; i < 3; i++) {
                try { deep(1, 2, 3, 4, 5, 6, "a", "b"); } catch (StackOverflowError e) { System.out.println("overflow in a thread"); }
            }
        });
        diver.start();
        diver.join();
        System.out.println(wide(500, 1.5, 2, 3, 4.5f, "", 6));
        for (int i = 0; i < 2000; i++) {
            try { fail(5); } catch (IllegalStateException e) { if (i % 1999 == 0) System.out.println(where(e, 7)); }
        }
        for (int i = 0; i < 3000; i++) {
            try { locked(i % 3 == 0); } catch (RuntimeException e) { if (Thread.holdsLock(Tiers.class)) System.out.println("still locked"); }
        }
        System.out.println(sum);
        int[] few = new int[3];
        for (int i = 0; i < 5000; i++) {
            try { sum += viaSmall(few, i < 4990 ? i % 3 : 3); } catch (ArrayIndexOutOfBoundsException e) { if (i == 4999) System.out.println(where(e, 3)); }
        }
        System.out.println(total(new Base(), 20000));
        class Other extends Base { @Override int value() { return 5; } }
        System.out.println(total(new Other(), 20000) + total(new Base(), 20000));
        System.out.println(run(x -> x + 3, 20000) + " " + run(x -> x * 5 + 1, 20000) + " " + run(x -> x ^ 0x55, 20001));
        int captured = args.length + 7;
        Supplier<Op> maker = () -> x -> x + captured;
        System.out.println(run(maker.get(), 30000));
        System.out.println(late(100000) + " " + late(100000));
        for (int i = 0; i < 2000; i++) if (!callsCaller().equals("callsCaller")) System.out.println("wrong caller");
        System.out.println(nested(3000));

        AtomicInteger rounds = new AtomicInteger();
        Thread spinner = new Thread(() -> { int x = 0; while (!stop) { x++; if (x == 1) rounds.incrementAndGet(); } });
        spinner.start();
        while (rounds.get() == 0) Thread.onSpinWait();
        Thread.sleep(100);
        stop = true;
        spinner.join();
        System.out.println("spinner ended");

        Thread counter1 = new Thread(() -> { for (int i = 0; i < 50000; i++) locked(false); }), counter2 = new Thread(() -> { for (int i = 0; i < 50000; i++) locked(false); });
        sum = 0;
        counter1.start();
        counter2.start();
        counter1.join();
        counter2.join();
        System.out.println(sum);

        new Thread(() -> { try { Thread.sleep(150); } catch (InterruptedException e) { return; } System.out.println("leaving"); System.exit(3); }).start();
        for (long i = 0; ; i++) sum += (int) i;
    }
}
