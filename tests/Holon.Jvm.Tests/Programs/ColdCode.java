import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** Several threads run the same code for the first time, at the same time, again and again with a new class. */
public class ColdCode {
    static final int THREADS = 4, ROUNDS = 150;

    public static class Body implements IntSupplier {
        static int count = 3;
        static volatile long wide = 4;
        int own = 5;
        volatile String name = "n";

        interface Shape {
            int area();
        }

        record Square(int side) implements Shape {
            public int area() {
                return side * side;
            }
        }

        static int twice(int x) {
            return x + x;
        }

        private int mine(int x) {
            return x + own;
        }

        @Override
        public int getAsInt() {
            Object o = new Square(twice(count));
            int sum = o instanceof Shape ? ((Shape) o).area() : 0;
            sum += mine(sum) + (int) wide;
            Supplier<String> s = () -> name + count;
            sum += s.get().length();
            int[][] grid = new int[2][3];
            Object[] objects = new Body[2];
            sum += grid[1].length + objects.length + o.hashCode() + "text".length();
            List<Integer> list = new ArrayList<>();
            list.add(sum);
            own = sum;
            name = "m";
            var map = new HashMap<String, Shape>();
            map.put("k", (Shape) o);
            return map.get("k").area() + list.get(0) + (name.equals("m") ? 1 : 0);
        }
    }

    public static void main(String[] args) throws Exception {
        var places = new ArrayList<URL>();
        for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) places.add(new File(place).toURI().toURL());
        var failures = new AtomicInteger();
        var sum = new AtomicInteger();
        for (int round = 0; round < ROUNDS; round++) {
            try (var loader = new URLClassLoader(places.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
                Class<?> c = loader.loadClass("ColdCode$Body");
                var barrier = new CyclicBarrier(THREADS);
                var threads = new ArrayList<Thread>();
                for (int i = 0; i < THREADS; i++) {
                    var body = (IntSupplier) c.getConstructor().newInstance();
                    var t = new Thread(() -> {
                        try {
                            barrier.await();
                            sum.addAndGet(body.getAsInt());
                        } catch (Throwable e) {
                            failures.incrementAndGet();
                            System.out.println(e);
                        }
                    });
                    threads.add(t);
                    t.start();
                }
                for (var t : threads) t.join();
            }
        }
        System.out.println(failures + " failures, sum " + sum);
    }
}
