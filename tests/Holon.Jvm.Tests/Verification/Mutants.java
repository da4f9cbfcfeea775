import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Changes valid class files a little, loads and links each, and prints what came of it: the same on every machine that
 * follows the specification. Arguments: a seed, how many mutants of each class, what to print (messages, errors, or dump to write
 * the mutants out), the version that the class files are to claim (0: their own), class files.
 */
public class Mutants {
    /** Where the parts of a class file lie. */
    static final class Layout {
        final List<int[]> codes = new ArrayList<>(), maps = new ArrayList<>(), pool = new ArrayList<>(), limits = new ArrayList<>(), flags = new ArrayList<>(), handlers = new ArrayList<>();
        final List<Integer> instructions = new ArrayList<>();
        int poolCount;
        private final byte[] b;
        private String[] utf8;

        Layout(byte[] b) {
            this.b = b;
            poolCount = u2(8);
            utf8 = new String[poolCount];
            int at = 10;
            for (int i = 1; i < poolCount; i++) {
                int tag = b[at];
                int size = switch (tag) {
                    case 1 -> 3 + u2(at + 1);
                    case 3, 4, 9, 10, 11, 12, 17, 18 -> 5;
                    case 5, 6 -> 9;
                    case 15 -> 4;
                    default -> 3;
                };
                if (tag == 1) utf8[i] = new String(b, at + 3, size - 3);
                pool.add(new int[] {at, size});
                at += size;
                if (tag == 5 || tag == 6) i++;
            }
            flags.add(new int[] {at, 2});
            at += 6;
            at += 2 + 2 * u2(at);
            for (int kind = 0; kind < 2; kind++) {
                int count = u2(at);
                at += 2;
                for (; count > 0; count--) {
                    flags.add(new int[] {at, 6});
                    at = attributes(at + 6);
                }
            }
        }

        int u2(int at) { return (b[at] & 255) << 8 | b[at + 1] & 255; }

        int u4(int at) { return u2(at) << 16 | u2(at + 2); }

        private int attributes(int at) {
            int count = u2(at);
            at += 2;
            for (; count > 0; count--) {
                String name = utf8[u2(at)];
                int length = u4(at + 2);
                at += 6;
                if (name.equals("Code")) {
                    limits.add(new int[] {at, 4});
                    int size = u4(at + 4);
                    codes.add(new int[] {at + 8, size});
                    walk(at + 8, size);
                    int rows = u2(at + 8 + size);
                    if (rows > 0) handlers.add(new int[] {at + 10 + size, rows * 8});
                    attributes(at + 10 + size + rows * 8);
                } else if (name.equals("StackMapTable")) {
                    maps.add(new int[] {at, length});
                }
                at += length;
            }
            return at;
        }

        private void walk(int start, int size) {
            for (int i = 0; i < size;) {
                instructions.add(start + i);
                i += length(start, i);
            }
        }

        private int length(int start, int i) {
            int op = b[start + i] & 255;
            int aligned = (i + 4) & ~3;
            if (op == 170) return aligned + 12 + (u4(start + aligned + 8) - u4(start + aligned + 4) + 1) * 4 - i;
            if (op == 171) return aligned + 8 + u4(start + aligned + 4) * 8 - i;
            if (op == 196) return (b[start + i + 1] & 255) == 132 ? 6 : 4;
            return sizeOf(op);
        }
    }

    static int sizeOf(int op) {
        if (op == 16 || op == 18 || op >= 21 && op <= 25 || op >= 54 && op <= 58 || op == 169 || op == 188) return 2;
        if (op == 17 || op == 19 || op == 20 || op == 132 || op >= 153 && op <= 168 || op >= 178 && op <= 184 || op == 187 || op == 189 || op == 192 || op == 193 || op == 198 || op == 199) return 3;
        if (op == 185 || op == 186 || op == 200 || op == 201) return 5;
        return op == 197 ? 4 : 1;
    }

    static int pick(Random r, List<int[]> parts) {
        int[] part = parts.get(r.nextInt(parts.size()));
        return part[0] + r.nextInt(Math.max(1, part[1]));
    }

    static void put2(byte[] b, int at, int value) {
        b[at] = (byte) (value >> 8);
        b[at + 1] = (byte) value;
    }

    static byte[] mutate(byte[] original, Layout layout, Random r) {
        byte[] b = original.clone();
        if (r.nextInt(4) == 0) b[7] = (byte) (45 + r.nextInt(17));
        for (int n = r.nextInt(3); n >= 0; n--) {
            switch (r.nextInt(14)) {
                case 0 -> b[r.nextInt(b.length)] ^= 1 << r.nextInt(8);
                case 1 -> b[pick(r, layout.codes)] = (byte) r.nextInt(256);
                case 2, 3, 4 -> {
                    // another instruction of the same length
                    int at = layout.instructions.get(r.nextInt(layout.instructions.size()));
                    int size = sizeOf(b[at] & 255), op;
                    do op = r.nextInt(202); while (sizeOf(op) != size || op == 170 || op == 171 || op == 196);
                    b[at] = (byte) op;
                }
                case 5, 6 -> {
                    // another operand
                    int at = layout.instructions.get(r.nextInt(layout.instructions.size()));
                    int size = sizeOf(b[at] & 255);
                    if (size == 2) b[at + 1] = (byte) r.nextInt(12);
                    else if (size >= 3) put2(b, at + 1, (b[at] & 255) >= 153 && (b[at] & 255) <= 168 ? r.nextInt(80) - 40 : r.nextInt(layout.poolCount));
                }
                case 7, 8 -> {
                    if (!layout.maps.isEmpty()) b[pick(r, layout.maps)] = (byte) (r.nextBoolean() ? r.nextInt(9) : r.nextInt(256));
                }
                case 9 -> {
                    int[] entry = layout.pool.get(r.nextInt(layout.pool.size()));
                    if (entry[1] == 3 || entry[1] == 5) put2(b, entry[0] + 1 + (entry[1] == 5 && r.nextBoolean() ? 2 : 0), r.nextInt(layout.poolCount));
                    else if (b[entry[0]] == 1 && entry[1] > 3) b[entry[0] + 3 + r.nextInt(entry[1] - 3)] = (byte) ("/;[LIJV()<>.ab".charAt(r.nextInt(14)));
                }
                case 10 -> b[pick(r, layout.limits)] = (byte) r.nextInt(4);
                case 11 -> {
                    int[] member = layout.flags.get(r.nextInt(layout.flags.size()));
                    if (member[1] == 2 || r.nextBoolean()) put2(b, member[0], ((b[member[0]] & 255) << 8 | b[member[0] + 1] & 255) ^ 1 << r.nextInt(16));
                    else put2(b, member[0] + 2 + 2 * r.nextInt(2), r.nextInt(layout.poolCount));
                }
                case 12 -> {
                    if (!layout.handlers.isEmpty()) {
                        int at = pick(r, layout.handlers) & ~1;
                        b[at] = 0;
                        b[at + 1] = (byte) r.nextInt(60);
                    }
                }
                default -> {
                    // two instructions of the same length change places
                    int one = layout.instructions.get(r.nextInt(layout.instructions.size())), other = layout.instructions.get(r.nextInt(layout.instructions.size()));
                    int size = sizeOf(b[one] & 255);
                    if (size == sizeOf(b[other] & 255)) {
                        for (int i = 0; i < size; i++) {
                            byte t = b[one + i];
                            b[one + i] = b[other + i];
                            b[other + i] = t;
                        }
                    }
                }
            }
        }
        return b;
    }

    static final class Loader extends ClassLoader {
        Loader() { super(Mutants.class.getClassLoader()); }

        Class<?> define(byte[] b) { return defineClass(null, b, 0, b.length); }
    }

    /** Loads and links: asking for methods does. */
    static String outcome(byte[] b, boolean message) {
        try {
            new Loader().define(b).getDeclaredMethods();
            return "ok";
        } catch (Throwable e) {
            String first = e.getMessage() == null ? "" : e.getMessage().split("[\n\r]", 2)[0];
            return e.getClass().getName() + (message ? ": " + first : "");
        }
    }

    public static void main(String[] a) throws IOException {
        long seed = Long.parseLong(a[0]);
        int count = Integer.parseInt(a[1]);
        boolean messages = a[2].equals("messages");
        int version = Integer.parseInt(a[3]);
        for (int f = 4; f < a.length; f++) {
            byte[] original = Files.readAllBytes(Path.of(a[f]));
            if (version != 0) original[7] = (byte) version;
            Layout layout = new Layout(original);
            String name = Path.of(a[f]).getFileName().toString();
            System.out.println(name + " " + outcome(original, messages));
            for (int i = 0; i < count; i++) {
                byte[] b = mutate(original, layout, new Random(seed * 1_000_003 + i));
                if (a[2].equals("dump")) Files.write(Path.of("mutant-" + i + "-" + name), b);
                System.out.println(name + " " + i + " " + outcome(b, messages));
            }
        }
    }
}
