import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Classes and threads that come and go. */
public class Churn {
    static final class Loader extends ClassLoader {
        private final byte[] bytes;

        Loader(byte[] bytes) {
            super(null);
            this.bytes = bytes;
        }

        Class<?> load() {
            return defineClass("Rules", bytes, 0, bytes.length);
        }
    }

    /** The same class in many loaders, each with its own statics. */
    public static int classes(String folder, int count) throws Exception {
        byte[] bytes;
        try (var in = Churn.class.getResourceAsStream("/Rules.class")) {
            bytes = in.readAllBytes();
        }
        int sum = 0;
        for (int i = 0; i < count; i++) sum += (int) new Loader(bytes).load().getMethod("next").invoke(null);
        return sum;
    }

    public static int threads(int count) throws InterruptedException {
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < count; i++) {
            Thread t = new Thread(done::incrementAndGet);
            t.start();
            t.join();
        }
        return done.get();
    }

    /** Threads that would stay for ever. */
    public static void leaveThreads() throws InterruptedException {
        CountDownLatch running = new CountDownLatch(4);
        Object lock = new Object();
        for (int i = 0; i < 4; i++) {
            int kind = i;
            new Thread(() -> {
                running.countDown();
                try {
                    if (kind == 0) Thread.sleep(Long.MAX_VALUE);
                    if (kind == 1) new CountDownLatch(1).await();
                    synchronized (lock) {
                        if (kind == 2) lock.wait();
                    }
                    while (true) Thread.onSpinWait();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }).start();
        }
        running.await();
    }
}
