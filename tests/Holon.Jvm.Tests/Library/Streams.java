import java.util.*;
import java.util.function.*;
import java.util.stream.*;

/** java.util.stream: sources, operations, collectors, spliterators, in sequence and in parallel. */
public class Streams {
    record Person(String name, String city, int age, double pay) {}

    static void say(Object o) {
        System.out.println(o);
    }

    public static void main(String[] arguments) {
        List<Person> people = new ArrayList<>();
        String[] names = {"Ada", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus", "Hal"};
        String[] cities = {"Rom", "Oslo", "Bern"};
        for (int i = 0; i < 200; i++) people.add(new Person(names[i % names.length] + i, cities[i * 7 % 3], 18 + i * 13 % 60, 1000 + i * 37 % 900 + i / 8.0));
        for (boolean parallel : new boolean[] {false, true}) {
            Supplier<Stream<Person>> s = () -> parallel ? people.parallelStream() : people.stream();
            say(new TreeMap<>(s.get().collect(Collectors.groupingBy(Person::city, Collectors.averagingDouble(Person::age)))));
            say(s.get().collect(Collectors.partitioningBy(p -> p.age() > 40, Collectors.mapping(Person::name, Collectors.joining(",")))).get(true));
            say(s.get().sorted(Comparator.comparing(Person::city).thenComparing(Person::pay, Comparator.reverseOrder())).limit(5).map(Person::name).toList());
            say(s.get().mapToInt(Person::age).summaryStatistics());
            say(s.get().map(Person::city).distinct().sorted().toList() + " " + s.get().anyMatch(p -> p.age() == 20) + s.get().allMatch(p -> p.age() > 17) + s.get().noneMatch(p -> p.pay() < 0));
            say(s.get().collect(Collectors.teeing(Collectors.counting(), Collectors.maxBy(Comparator.comparingDouble(Person::pay)), (n, max) -> n + " " + max.orElseThrow())));
            say(s.get().skip(10).takeWhile(p -> p.age() != 50).count() + " " + s.get().dropWhile(p -> p.age() < 60).findFirst());
            say(s.get().reduce(0, (sum, p) -> sum + p.age(), Integer::sum));
            say(s.get().flatMap(p -> Stream.of(p.age(), -p.age())).mapToInt(x -> x).sum());
            say(s.get().<Object>mapMulti((p, out) -> {
                if (p.age() % 9 == 0) {
                    out.accept(p.name());
                    out.accept(p.age());
                }
            }).map(Object::toString).collect(Collectors.joining("|", "<", ">")));
            say(s.get().collect(Collectors.toMap(Person::city, Person::age, Integer::max, TreeMap::new)));
            say(s.get().collect(Collectors.groupingBy(p -> p.age() / 10, TreeMap::new, Collectors.collectingAndThen(Collectors.toList(), List::size))));
            say(s.get().collect(Collectors.filtering(p -> p.city().equals("Rom"), Collectors.summingInt(Person::age))));
        }
        say(IntStream.rangeClosed(1, 20).filter(i -> IntStream.rangeClosed(2, (int) Math.sqrt(i)).noneMatch(d -> i % d == 0)).boxed().toList());
        say(Stream.iterate(1L, x -> x < 1_000_000_000_000L, x -> x * 3).mapToLong(Long::longValue).max());
        say(Stream.generate(new Random(42)::nextInt).limit(5).toList());
        say(new Random(7).ints(5, 0, 100).boxed().toList() + " " + new Random(7).doubles(3).boxed().toList() + " " + new Random(7).nextGaussian());
        say(new SplittableRandom(3).longs(3).boxed().toList());
        say("hello world".chars().mapToObj(c -> (char) c).collect(Collectors.groupingBy(Function.identity(), LinkedHashMap::new, Collectors.counting())));
        say("a𝄞b".codePoints().mapToObj(Integer::toHexString).toList());
        say("one\ntwo\n\nthree".lines().map(String::length).toList());
        say(Arrays.stream(new double[] {0.1, 0.2, 0.3, 1e100, -1e100}).sum() + " " + DoubleStream.of(1, 2, 4).average());
        say(Stream.concat(Stream.of(1, 2), Stream.of(3)).peek(x -> System.out.print(x + ";")).toList());
        say(LongStream.range(0, 1_000_000).parallel().map(x -> x * x % 1000).sum());
        int[] sorted = new Random(5).ints(20_000, 0, 1_000_000).parallel().sorted().toArray();
        say(Arrays.hashCode(sorted) + " " + Arrays.binarySearch(sorted, sorted[777]));
        long[] prefix = LongStream.range(0, 5000).toArray();
        Arrays.parallelPrefix(prefix, Long::sum);
        Arrays.parallelSetAll(sorted, i -> i ^ 5);
        Arrays.parallelSort(sorted);
        say(prefix[4999] + " " + sorted[100]);
        var split = List.of(1, 2, 3, 4, 5, 6).spliterator();
        var half = split.trySplit();
        half.forEachRemaining(x -> System.out.print(x));
        say(" " + split.estimateSize() + " " + split.hasCharacteristics(Spliterator.SIZED));
        try (Stream<Integer> closing = Stream.of(1).onClose(() -> say("closed"))) {
            Iterator<Integer> it = closing.iterator();
            say(it.next() + " " + it.hasNext());
        }
        try {
            Stream<Integer> once = Stream.of(1);
            once.count();
            once.count();
        } catch (IllegalStateException e) {
            say(e.getMessage());
        }
        try {
            Stream.of("a", "a").collect(Collectors.toMap(x -> x, x -> 1));
        } catch (IllegalStateException e) {
            say(e.getMessage());
        }
        say(Optional.of(3).map(x -> x + 1).filter(x -> x > 5).or(() -> Optional.of(9)).stream().toList() + " " + OptionalInt.empty());
    }
}
