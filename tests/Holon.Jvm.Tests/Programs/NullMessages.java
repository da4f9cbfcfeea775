import java.util.List;

/** What NullPointerException says by itself, for each kind of instruction and each source of a null. */
public class NullMessages {
    static NullMessages one;
    static int[][] grid = new int[2][];
    NullMessages next;
    int number;
    int[] ints;
    String[][] names;

    static NullMessages none() {
        return null;
    }

    static String text(String a, int[] b, long c, Object d) {
        return null;
    }

    interface Body {
        void run() throws Throwable;
    }

    static void tell(Body body) {
        try {
            body.run();
            System.out.println("nothing");
        } catch (Throwable t) {
            System.out.println(t);
        }
    }

    static void arrays(int[] a, long[] b, double[] c, byte[] d, char[] e, short[] f, float[] g, Object[] h, int i) {
        tell(() -> System.out.println(a[i]));
        tell(() -> System.out.println(b[2]));
        tell(() -> System.out.println(c[i + 1]));
        tell(() -> System.out.println(d[300]));
        tell(() -> System.out.println(e[70000]));
        tell(() -> System.out.println(f[0]));
        tell(() -> System.out.println(g[-1]));
        tell(() -> System.out.println(h[5]));
        tell(() -> a[i] = 1);
        tell(() -> b[i] = 1);
        tell(() -> c[i] = 1);
        tell(() -> d[i] = 1);
        tell(() -> e[i] = 1);
        tell(() -> f[i] = 1);
        tell(() -> g[i] = 1);
        tell(() -> h[i] = "x");
        tell(() -> System.out.println(h.length));
    }

    void fields(NullMessages other) throws Throwable {
        tell(() -> System.out.println(one.number));
        tell(() -> System.out.println(this.next.next.number));
        tell(() -> one.next = this);
        tell(() -> none().number++);
        tell(() -> System.out.println(this.ints[this.number]));
        tell(() -> System.out.println(grid[1][number]));
        tell(() -> System.out.println(names[0][1].length()));
        tell(() -> System.out.println(other.next.ints.length));
        NullMessages local = none();
        try {
            System.out.println(local.number);
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
    }

    static void calls(String s, List<String> list, long wide, Object last) {
        try {
            s.concat("x");
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
        try {
            list.add(1, "x");
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
        try {
            last.equals(wide);
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
        try {
            text("a", null, 1, null).substring(1, 2);
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
        for (int i = 0; i < 2; i++) {
            String local = i == 0 ? s : null;
            try {
                local.length();
            } catch (NullPointerException e) {
                System.out.println(e.getMessage());
            }
        }
        tell(() -> {
            throw null;
        });
        tell(() -> {
            synchronized (last) {
                System.out.println("held");
            }
        });
        tell(() -> {
            throw new NullPointerException();
        });
        tell(() -> {
            throw new NullPointerException("mine");
        });
        tell(() -> java.util.Objects.requireNonNull(null));
        tell(() -> {
            Integer boxed = null;
            int n = boxed;
        });
    }

    public static void main(String[] args) throws Throwable {
        arrays(null, null, null, null, null, null, null, null, 3);
        new NullMessages().fields(new NullMessages());
        calls(null, null, 5L, null);
    }
}
