import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;

/** java.util.concurrent: executors, queues, locks, atomics, futures, and what comes out whatever the order. */
public class Concurrency {
    static final class SumTask extends RecursiveTask<Long> {
        final int from, to;

        SumTask(int from, int to) {
            this.from = from;
            this.to = to;
        }

        @Override
        protected Long compute() {
            if (to - from < 500) return IntStream.range(from, to).mapToLong(i -> (long) i * i % 7).sum();
            int middle = (from + to) >>> 1;
            SumTask left = new SumTask(from, middle);
            left.fork();
            return new SumTask(middle, to).compute() + left.join();
        }
    }

    public static void main(String[] arguments) throws Exception {
        executors();
        queues();
        locks();
        futures();
        synchronizers();
        System.out.println("fork join " + new ForkJoinPool(4).invoke(new SumTask(0, 100_000)) + " " + ForkJoinPool.commonPool().invoke(new SumTask(0, 50_000)));
        collections();
        timers();
    }

    static void executors() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Callable<Integer>> tasks = IntStream.range(0, 200).<Callable<Integer>>mapToObj(i -> () -> {
            if (i == 77) throw new IllegalStateException("task " + i);
            return i * i;
        }).toList();
        int sum = 0;
        for (Future<Integer> f : pool.invokeAll(tasks)) {
            try {
                sum += f.get();
            } catch (ExecutionException e) {
                System.out.println("failed: " + e.getMessage() + " / " + e.getCause());
            }
        }
        System.out.println("sum " + sum + " any " + pool.invokeAny(List.of(() -> "only")));
        Future<?> endless = pool.submit(() -> {
            while (!Thread.currentThread().isInterrupted()) Thread.onSpinWait();
        });
        System.out.println("cancelled " + endless.cancel(true) + " " + endless.isCancelled() + " " + endless.isDone());
        pool.shutdown();
        System.out.println("ended " + pool.awaitTermination(20, TimeUnit.SECONDS) + " " + pool.isTerminated());
        try {
            pool.submit(() -> 1);
        } catch (RejectedExecutionException e) {
            System.out.println("rejected");
        }
        ThreadPoolExecutor bounded = new ThreadPoolExecutor(1, 2, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(2), new ThreadPoolExecutor.CallerRunsPolicy());
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < 50; i++) bounded.execute(done::incrementAndGet);
        bounded.shutdown();
        bounded.awaitTermination(20, TimeUnit.SECONDS);
        System.out.println("bounded " + done);
    }

    static void queues() throws Exception {
        for (BlockingQueue<Integer> queue : List.of(new ArrayBlockingQueue<Integer>(3), new LinkedBlockingQueue<Integer>(5), new SynchronousQueue<Integer>(), new LinkedTransferQueue<Integer>(), new PriorityBlockingQueue<Integer>(), new LinkedBlockingDeque<Integer>(2))) {
            AtomicLong total = new AtomicLong();
            Thread[] threads = new Thread[6];
            for (int t = 0; t < threads.length; t++) {
                boolean produces = t % 2 == 0;
                int id = t;
                threads[t] = new Thread(() -> {
                    try {
                        for (int i = 0; i < 500; i++) {
                            if (produces) queue.put(id * 1000 + i);
                            else total.addAndGet(queue.take());
                        }
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                });
                threads[t].start();
            }
            for (Thread t : threads) t.join();
            System.out.println(queue.getClass().getSimpleName() + " " + total + " left " + queue.size() + " poll " + queue.poll(1, TimeUnit.MILLISECONDS));
        }
        DelayQueue<Late> late = new DelayQueue<>();
        for (int i : new int[] {30, 10, 20}) late.add(new Late(i));
        System.out.println("delays " + late.take().delay + " " + late.take().delay + " " + late.take().delay);
        Exchanger<String> exchanger = new Exchanger<>();
        Thread other = new Thread(() -> {
            try {
                System.out.println("other got " + exchanger.exchange("from other"));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        other.start();
        String got = exchanger.exchange("from main");
        other.join();
        System.out.println("main got " + got);
    }

    static final class Late implements Delayed {
        final int delay;
        final long at;

        Late(int delay) {
            this.delay = delay;
            at = System.nanoTime() + delay * 1_000_000L;
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(at - System.nanoTime(), TimeUnit.NANOSECONDS);
        }

        @Override
        public int compareTo(Delayed o) {
            return Long.compare(at, ((Late) o).at);
        }
    }

    static int shared;

    static void locks() throws Exception {
        for (Lock lock : List.of(new ReentrantLock(), new ReentrantLock(true), new ReentrantReadWriteLock().writeLock(), new StampedLock().asWriteLock())) {
            shared = 0;
            inParallel(8, i -> {
                for (int k = 0; k < 1000; k++) {
                    lock.lock();
                    try {
                        shared++;
                    } finally {
                        lock.unlock();
                    }
                }
            });
            System.out.println("lock " + shared + " " + lock.tryLock());
        }
        ReentrantLock lock = new ReentrantLock();
        Condition even = lock.newCondition(), odd = lock.newCondition();
        StringBuilder text = new StringBuilder();
        inParallel(2, id -> {
            for (int k = id; k < 20; k += 2) {
                lock.lock();
                try {
                    while (text.length() < k) (id == 0 ? even : odd).awaitUninterruptibly();
                    text.append((char) ('a' + k));
                    (id == 0 ? odd : even).signal();
                } finally {
                    lock.unlock();
                }
            }
        });
        System.out.println(text);
        try {
            lock.unlock();
        } catch (IllegalMonitorStateException e) {
            System.out.println("not mine " + e.getMessage());
        }
        Object monitor = new Object();
        int[] turn = {0};
        inParallel(5, id -> {
            for (int round = 0; round < 20; round++) {
                synchronized (monitor) {
                    while (turn[0] % 5 != id) {
                        try {
                            monitor.wait();
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    }
                    turn[0]++;
                    monitor.notifyAll();
                }
            }
        });
        System.out.println("turns " + turn[0]);
        StampedLock stamped = new StampedLock();
        long stamp = stamped.tryOptimisticRead();
        System.out.println("optimistic " + stamped.validate(stamp));
        long write = stamped.writeLock();
        System.out.println(stamped.validate(stamp) + " " + stamped.isWriteLocked());
        stamped.unlockWrite(write);
    }

    interface Body {
        void run(int id);
    }

    static void inParallel(int count, Body body) throws InterruptedException {
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++) {
            int id = i;
            threads[i] = new Thread(() -> body.run(id));
            threads[i].start();
        }
        for (Thread t : threads) t.join();
    }

    static void futures() throws Exception {
        CompletableFuture<Integer> f = CompletableFuture.supplyAsync(() -> 20).thenApply(x -> x + 1).thenCombine(CompletableFuture.supplyAsync(() -> 2), (a, b) -> a * b);
        System.out.println(f.get() + " " + f.thenCompose(x -> CompletableFuture.completedFuture("v" + x)).join());
        CompletableFuture<Object> failed = CompletableFuture.supplyAsync(() -> {
            throw new IllegalArgumentException("no");
        });
        System.out.println(failed.handle((v, e) -> e.toString()).join() + " " + failed.isCompletedExceptionally());
        System.out.println(failed.exceptionally(e -> "instead").join());
        List<CompletableFuture<Integer>> many = IntStream.range(0, 100).mapToObj(i -> CompletableFuture.supplyAsync(() -> i)).toList();
        CompletableFuture.allOf(many.toArray(CompletableFuture[]::new)).join();
        System.out.println(many.stream().mapToInt(CompletableFuture::join).sum());
        try {
            new CompletableFuture<>().orTimeout(5, TimeUnit.MILLISECONDS).join();
        } catch (CompletionException e) {
            System.out.println(e.getCause());
        }
        System.out.println(new CompletableFuture<String>().completeOnTimeout("late", 5, TimeUnit.MILLISECONDS).join());
    }

    static void synchronizers() throws Exception {
        CyclicBarrier barrier = new CyclicBarrier(4, () -> System.out.println("barrier"));
        Semaphore semaphore = new Semaphore(2);
        Phaser phaser = new Phaser(4);
        AtomicInteger most = new AtomicInteger(), now = new AtomicInteger();
        inParallel(4, id -> {
            try {
                barrier.await();
                barrier.await();
                phaser.arriveAndAwaitAdvance();
                for (int i = 0; i < 100; i++) {
                    semaphore.acquire();
                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                    now.decrementAndGet();
                    semaphore.release();
                }
            } catch (InterruptedException | BrokenBarrierException e) {
                throw new AssertionError(e);
            }
        });
        System.out.println(most.get() <= 2 ? "at most two" : "too many " + most);
        System.out.println(phaser.getPhase() + " " + semaphore.availablePermits());
        LongAdder adder = new LongAdder();
        LongAccumulator longest = new LongAccumulator(Long::max, Long.MIN_VALUE);
        AtomicReference<String> reference = new AtomicReference<>("");
        AtomicIntegerArray array = new AtomicIntegerArray(10);
        inParallel(8, id -> {
            for (int i = 0; i < 1000; i++) {
                adder.increment();
                longest.accumulate(id * 1000L + i);
                array.incrementAndGet(i % 10);
                if (i % 100 == 0) reference.updateAndGet(s -> s + "x");
            }
        });
        System.out.println(adder + " " + longest + " " + reference.get().length() + " " + array);
        ThreadLocal<Integer> local = ThreadLocal.withInitial(() -> 5);
        local.set(6);
        inParallel(1, id -> System.out.println("local " + local.get()));
        System.out.println("local " + local.get());
    }

    static void collections() throws Exception {
        ConcurrentHashMap<Integer, Integer> map = new ConcurrentHashMap<>();
        ConcurrentSkipListMap<String, Integer> skip = new ConcurrentSkipListMap<>();
        CopyOnWriteArrayList<Integer> list = new CopyOnWriteArrayList<>();
        ConcurrentLinkedDeque<Integer> deque = new ConcurrentLinkedDeque<>();
        inParallel(8, id -> {
            for (int i = 0; i < 1000; i++) {
                map.merge(i % 97, 1, Integer::sum);
                skip.merge("k" + i % 31, id, Math::max);
                if (i % 100 == 0) list.addIfAbsent(i);
                deque.add(i);
            }
        });
        System.out.println(map.size() + " " + map.reduceValuesToLong(1, Integer::longValue, 0, Long::sum) + " " + map.search(1, (k, v) -> k == 5 ? v : null));
        System.out.println(skip.firstEntry() + " " + skip.headMap("k3").size() + " " + skip.descendingMap().firstKey());
        System.out.println(list.stream().sorted().toList() + " " + deque.size());
        System.out.println(IntStream.range(0, 10_000).parallel().boxed().collect(Collectors.groupingByConcurrent(i -> i % 3, Collectors.counting())));
    }

    static void timers() throws Exception {
        ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(2);
        CountDownLatch ticks = new CountDownLatch(3);
        ScheduledFuture<?> f = scheduler.scheduleAtFixedRate(ticks::countDown, 1, 2, TimeUnit.MILLISECONDS);
        ticks.await();
        f.cancel(false);
        System.out.println(scheduler.schedule(() -> "scheduled", 3, TimeUnit.MILLISECONDS).get() + " " + f.isCancelled());
        scheduler.shutdownNow();
        Timer timer = new Timer(true);
        CountDownLatch rung = new CountDownLatch(1);
        timer.schedule(new TimerTask() {
            @Override
            public void run() {
                rung.countDown();
            }
        }, 2);
        rung.await();
        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                System.out.println("interrupted: " + e.getMessage() + " " + Thread.currentThread().isInterrupted());
            }
        }, "sleeper");
        sleeper.start();
        while (sleeper.getState() != Thread.State.TIMED_WAITING) Thread.onSpinWait();
        sleeper.interrupt();
        sleeper.join();
        System.out.println(sleeper.getState() + " " + sleeper);
        Thread failing = new Thread(() -> {
            throw new IllegalStateException("uncaught");
        });
        failing.setUncaughtExceptionHandler((t, e) -> System.out.println("handler: " + e));
        failing.start();
        failing.join();
    }
}
