import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A thousand threads at the same time. */
public class ThousandThreads {
    public static void main(String[] args) throws InterruptedException {
        AtomicInteger count = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(1000);
        Thread[] threads = new Thread[1000];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                all.countDown();
                try {
                    all.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int k = 0; k < 100; k++) count.incrementAndGet();
            });
            threads[i].start();
        }
        for (Thread t : threads) t.join();
        System.out.println(count);
    }
}
