import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes a project of Java sources, always the same for the same number of files: MakeProject FOLDER FILES. */
public final class MakeProject {
    private static final int CLASSES_IN_PACKAGE = 20;

    private static int seed = 1;

    private static int next(int bound) {
        seed = seed * 1103515245 + 12345;
        return (seed >>> 16) % bound;
    }

    public static void main(String[] arguments) throws IOException {
        Path root = Path.of(arguments[0]);
        int files = Integer.parseInt(arguments[1]);
        for (int i = 0; i < files; i++) {
            Path file = root.resolve("shop/p" + i / CLASSES_IN_PACKAGE + "/" + name(i) + ".java");
            Files.createDirectories(file.getParent());
            String body = switch (i % 5) {
                case 0 -> entity(i);
                case 1 -> service(i);
                case 2 -> model(i);
                case 3 -> parser(i);
                default -> container(i);
            };
            Files.writeString(file, "package shop.p" + i / CLASSES_IN_PACKAGE + ";\n\n" + imports(i) + body);
        }
        Files.writeString(root.resolve("shop/Main.java"), mainClass(files));
    }

    private static String name(int i) {
        return switch (i % 5) {
            case 0 -> "Entity";
            case 1 -> "Service";
            case 2 -> "Model";
            case 3 -> "Parser";
            default -> "Container";
        } + i;
    }

    /** A class of the same sort that was made before, in any package; the first one has itself. */
    private static int before(int i) {
        return i < 5 ? i : i % 5 + next(i / 5) * 5;
    }

    private static String qualified(int i) {
        return "shop.p" + i / CLASSES_IN_PACKAGE + "." + name(i);
    }

    private static String imports(int i) {
        return "import java.util.*;\nimport java.util.function.*;\nimport java.util.stream.*;\n\n";
    }

    private static String entity(int i) {
        int fields = 4 + next(6);
        StringBuilder text = new StringBuilder("/** Data with the usual methods. */\npublic class " + name(i) + " implements Comparable<" + name(i) + "> {\n");
        String[] types = {"int", "long", "String", "double", "boolean", "List<String>", "Map<String, Integer>"};
        for (int f = 0; f < fields; f++) text.append("    private ").append(types[(i + f) % types.length]).append(" field").append(f).append(";\n");
        text.append("    private final int key;\n    private ").append(qualified(before(i))).append(" other;\n\n");
        text.append("    public ").append(name(i)).append("(int key) {\n        this.key = key;\n    }\n\n");
        for (int f = 0; f < fields; f++) {
            String type = types[(i + f) % types.length];
            text.append("    public ").append(type).append(" getField").append(f).append("() {\n        return field").append(f).append(";\n    }\n\n");
            text.append("    public ").append(name(i)).append(" setField").append(f).append("(").append(type).append(" value) {\n        this.field").append(f).append(" = value;\n        return this;\n    }\n\n");
        }
        text.append("    @Override\n    public int compareTo(").append(name(i)).append(" that) {\n        return Integer.compare(key, that.key);\n    }\n\n");
        text.append("    @Override\n    public boolean equals(Object o) {\n        return o instanceof ").append(name(i)).append(" e && e.key == key");
        for (int f = 0; f < fields; f++) text.append(" && Objects.equals(field").append(f).append(", e.field").append(f).append(")");
        text.append(";\n    }\n\n    @Override\n    public int hashCode() {\n        return Objects.hash(key");
        for (int f = 0; f < fields; f++) text.append(", field").append(f);
        text.append(");\n    }\n\n    @Override\n    public String toString() {\n        return \"").append(name(i)).append("[\" + key");
        for (int f = 0; f < fields; f++) text.append(" + \", field").append(f).append("=\" + field").append(f);
        return text.append(" + \"]\";\n    }\n}\n").toString();
    }

    private static String service(int i) {
        String entity = qualified(i - 1);
        StringBuilder text = new StringBuilder("public class " + name(i) + " {\n    private final Map<Integer, " + entity + "> all = new TreeMap<>();\n\n");
        text.append("    public interface Visitor<R> {\n        R visit(").append(entity).append(" e);\n\n        default <S> Visitor<S> then(Function<? super R, ? extends S> f) {\n            return e -> f.apply(visit(e));\n        }\n    }\n\n");
        for (int m = 0; m < 4; m++) {
            int k = next(100);
            text.append("    public List<String> list").append(m).append("(int limit) {\n");
            text.append("        return all.values().stream().filter(e -> e.hashCode() % ").append(k + 2).append(" != 0).sorted(Comparator.reverseOrder())\n");
            text.append("            .limit(limit).map(Object::toString).map(s -> s + \"/\" + limit).collect(Collectors.toList());\n    }\n\n");
            text.append("    public Map<Boolean, Long> count").append(m).append("() {\n        return IntStream.range(0, ").append(k * 10).append(").boxed().map(").append(entity).append("::new).collect(Collectors.partitioningBy(e -> e.compareTo(new ").append(entity).append("(").append(k).append(")) > 0, Collectors.counting()));\n    }\n\n");
        }
        text.append("    public <R> List<R> visitAll(Visitor<R> visitor) {\n        var result = new ArrayList<R>();\n        for (var e : all.values()) result.add(visitor.visit(e));\n        return result;\n    }\n\n");
        text.append("    public synchronized void put(int key) {\n        all.computeIfAbsent(key, ").append(entity).append("::new);\n    }\n\n");
        text.append("    public static int run() {\n        var s = new ").append(name(i)).append("();\n        for (int k = 0; k < 10; k++) s.put(k * 7 % 11);\n        return s.visitAll(e -> e.toString().length()).stream().mapToInt(Integer::intValue).sum() + s.list0(3).size();\n    }\n");
        return text.append("}\n").toString();
    }

    private static String model(int i) {
        String sealedName = "Shape" + i;
        StringBuilder text = new StringBuilder("public final class " + name(i) + " {\n    public sealed interface " + sealedName + " permits Circle, Square, Sum {}\n");
        text.append("    public record Circle(double radius) implements ").append(sealedName).append(" {}\n    public record Square(double side) implements ").append(sealedName).append(" {\n        public Square {\n            if (side < 0) throw new IllegalArgumentException(\"side \" + side);\n        }\n    }\n");
        text.append("    public record Sum(").append(sealedName).append(" left, ").append(sealedName).append(" right) implements ").append(sealedName).append(" {}\n\n");
        text.append("    public enum Kind {\n");
        int kinds = 5 + next(10);
        for (int k = 0; k < kinds; k++) text.append("        KIND_").append(k).append("(").append(next(1000)).append(")").append(k % 4 == 0 ? " {\n            @Override\n            int cost(int n) {\n                return n * " + next(50) + ";\n            }\n        }" : "").append(k == kinds - 1 ? ";\n\n" : ",\n");
        text.append("        final int weight;\n\n        Kind(int weight) {\n            this.weight = weight;\n        }\n\n        int cost(int n) {\n            return n + weight;\n        }\n    }\n\n");
        text.append("    public static double area(").append(sealedName).append(" s) {\n        if (s instanceof Circle c) return Math.PI * c.radius() * c.radius();\n        if (s instanceof Square q) return q.side() * q.side();\n        var sum = (Sum) s;\n        return area(sum.left()) + area(sum.right());\n    }\n\n");
        text.append("    public static String name(Kind k) {\n        return switch (k) {\n");
        for (int k = 0; k < kinds; k++) text.append("            case KIND_").append(k).append(" -> ").append(k % 3 == 0 ? "{\n                String t = k.name().toLowerCase(Locale.ROOT);\n                yield t.substring(" + k % 4 + ");\n            }\n" : "\"k" + next(1000) + "\";\n");
        text.append("        };\n    }\n\n    public static int run() {\n        int total = (int) area(new Sum(new Circle(").append(next(20)).append("), new Square(3)));\n        for (Kind k : Kind.values()) total += k.cost(2) + name(k).length();\n        return total;\n    }\n");
        return text.append("}\n").toString();
    }

    private static String parser(int i) {
        StringBuilder text = new StringBuilder("public class " + name(i) + " {\n    private final String text;\n    private int at;\n\n    public " + name(i) + "(String text) {\n        this.text = text;\n    }\n\n");
        text.append("    public static class SyntaxException extends Exception {\n        public SyntaxException(String message, Throwable cause) {\n            super(message, cause);\n        }\n    }\n\n");
        text.append("    public long parse() throws SyntaxException {\n        try {\n            long value = sum();\n            if (at < text.length()) throw new IllegalStateException(\"rest \" + text.substring(at));\n            return value;\n        } catch (IllegalStateException | NumberFormatException e) {\n            throw new SyntaxException(\"at \" + at, e);\n        } finally {\n            at = 0;\n        }\n    }\n\n");
        text.append("    private long sum() {\n        long value = product();\n        while (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {\n            if (text.charAt(at++) == '+') value += product();\n            else value -= product();\n        }\n        return value;\n    }\n\n");
        text.append("    private long product() {\n        long value = atom();\n        outer:\n        for (; at < text.length(); ) {\n            switch (text.charAt(at)) {\n                case '*':\n                    at++;\n                    value *= atom();\n                    break;\n                case '/':\n                    at++;\n                    value /= Math.max(1, atom());\n                    break;\n                default:\n                    break outer;\n            }\n        }\n        return value;\n    }\n\n");
        text.append("    private long atom() {\n        if (at < text.length() && text.charAt(at) == '(') {\n            at++;\n            long value = sum();\n            if (at >= text.length() || text.charAt(at++) != ')') throw new IllegalStateException(\"no )\");\n            return value;\n        }\n        int from = at;\n        while (at < text.length() && Character.isDigit(text.charAt(at))) at++;\n        return Long.parseLong(text, from, at, ").append(i % 2 == 0 ? 10 : 10).append(");\n    }\n\n");
        for (int m = 0; m < 3 + next(4); m++) {
            text.append("    public static int table").append(m).append("(int[] data) {\n        int[][] grid = new int[data.length][").append(3 + next(9)).append("];\n        for (int x = 0; x < grid.length; x++) {\n            for (int y = 0; y < grid[x].length; y++) {\n                grid[x][y] = data[x] * y ^ (x << ").append(next(7)).append(") + (y >>> 1);\n                if (grid[x][y] % ").append(2 + next(9)).append(" == 0) continue;\n                grid[x][y] += x > y ? x - y : ~x & 0xFF;\n            }\n        }\n        return Arrays.stream(grid).flatMapToInt(Arrays::stream).sum();\n    }\n\n");
        }
        text.append("    public static int run() {\n        int total = table0(new int[] {1, 2, 3, 4});\n        for (String s : new String[] {\"1+2*3\", \"(4-1)*5/2\", \"7+\", \"").append(next(1000)).append("*2\"}) {\n            try {\n                total += (int) new ").append(name(i)).append("(s).parse();\n            } catch (SyntaxException e) {\n                total -= e.getMessage().length();\n            }\n        }\n        return total;\n    }\n");
        return text.append("}\n").toString();
    }

    private static String container(int i) {
        StringBuilder text = new StringBuilder("public class " + name(i) + "<K extends Comparable<? super K>, V> implements Iterable<Map.Entry<K, V>> {\n    private class Node {\n        final K key;\n        V value;\n        Node left, right;\n\n        Node(K key, V value) {\n            this.key = key;\n            this.value = value;\n        }\n    }\n\n    private Node root;\n    private int size;\n\n");
        text.append("    public V put(K key, V value) {\n        if (root == null) {\n            root = new Node(key, value);\n            size++;\n            return null;\n        }\n        for (Node n = root; ; ) {\n            int c = key.compareTo(n.key);\n            if (c == 0) {\n                V old = n.value;\n                n.value = value;\n                return old;\n            }\n            Node next = c < 0 ? n.left : n.right;\n            if (next == null) {\n                next = new Node(key, value);\n                if (c < 0) n.left = next;\n                else n.right = next;\n                size++;\n                return null;\n            }\n            n = next;\n        }\n    }\n\n");
        text.append("    @Override\n    public Iterator<Map.Entry<K, V>> iterator() {\n        Deque<Node> path = new ArrayDeque<>();\n        for (Node n = root; n != null; n = n.left) path.push(n);\n        return new Iterator<>() {\n            @Override\n            public boolean hasNext() {\n                return !path.isEmpty();\n            }\n\n            @Override\n            public Map.Entry<K, V> next() {\n                Node top = path.pop();\n                for (Node n = top.right; n != null; n = n.left) path.push(n);\n                return Map.entry(top.key, top.value);\n            }\n        };\n    }\n\n");
        for (int m = 0; m < 4; m++) {
            text.append("    public <R extends Collection<? super V>> R into").append(m).append("(Supplier<R> maker, BiPredicate<? super K, ? super V> filter) {\n        R result = maker.get();\n        for (var e : this) {\n            if (filter.test(e.getKey(), e.getValue()) && result.size() < ").append(10 + next(90)).append(") result.add(e.getValue());\n        }\n        return result;\n    }\n\n");
        }
        text.append("    public static int run() {\n        var tree = new ").append(name(i)).append("<String, Integer>();\n        for (int k = 0; k < ").append(5 + next(20)).append("; k++) tree.put(\"k\" + k * 37 % 19, k);\n        List<Object> list = tree.into0(ArrayList::new, (k, v) -> v % 2 == 0 || k.length() > 2);\n        return tree.size * 100 + list.size();\n    }\n");
        return text.append("}\n").toString();
    }

    private static String mainClass(int files) {
        StringBuilder text = new StringBuilder("package shop;\n\npublic class Main {\n    public static void main(String[] arguments) {\n        int total = 0;\n");
        for (int i = 1; i < files; i++) {
            if (i % 5 != 0) text.append("        total = total * 31 + ").append(qualified(i)).append(".run();\n");
        }
        return text.append("        System.out.println(total);\n    }\n}\n").toString();
    }
}
