import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.management.ClassLoadingMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntUnaryOperator;

/** Classes are unloaded with their loaders, hidden ones by themselves, and stay as long as anything uses them. Arguments: how many loaders. */
public class Unloading {
    /** Defines classes whose names begin so itself, so that each loader has its own. */
    static final class Loader extends ClassLoader {
        private final String own;

        Loader() {
            this("Unloading$Work");
        }

        Loader(String own) {
            super(Unloading.class.getClassLoader());
            this.own = own;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(own)) return super.loadClass(name, resolve);
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                if (known != null) return known;
                byte[] bytes = bytesOf(name);
                return defineClass(name, bytes, 0, bytes.length);
            }
        }
    }

    static final Map<String, byte[]> read = new HashMap<>();

    static synchronized byte[] bytesOf(String name) {
        return read.computeIfAbsent(name, n -> {
            try (var in = Unloading.class.getResourceAsStream(n + ".class")) {
                return in.readAllBytes();
            } catch (java.io.IOException e) {
                throw new RuntimeException(e);
            }
        });
    }

    public interface Task {
        int run(int n);
    }

    public static class Work implements Task {
        static final List<Object> KEPT = new ArrayList<>();
        static int counter;
        final Map<String, Integer> seen = new HashMap<>();

        public static int sum(int n) {
            int s = 0;
            for (int i = 0; i < n; i++) s += i ^ counter;
            return s;
        }

        /** Runs on, static, while nothing else holds its class. */
        public static int longRun(CountDownLatch entered, CountDownLatch go) throws InterruptedException {
            int before = sum(2000);
            entered.countDown();
            go.await();
            WorkPart part = new WorkPart(before);
            return part.value() + sum(10);
        }

        static synchronized int counted(int n) {
            if (n % 5 == 0) throw new WorkFailure("counted");
            return n + counter;
        }

        synchronized int own(int n) {
            return counted(n) + seen.size();
        }

        public int run(int n) {
            WorkPart part = new WorkPart(seen.merge("n" + n % 3, 1, Integer::sum));
            IntUnaryOperator f = x -> x * 3 + part.value();
            int r = sum(20);
            for (int i = 0; i < 20; i++) r += f.applyAsInt(i);
            if (KEPT.size() < 10) KEPT.add(new WorkPart[] {part});
            try {
                if (n % 7 == 0) throw new WorkFailure("n" + n);
            } catch (WorkFailure e) {
                r += e.getStackTrace().length > 0 ? 1 : 0;
            }
            try {
                r += own(n);
            } catch (WorkFailure e) {
                r += Thread.holdsLock(this) || Thread.holdsLock(Work.class) ? 1000 : 1;
            }
            counter = n;
            return r;
        }
    }

    public static class WorkPart implements Comparable<Object> {
        private final int value;

        public WorkPart(int value) {
            this.value = value;
        }

        public int value() {
            return value;
        }

        @Override
        public int compareTo(Object o) {
            return value - o.hashCode();
        }
    }

    public static class WorkFailure extends RuntimeException {
        public WorkFailure(String message) {
            super(message);
        }
    }

    static int one(List<Reference<?>> references, ReferenceQueue<Object> queue, int rounds) throws Exception {
        Loader loader = new Loader();
        Class<?> work = loader.loadClass("Unloading$Work");
        Task task = (Task) work.getDeclaredConstructor().newInstance();
        int r = 0;
        for (int i = 0; i < rounds; i++) r += task.run(i);
        Method sum = work.getMethod("sum", int.class);
        for (int i = 0; i < 20; i++) r += (int) sum.invoke(null, i);
        MethodHandle handle = MethodHandles.lookup().findStatic(work, "sum", MethodType.methodType(int.class, int.class));
        for (int i = 0; i < 20; i++) r += call(handle, i);
        Task proxy = (Task) Proxy.newProxyInstance(loader, new Class<?>[] {Task.class}, (p, m, a) -> (int) a[0] + 1);
        r += proxy.run(r);
        references.add(new WeakReference<>(loader, queue));
        references.add(new WeakReference<>(work, queue));
        references.add(new WeakReference<>(task, queue));
        return r;
    }

    static int call(MethodHandle handle, int i) {
        try {
            return (int) handle.invokeWithArguments(i) + (int) handle.invokeExact(i);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static void many(int count) throws Exception {
        ClassLoadingMXBean bean = ManagementFactory.getClassLoadingMXBean();
        List<Reference<?>> references = new ArrayList<>();
        ReferenceQueue<Object> queue = new ReferenceQueue<>();
        long unloaded = bean.getUnloadedClassCount();
        int r = 0;
        int most = 0;
        for (int i = 1; i <= count; i++) {
            r += one(references, queue, i % 50 == 0 ? 1000 : 3);
            if (i % 100 != 0) continue;
            collect();
            most = Math.max(most, bean.getLoadedClassCount());
        }
        collect();
        int enqueued = 0;
        // What a frame held last may keep one loader; all others are gone.
        while (enqueued < references.size() - 3 && queue.remove(20_000) != null) enqueued++;
        System.out.println(r + " alive " + (references.stream().filter(x -> x.get() != null).count() <= 3) + " enqueued " + enqueued);
        System.out.println("unloaded " + (bean.getUnloadedClassCount() - unloaded >= 3L * count) + ", loaded at most " + (most < 3000));
        System.out.println("counts agree " + (bean.getTotalLoadedClassCount() - bean.getUnloadedClassCount() == bean.getLoadedClassCount()));
    }

    static void collect() throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            System.gc();
            Thread.sleep(10);
        }
    }

    /** Frames, traces, arrays and objects keep their classes. */
    static void inUse() throws Exception {
        CountDownLatch entered = new CountDownLatch(1), go = new CountDownLatch(1);
        int[] result = new int[1];
        Thread thread = start(entered, go, result);
        entered.await();
        Object object = part(7);
        Object array = java.lang.reflect.Array.newInstance(part(1).getClass(), 2);
        Throwable failure = failure();
        Map<String, byte[]> noise = new HashMap<>();
        List<Reference<?>> references = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            one(references, null, 50);
            collect();
        }
        go.countDown();
        thread.join();
        System.out.println(result[0]);
        System.out.println(object.getClass().getMethod("value").invoke(object) + " " + object.getClass().getName() + " " + array.getClass().getName());
        System.out.println(failure.getStackTrace()[0] + " " + failure.getClass().getClassLoader().getClass().getName() + noise.size());
    }

    static Thread start(CountDownLatch entered, CountDownLatch go, int[] result) throws Exception {
        MethodHandle run = MethodHandles.lookup().findStatic(new Loader().loadClass("Unloading$Work"), "longRun", MethodType.methodType(int.class, CountDownLatch.class, CountDownLatch.class));
        Thread thread = new Thread() {
            private MethodHandle once = run;

            @Override
            public void run() {
                MethodHandle handle = once;
                once = null;
                try {
                    result[0] = (int) handle.invokeExact(entered, go);
                } catch (Throwable e) {
                    e.printStackTrace();
                }
            }
        };
        thread.start();
        return thread;
    }

    static Object part(int value) throws Exception {
        return new Loader().loadClass("Unloading$WorkPart").getConstructor(int.class).newInstance(value);
    }

    static Throwable failure() throws Exception {
        Class<?> work = new Loader().loadClass("Unloading$Work");
        Method run = work.getMethod("longRun", CountDownLatch.class, CountDownLatch.class);
        try {
            run.invoke(null, null, null);
            return null;
        } catch (java.lang.reflect.InvocationTargetException e) {
            // A class of its own would keep its loader; the trace of one that everybody has is to keep the classes that it names.
            Throwable own = (Throwable) work.getClassLoader().loadClass("Unloading$WorkFailure").getConstructor(String.class).newInstance("own");
            own.setStackTrace(e.getCause().getStackTrace());
            return own;
        }
    }

    /** Hidden classes: one that its loader does not keep goes alone. */
    static void hidden() throws Exception {
        byte[] bytes = bytesOf("Unloading$WorkPart");
        List<WeakReference<Class<?>>> weak = new ArrayList<>(), strong = new ArrayList<>();
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        Object kept = null;
        for (int i = 0; i < 50; i++) {
            Class<?> c = lookup.defineHiddenClass(bytes, true).lookupClass();
            Object o = c.getConstructor(int.class).newInstance(i);
            if (i == 20) kept = o;
            weak.add(new WeakReference<>(c));
            strong.add(new WeakReference<>(lookup.defineHiddenClass(bytes, false, MethodHandles.Lookup.ClassOption.STRONG).lookupClass()));
        }
        collect();
        System.out.println("hidden: " + weak.stream().filter(w -> w.get() != null).count() + " and " + strong.stream().filter(w -> w.get() != null).count());
        System.out.println(kept.getClass().getMethod("value").invoke(kept) + " " + kept.getClass().isHidden());
    }

    public static void main(String[] args) throws Exception {
        many(args.length > 0 ? Integer.parseInt(args[0]) : 200);
        inUse();
        hidden();
    }
}
