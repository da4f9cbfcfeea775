import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Cleaner;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.SoftReference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

/** Finalizers and the kinds of references (JLS 12.6, java.lang.ref). Arguments: how many loaders with finalized objects come and go. */
@SuppressWarnings({"removal", "deprecation"})
public class References {
    static final AtomicInteger FINALIZED = new AtomicInteger();

    /** Collects until something is so. */
    static void until(String what, BooleanSupplier done) throws InterruptedException {
        for (int i = 0; i < 500; i++) {
            System.gc();
            System.runFinalization();
            if (done.getAsBoolean()) {
                System.out.println(what);
                return;
            }
            Thread.sleep(10);
        }
        System.out.println(what + ": never");
    }

    static void collect() throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            System.gc();
            System.runFinalization();
            Thread.sleep(20);
        }
    }

    static class Counted {
        @Override
        protected void finalize() throws Throwable {
            FINALIZED.incrementAndGet();
            super.finalize();
        }
    }

    static class Derived extends Counted implements Cloneable {
        int value = 7;

        Derived copy() throws CloneNotSupportedException {
            return (Derived) clone();
        }
    }

    static class Throwing extends Counted {
        Throwing() {
            throw new IllegalStateException("constructed no further");
        }

        /** What is thrown here comes before the constructor of Object. */
        Throwing(int n) {
            super();
            throw new IllegalStateException("constructed");
        }
    }

    static class Early extends Counted {
        Early() {
            this(fail());
        }

        Early(Object o) {
        }

        static Object fail() {
            throw new IllegalStateException("not yet constructed");
        }
    }

    static class Stored extends Counted implements Serializable {
        private static final long serialVersionUID = 1;
        String text = "kept";
    }

    static void many(int n) {
        for (int i = 0; i < n; i++) new Derived();
    }

    static void counted() throws Throwable {
        many(1000);
        until("1000 finalized", () -> FINALIZED.get() == 1000);
        FINALIZED.set(0);
        for (int i = 0; i < 20; i++) many(1000);
        until("20000 finalized", () -> FINALIZED.get() == 20000);

        FINALIZED.set(0);
        new Derived().copy();
        until("two with the clone", () -> FINALIZED.get() == 2);

        FINALIZED.set(0);
        for (int i = 0; i < 10; i++) {
            try {
                new Throwing();
            } catch (IllegalStateException e) {
                if (i == 0) System.out.println(e.getMessage());
            }
            try {
                new Early();
            } catch (IllegalStateException e) {
                if (i == 0) System.out.println(e.getMessage());
            }
        }
        until("ten whose constructors threw", () -> FINALIZED.get() == 10);
        collect();
        System.out.println("finalized " + FINALIZED.get());

        FINALIZED.set(0);
        Derived.class.getDeclaredConstructor().newInstance();
        MethodHandles.lookup().findConstructor(Derived.class, MethodType.methodType(void.class)).invoke();
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(new Stored());
        }
        System.out.println(((Stored) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject()).text);
        until("four made otherwise", () -> FINALIZED.get() == 4);
    }

    /** Brings itself back once. */
    static class Phoenix {
        static final List<Phoenix> RISEN = new ArrayList<>();
        final int[] data = {1, 2, 3};
        final Map<String, String> map = new HashMap<>(Map.of("a", "b"));
        int times;

        @Override
        protected void finalize() {
            times++;
            synchronized (RISEN) {
                RISEN.add(this);
            }
            throw new RuntimeException("nobody sees this");
        }
    }

    static ReferenceQueue<Object> weakQueue = new ReferenceQueue<>(), phantomQueue = new ReferenceQueue<>();
    static WeakReference<Object> weak;
    static PhantomReference<Object> phantom;

    static void makePhoenix() {
        var phoenix = new Phoenix();
        weak = new WeakReference<>(phoenix, weakQueue);
        phantom = new PhantomReference<>(phoenix, phantomQueue);
        System.out.println(weak.get() == phoenix && weak.refersTo(phoenix) && phantom.refersTo(phoenix) && phantom.get() == null);
    }

    static void resurrected() throws Exception {
        makePhoenix();
        until("risen", () -> {
            synchronized (Phoenix.RISEN) {
                return Phoenix.RISEN.size() == 1;
            }
        });
        collect();
        System.out.println("weak " + weak.get() + ", enqueued " + (weakQueue.remove(2000) == weak) + "; phantom enqueued " + (phantomQueue.poll() != null) + ", cleared " + phantom.refersTo(null));
        var phoenix = Phoenix.RISEN.remove(0);
        System.out.println(phoenix.times + " " + phoenix.data[2] + " " + phoenix.map);
        phoenix = null;
        until("phantom cleared", () -> phantom.refersTo(null));
        System.out.println("phantom enqueued " + (phantomQueue.remove(2000) == phantom) + ", risen again " + Phoenix.RISEN.size());
    }

    /** What its weak reference leads to lives, so its finalizer can still use it. */
    static class Release {
        final WeakReference<AtomicInteger> count;
        final ReferenceQueue<Object> queue = new ReferenceQueue<>();
        final List<WeakReference<Object>> dead = new ArrayList<>();

        Release(AtomicInteger count) {
            this.count = new WeakReference<>(count);
            for (int i = 0; i < 10; i++) dead.add(new WeakReference<>(new Object(), queue));
        }

        @Override
        protected void finalize() {
            var c = count.get();
            if (c != null) c.incrementAndGet();
        }
    }

    static void releasing() throws Exception {
        var released = new AtomicInteger();
        for (int i = 0; i < 100; i++) new Release(released);
        until("100 released", () -> released.get() == 100);
    }

    /** Reached from one that is finalized as well: both are, in any order, and each may use the other. */
    static class Pair {
        Pair other;
        String name;
        static final AtomicReference<String> SEEN = new AtomicReference<>("");

        Pair(String name) {
            this.name = name;
        }

        @Override
        protected void finalize() {
            SEEN.accumulateAndGet(name + other.name, (a, b) -> a.compareTo(b) < 0 ? a + b : b + a);
        }
    }

    static void paired() throws Exception {
        makePair();
        until("both of a pair", () -> Pair.SEEN.get().length() == 4);
        System.out.println(Pair.SEEN.get());
    }

    static void makePair() {
        var a = new Pair("a");
        a.other = new Pair("b");
        a.other.other = a;
    }

    static void soft() throws Exception {
        var queue = new ReferenceQueue<Object>();
        var soft = new SoftReference<Object>(new byte[1000], queue);
        collect();
        System.out.println("soft kept " + (soft.get() != null) + ", " + (queue.poll() == null));
        soft.clear();
        System.out.println("cleared " + soft.get() + ", enqueued " + soft.enqueue() + " " + soft.enqueue() + " " + (queue.poll() == soft));
    }

    static void cleaned() throws Exception {
        var cleaner = Cleaner.create();
        var cleaned = new AtomicInteger();
        for (int i = 0; i < 100; i++) cleaner.register(new Object(), cleaned::incrementAndGet);
        until("100 cleaned", () -> cleaned.get() == 100);
    }

    static class Where {
        static final AtomicReference<String> THREAD = new AtomicReference<>();

        @Override
        protected void finalize() {
            THREAD.compareAndSet(null, Thread.currentThread().getThreadGroup().getName());
        }
    }

    static void where() throws Exception {
        new Where();
        until("somewhere", () -> Where.THREAD.get() != null);
        System.out.println(Where.THREAD.get());
    }

    // Classes that are unloaded with objects that are still to be finalized.

    static final AtomicInteger LATE = new AtomicInteger();
    static final List<Runnable> SAVED = new ArrayList<>();

    public static void save(Runnable r) {
        LATE.incrementAndGet();
        synchronized (SAVED) {
            if (SAVED.size() < 50) SAVED.add(r);
        }
    }

    public interface Job {
        int run(int n);
    }

    /** Its finalizer runs when nothing else reaches its class any more; it calls another class of the loader for the first time, by an interface, and is saved. */
    public static class LateWork implements Job, Runnable {
        static final List<Object> KEPT = new ArrayList<>(List.of("static"));
        static int counter = 5;
        int runs;

        @Override
        public int run(int n) {
            int s = 0;
            for (int i = 0; i < n; i++) s += i ^ counter;
            return s;
        }

        @Override
        protected void finalize() {
            counter++;
            Job other = new LateOther();
            if (other.run(3) != 6) throw new AssertionError();
            // Another object of a class that only finalizers still reach, which is to be finalized as well.
            if (runs == 0) new LateWork().runs = 1;
            save(this);
        }

        @Override
        public void run() {
            runs = run(100) + KEPT.size() + counter;
            new LateOther().run(runs & 7);
        }
    }

    public static class LateOther implements Job {
        static final int[] TABLE = new int[16];

        @Override
        public int run(int n) {
            TABLE[n]++;
            return n * 2;
        }
    }

    static void unloaded(int loaders) throws Exception {
        var warm = 0;
        for (int i = 0; i < loaders; i++) {
            var c = new Unloading.Loader("References$Late").loadClass("References$LateWork");
            var task = (Job) c.getDeclaredConstructor().newInstance();
            warm += task.run(20);
            if (i % 100 == 99) {
                System.gc();
                List<Runnable> saved;
                synchronized (SAVED) {
                    saved = new ArrayList<>(SAVED);
                    SAVED.clear();
                }
                for (var r : saved) r.run();
            }
        }
        System.out.println(warm);
        until("all of the loaders' objects", () -> {
            synchronized (SAVED) {
                for (var r : SAVED) r.run();
                SAVED.clear();
            }
            return LATE.get() == 2 * loaders;
        });
    }

    public static void main(String[] args) throws Throwable {
        counted();
        resurrected();
        releasing();
        paired();
        soft();
        cleaned();
        where();
        unloaded(args.length > 0 ? Integer.parseInt(args[0]) : 100);
    }
}
