import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** Kernels, each some milliseconds on HotSpot: {@code java Kernels NAME MILLISECONDS} repeats one and prints its times and checksum. */
public final class Kernels {
    private interface Kernel { int run(); }

    private interface Visitor { int visit(Node n, int depth); }

    private static class Node {
        final int key;
        Node left, right;
        Node(int key) { this.key = key; }
        int weight() { return 1; }
    }

    private static final class Heavy extends Node {
        Heavy(int key) { super(key); }
        @Override int weight() { return key & 7; }
    }

    private static final class Stop extends RuntimeException {
        final int at;
        Stop(int at) { super("stop"); this.at = at; }
    }

    public static void main(String[] args) {
        Kernel kernel = find(args[0]);
        long end = System.nanoTime() + Long.parseLong(args[1]) * 1_000_000;
        int expected = kernel.run();
        List<Long> times = new ArrayList<>();
        for (long now = System.nanoTime(); now < end || times.size() < 4; ) {
            int got = kernel.run();
            long then = System.nanoTime();
            if (got != expected) throw new AssertionError(args[0] + ": " + got + " instead of " + expected);
            times.add(then - now);
            now = then;
        }
        // The second half is steady state.
        List<Long> steady = times.subList(times.size() / 2, times.size());
        steady.sort(null);
        System.out.println(expected + " " + steady.get(steady.size() / 2));
    }

    private static Kernel find(String name) {
        switch (name) {
            case "arithmetic": return Kernels::arithmetic;
            case "floating": return Kernels::floating;
            case "matrix": return Kernels::matrix;
            case "sort": return Kernels::sort;
            case "bytes": return Kernels::bytes;
            case "tree": return Kernels::tree;
            case "calls": return Kernels::calls;
            case "interfaces": return Kernels::interfaces;
            case "strings": return Kernels::strings;
            case "maps": return Kernels::maps;
            case "lambdas": return Kernels::lambdas;
            case "streams": return Kernels::streams;
            case "exceptions": return Kernels::exceptions;
            case "locks": return Kernels::locks;
            default: throw new IllegalArgumentException(name);
        }
    }

    /** The longest Collatz sequence. */
    private static int arithmetic() {
        int best = 0;
        for (int i = 1; i < 20_000; i++) {
            int steps = 0;
            for (long n = i; n != 1; steps++) n = (n & 1) == 0 ? n >> 1 : n * 3 + 1;
            if (steps > best) best = steps;
        }
        return best;
    }

    /** Points of the logistic map. */
    private static int floating() {
        double sum = 0;
        for (int i = 0; i < 2_000; i++) {
            double x = 0.1 + i * 0.0001;
            for (int k = 0; k < 400; k++) x = 3.7 * x * (1 - x);
            sum += Math.sqrt(x);
        }
        return (int) (sum * 1000);
    }

    private static int matrix() {
        int n = 120;
        double[][] a = new double[n][n], b = new double[n][n], c = new double[n][n];
        for (int i = 0; i < n; i++) for (int k = 0; k < n; k++) { a[i][k] = i + k; b[i][k] = i - k; }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < n; k++) sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
        return (int) c[n / 2][n / 3];
    }

    private static int sort() {
        int[] data = new int[50_000];
        int x = 12345;
        for (int i = 0; i < data.length; i++) data[i] = x = x * 1103515245 + 12345;
        quick(data, 0, data.length - 1);
        int sum = 0;
        for (int i = 0; i < data.length; i += 100) sum = sum * 31 + data[i];
        return sum;
    }

    private static void quick(int[] a, int low, int high) {
        while (low < high) {
            int i = low, k = high, pivot = a[(low + high) >>> 1];
            while (i <= k) {
                while (a[i] < pivot) i++;
                while (a[k] > pivot) k--;
                if (i <= k) { int t = a[i]; a[i++] = a[k]; a[k--] = t; }
            }
            quick(a, low, k);
            low = i;
        }
    }

    /** A byte histogram and a checksum. */
    private static int bytes() {
        byte[] data = new byte[300_000];
        for (int i = 0; i < data.length; i++) data[i] = (byte) (i * 7 ^ i >> 5);
        int[] counts = new int[256];
        int a = 1, b = 0;
        for (byte each : data) {
            counts[each & 0xFF]++;
            a = (a + (each & 0xFF)) % 65521;
            b = (b + a) % 65521;
        }
        return b << 16 ^ a ^ counts[17];
    }

    private static int tree() {
        Node root = null;
        int x = 1;
        for (int i = 0; i < 20_000; i++) {
            x = x * 1664525 + 1013904223;
            root = insert(root, (x & 64) == 0 ? new Node(x >>> 8) : new Heavy(x >>> 8));
        }
        return weigh(root);
    }

    private static Node insert(Node n, Node added) {
        if (n == null) return added;
        if (added.key < n.key) n.left = insert(n.left, added);
        else n.right = insert(n.right, added);
        return n;
    }

    private static int weigh(Node n) { return n == null ? 0 : n.weight() + weigh(n.left) + weigh(n.right); }

    private static int calls() { return fibonacci(27); }

    private static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

    private static int interfaces() {
        Visitor[] visitors = { (n, d) -> n.key + d, (n, d) -> n.key ^ d, (n, d) -> n.weight() * d, (n, d) -> d - n.key };
        Node[] nodes = { new Node(5), new Heavy(9), new Node(77) };
        int sum = 0;
        for (int i = 0; i < 400_000; i++) sum = sum * 31 + visitors[i & 3].visit(nodes[i % 3], i);
        return sum;
    }

    private static int strings() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8_000; i++) text.append("item ").append(i).append(i % 3 == 0 ? ";" : ",").append((char) ('a' + i % 26));
        int sum = 0;
        for (String part : text.toString().split(";")) sum = sum * 31 + (part + "/" + part.length()).hashCode() + part.indexOf("9,") + part.toUpperCase().trim().length();
        return sum;
    }

    private static int maps() {
        HashMap<Integer, String> map = new HashMap<>();
        for (int i = 0; i < 30_000; i++) map.merge(i * 7919 % 5003, "v", (a, b) -> a.length() > 8 ? "w" : a + b);
        int sum = 0;
        for (var entry : map.entrySet()) sum += entry.getKey() * entry.getValue().length();
        return sum;
    }

    private static int lambdas() {
        int sum = 0;
        for (int i = 0; i < 200_000; i++) {
            int by = i & 15;
            IntUnaryOperator f = x -> x * 31 + by;
            sum = f.andThen(x -> x ^ by).applyAsInt(sum);
        }
        return sum;
    }

    private static int streams() {
        return IntStream.range(0, 60_000).filter(i -> i % 3 == 0).map(i -> i * 7).boxed().filter(i -> i % 2 == 0).mapToInt(Integer::intValue).sum()
            + Arrays.asList("a", "bb", "ccc", "dddd").stream().mapToInt(String::length).sum();
    }

    private static int exceptions() {
        int sum = 0;
        for (int i = 0; i < 3_000; i++) {
            try {
                dive(i % 10, i);
            } catch (Stop stop) {
                sum += stop.at;
            }
        }
        return sum;
    }

    private static void dive(int depth, int i) {
        if (depth == 0) throw new Stop(i);
        dive(depth - 1, i);
    }

    private static int locked;

    private static synchronized void lock(int by) { locked += by; }

    private static int locks() {
        locked = 0;
        for (int i = 0; i < 200_000; i++) lock(i & 3);
        return locked;
    }
}
