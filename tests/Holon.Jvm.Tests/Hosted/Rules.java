import java.io.FileWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** What the tests of the C# interface call. */
public class Rules {
    private final String name;
    private int calls;
    static int shared;

    public Rules(String name) { this.name = name; }

    public String greet(int times) {
        calls++;
        return (name + " ").repeat(times).strip();
    }

    public int calls() { return calls; }

    public static int evaluate(int n, String text) { return n + text.length(); }

    public static long sum(long[] numbers) {
        long sum = 0;
        for (long n : numbers) sum += n;
        numbers[0] = -1;
        return sum;
    }

    public static int next() { return ++shared; }

    public static String fail(String why) {
        try {
            throw new IllegalStateException("inner");
        } catch (IllegalStateException e) {
            throw new IllegalArgumentException(why, e);
        }
    }

    public static void loop() {
        while (true) shared++;
    }

    /** A loop that neither calls nor stores. */
    public static void spin() {
        while (true) Thread.onSpinWait();
    }

    public static int recurse(int n) { return n < 2 ? 1 : recurse(n - 1) + recurse(n - 2); }

    public static int endless() { return recurse(100); }

    /** Recursion that goes on after each StackOverflowError. */
    public static void dive() {
        try {
            dive();
        } finally {
            dive();
        }
    }

    /** A compiled method keeps large arrays in local variables of many frames. */
    public static long hold() {
        long sum = 0;
        for (int i = 0; i < 5_000; i++) sum += hold(3);
        return sum + hold(5_000);
    }

    private static int hold(int n) {
        byte[] kept = new byte[100_000];
        return n == 0 ? kept.length : hold(n - 1) + kept[n];
    }

    public static void sleep() throws InterruptedException {
        while (true) {
            try {
                Thread.sleep(1_000_000);
            } catch (Throwable t) {
                // tries to stay
            }
        }
    }

    public static void park() {
        while (true) LockSupport.park();
    }

    public static void await() throws InterruptedException {
        Object o = new Object();
        synchronized (o) {
            while (true) o.wait();
        }
    }

    public static void blocked() throws InterruptedException {
        Object o = new Object();
        Thread holder = new Thread(() -> {
            synchronized (o) {
                loop();
            }
        });
        holder.start();
        Thread.sleep(20);
        synchronized (o) {
            shared++;
        }
    }

    public static void hoard() {
        List<byte[]> all = new ArrayList<>();
        try {
            while (true) all.add(new byte[10_000]);
        } catch (OutOfMemoryError e) {
            all = null;
            throw e;
        }
    }

    public static int churn(int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) sum += new byte[10_000].length;
        return sum / 10_000;
    }

    public static int huge() { return new long[Integer.MAX_VALUE / 4].length; }

    public static int threads() {
        int started = 0;
        try {
            for (; started < 10_000; started++) {
                Thread t = new Thread(Rules::park);
                t.setDaemon(true);
                t.start();
            }
        } catch (OutOfMemoryError e) {
            return started;
        }
        return -1;
    }

    public static int depth() {
        try {
            return deeper(0);
        } catch (StackOverflowError e) {
            return reached;
        }
    }

    private static int reached;

    private static int deeper(int n) {
        reached = n;
        return deeper(n + 1) + 1;
    }

    public static String read(String path) throws Exception { return Files.readString(Path.of(path)); }

    private static final List<Object> left = new ArrayList<>();

    /** Opens files of all kinds, maps one, and closes nothing. */
    public static void leaveOpen(String path) throws Exception {
        Path file = Path.of(path);
        left.add(new java.io.FileInputStream(path));
        java.nio.channels.FileChannel channel = java.nio.channels.FileChannel.open(file);
        left.add(channel.map(java.nio.channels.FileChannel.MapMode.READ_ONLY, 0, channel.size()));
        left.add(channel);
        left.add(Files.newDirectoryStream(file.getParent()).iterator());
        left.add(java.nio.channels.Selector.open());
        left.add(java.nio.channels.Pipe.open());
        left.add(new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress()));
    }

    public static boolean exists(String path) { return new java.io.File(path).exists(); }

    public static void write(String path, String text) throws Exception {
        try (FileWriter w = new FileWriter(path)) {
            w.write(text);
        }
    }

    public static void link(String path, String target) throws Exception { Files.createSymbolicLink(Path.of(path), Path.of(target)); }

    public static String variable(String name) { return System.getenv(name); }

    public static void exit(int code) { System.exit(code); }

    public static void openUnsafe() throws Exception { Class.forName("sun.misc.Unsafe"); }

    public static String run() throws Exception { return new String(new ProcessBuilder("/bin/echo", "hello").start().getInputStream().readAllBytes()); }

    /** Soft references hold what fits and let go of the rest; before memory runs out they hold nothing. */
    public static String soft(int megabytes) {
        List<java.lang.ref.SoftReference<byte[]>> list = new ArrayList<>();
        for (int i = 0; i < megabytes; i++) list.add(new java.lang.ref.SoftReference<>(new byte[1 << 20]));
        long kept = list.stream().filter(r -> r.get() != null).count();
        List<byte[]> strong = new ArrayList<>();
        try {
            while (true) strong.add(new byte[1 << 20]);
        } catch (OutOfMemoryError e) {
            strong = null;
        }
        return (kept > 0 && kept < megabytes) + " " + list.stream().filter(r -> r.get() != null).count();
    }
}
