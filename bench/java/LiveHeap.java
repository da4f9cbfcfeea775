import java.util.*;

/** Keeps data of many shapes alive and prints how many bytes of heap are in use with it and without it. */
public final class LiveHeap {
    record Person(String name, int age, List<String> tags) {}

    static final class Node {
        Node next;
        long value;
        boolean flag;
        byte small;
    }

    static long used() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    public static void main(String[] arguments) {
        int scale = Integer.parseInt(arguments[0]);
        long before = used();
        List<Object> live = new ArrayList<>();
        Map<String, Person> people = new HashMap<>();
        for (int i = 0; i < scale; i++) people.put("person " + i, new Person("name " + i * 31, i % 90, List.of("a" + i % 7, "b" + i % 11)));
        live.add(people);
        Node list = null;
        for (int i = 0; i < scale * 3; i++) {
            Node n = new Node();
            n.next = list;
            n.value = i;
            list = n;
        }
        live.add(list);
        TreeMap<Integer, Long> tree = new TreeMap<>();
        for (int i = 0; i < scale; i++) tree.put(i * 7919 % 1_000_003, (long) i);
        live.add(tree);
        int[][] grid = new int[scale / 100][200];
        live.add(grid);
        for (int i = 0; i < scale / 10; i++) live.add(new byte[100 + i % 900]);
        System.out.println(used() - before);
        if (live.hashCode() == people.size()) System.out.println(live);
    }
}
