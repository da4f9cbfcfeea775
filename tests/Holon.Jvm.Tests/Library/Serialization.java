import java.io.*;
import java.lang.reflect.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;

/** Object serialization: its own hooks, records, enums, proxies, cycles, filters, errors. */
public class Serialization {
    static class Base {
        int base = 5;

        Base() {
            System.out.println("Base()");
        }
    }

    static class Node extends Base implements Serializable {
        private static final long serialVersionUID = 3;
        String name;
        Node next;
        transient int hidden = 7;
        final int[] numbers = {1, 2, 3};

        Node(String name) {
            this.name = name;
        }

        private void writeObject(ObjectOutputStream out) throws IOException {
            out.defaultWriteObject();
            out.writeInt(base);
        }

        private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
            in.defaultReadObject();
            base = in.readInt() * 10;
        }
    }

    static class Single implements Serializable {
        static final Single ONLY = new Single();

        private Object readResolve() {
            return ONLY;
        }
    }

    static class Outside implements Externalizable {
        String text = "default";

        public Outside() {}

        @Override
        public void writeExternal(ObjectOutput out) throws IOException {
            out.writeUTF(text + "!");
        }

        @Override
        public void readExternal(ObjectInput in) throws IOException {
            text = in.readUTF();
        }
    }

    record Point(int x, double y, List<String> names) implements Serializable {
        Point {
            System.out.println("Point " + x);
        }
    }

    enum Color { RED, GREEN { @Override public String toString() { return "green!"; } } }

    interface Greeter {
        String greet(String s);
    }

    static class Handler implements InvocationHandler, Serializable {
        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) {
            return method.getName() + Arrays.toString(arguments);
        }
    }

    interface SerializableFunction extends java.util.function.Function<Integer, Integer>, Serializable {}

    static byte[] write(Object o) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(o);
        }
        return bytes.toByteArray();
    }

    static Object read(byte[] bytes) throws Exception {
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
            return in.readObject();
        }
    }

    static Object copy(Object o) throws Exception {
        byte[] bytes = write(o);
        System.out.println(o.getClass().getSimpleName() + " " + bytes.length + " " + Arrays.hashCode(bytes));
        return read(bytes);
    }

    public static void main(String[] arguments) throws Exception {
        Node a = new Node("a"), b = new Node("b");
        a.next = b;
        b.next = a;
        b.base = 9;
        Node copy = (Node) copy(a);
        System.out.println(copy.name + copy.next.name + (copy.next.next == copy) + copy.hidden + copy.base + copy.next.base + Arrays.toString(copy.numbers));
        System.out.println(copy(Single.ONLY) == Single.ONLY);
        System.out.println(((Outside) copy(new Outside())).text);
        System.out.println(copy(new Point(3, 2.5, List.of("x", "y"))));
        System.out.println(copy(EnumSet.of(Color.GREEN)) + " " + (copy(Color.RED) == Color.RED));
        Object[] things = {"text", 42, 1.5f, 'c', (byte) 7, 10L, true, new int[][] {{1}, {2, 3}}, LocalDate.of(2024, 1, 2), Instant.EPOCH, new Date(5), new TreeMap<>(Map.of("k", 1)), new LinkedHashMap<>(Map.of(1, "z")), new ArrayDeque<>(List.of(1, 2)), new HashSet<>(List.of("s")),
            new BitSet(9), new java.math.BigInteger("123456789012345678901234567890"), new java.math.BigDecimal("1.50"), Locale.GERMANY, new StringBuilder("sb"), new ConcurrentHashMap<>(Map.of("c", 2)), Collections.unmodifiableList(new ArrayList<>(List.of(1))), Optional.class, UUID.fromString("00000000-0000-0001-0000-000000000002"), Duration.ofSeconds(61)};
        for (Object o : things) {
            Object c = copy(o);
            System.out.println(c instanceof int[][] x ? Arrays.deepToString(x) : c + " " + (o.equals(c)));
        }
        Greeter proxy = (Greeter) Proxy.newProxyInstance(Serialization.class.getClassLoader(), new Class<?>[] {Greeter.class}, new Handler());
        System.out.println(((Greeter) read(write(proxy))).greet("hi"));
        int captured = 5;
        SerializableFunction f = x -> x + captured;
        System.out.println(((SerializableFunction) read(write(f))).apply(10));
        System.out.println(read(write(new IOException("message", new RuntimeException("cause")))) + " " + ((Throwable) read(write(new Exception("e")))).getStackTrace().length);
        for (Object bad : new Object[] {new Object(), List.of(new Thread()), new Node("x") { Object o = new Object(); }}) {
            try {
                write(bad);
            } catch (NotSerializableException e) {
                System.out.println(e.getMessage());
            }
        }
        byte[] bytes = write(new Node("z"));
        bytes[10] ^= 1;
        try {
            read(bytes);
        } catch (ClassNotFoundException | IOException e) {
            System.out.println(e.getClass().getName());
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(write(new ArrayList<>(List.of(1, 2)))))) {
            in.setObjectInputFilter(ObjectInputFilter.Config.createFilter("!java.util.ArrayList;*"));
            in.readObject();
        } catch (InvalidClassException e) {
            System.out.println(e.getMessage());
        }
        System.out.println(ObjectStreamClass.lookup(Node.class) + " " + ObjectStreamClass.lookup(Base.class) + " " + ObjectStreamClass.lookup(Handler.class).getSerialVersionUID());
        PipedInputStream pipe = new PipedInputStream();
        PipedOutputStream end = new PipedOutputStream(pipe);
        Thread writer = new Thread(() -> {
            try (ObjectOutputStream out = new ObjectOutputStream(end)) {
                for (int i = 0; i < 100; i++) out.writeUnshared(new int[] {i});
                out.writeObject(null);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        writer.start();
        int sum = 0;
        try (ObjectInputStream in = new ObjectInputStream(pipe)) {
            for (Object o; (o = in.readObject()) != null; ) sum += ((int[]) o)[0];
        }
        writer.join();
        System.out.println(sum);
    }
}
