import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.locks.ReentrantLock;

/** Deadlocks of monitors and of locks, as java.lang.management tells of them. */
public class Deadlocked {
    static void start(String name, Runnable body) {
        Thread t = new Thread(body, name);
        t.setDaemon(true);
        t.start();
    }

    static void meet(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (Exception e) {
            throw new Error(e);
        }
    }

    static void monitors(Object first, Object second, CyclicBarrier barrier) {
        synchronized (first) {
            meet(barrier);
            synchronized (second) {
                System.out.println("never");
            }
        }
    }

    static void locks(ReentrantLock first, ReentrantLock second, CyclicBarrier barrier) {
        first.lock();
        meet(barrier);
        second.lock();
    }

    static void show(ThreadMXBean bean, String what, long[] ids) {
        System.out.println(what + ": " + (ids == null ? "none" : ""));
        if (ids == null) return;
        ThreadInfo[] infos = bean.getThreadInfo(ids);
        Arrays.sort(infos, (a, b) -> a.getThreadName().compareTo(b.getThreadName()));
        for (ThreadInfo i : infos) System.out.println("  " + i.getThreadName() + " " + i.getThreadState() + " " + i.getLockInfo().getClassName() + " owned by " + i.getLockOwnerName());
    }

    /** Asks until as many threads are found, which need some time to get there, or for a minute. */
    static long[] find(ThreadMXBean bean, boolean locks, int count) throws InterruptedException {
        long[] ids = null;
        for (int i = 0; i < 600 && (ids == null || ids.length < count); i++) {
            ids = locks ? bean.findDeadlockedThreads() : bean.findMonitorDeadlockedThreads();
            if (ids == null || ids.length < count) Thread.sleep(100);
        }
        return ids;
    }

    public static void main(String[] arguments) throws Exception {
        ThreadMXBean bean = ManagementFactory.getThreadMXBean();
        show(bean, "at first", bean.findDeadlockedThreads());
        Object a = new Object(), waited = new Object();
        StringBuilder b = new StringBuilder();
        CyclicBarrier two = new CyclicBarrier(2);
        start("monitor 1", () -> monitors(a, b, two));
        start("monitor 2", () -> monitors(b, a, two));
        start("monitor 3", () -> { synchronized (a) { System.out.println("never"); } });
        show(bean, "monitors", find(bean, false, 2));
        ReentrantLock x = new ReentrantLock(), y = new ReentrantLock();
        start("lock 1", () -> locks(x, y, two));
        start("lock 2", () -> locks(y, x, two));
        show(bean, "all", find(bean, true, 4));
        show(bean, "monitors", bean.findMonitorDeadlockedThreads());
    }
}
