import java.lang.annotation.*;
import java.lang.invoke.*;
import java.lang.reflect.*;
import java.util.*;
import java.util.function.*;

/** Reflection, proxies, annotations, method handles, var handles. */
public class Proxies {
    @Retention(RetentionPolicy.RUNTIME)
    @interface Info {
        String value() default "none";
        int[] numbers() default {1, 2};
        Class<?> type() default Object.class;
        Thread.State state() default Thread.State.NEW;
        Info2[] inner() default {};
    }

    @Retention(RetentionPolicy.RUNTIME)
    @Repeatable(Info2s.class)
    @interface Info2 {
        int n();
    }

    @Retention(RetentionPolicy.RUNTIME)
    @interface Info2s {
        Info2[] value();
    }

    interface Shape {
        double area();

        default String describe(int times) {
            return ("area " + area() + " ").repeat(times);
        }

        void fail() throws java.io.IOException;
    }

    @Info(value = "target", numbers = {3}, type = String.class, inner = @Info2(n = 4))
    @Info2(n = 1)
    @Info2(n = 2)
    static class Target<T extends Comparable<T>> implements Supplier<List<? super T>> {
        private int secret = 42;
        public static final String CONSTANT = "c";
        protected volatile T value;

        Target(T value) {
            this.value = value;
        }

        private String hidden(int a, String... rest) {
            return a + String.join("+", rest) + secret;
        }

        @Override
        @Deprecated(since = "1")
        public List<? super T> get() {
            return List.of(value);
        }

        static <X extends Exception> void fail(Class<X> c) throws X, InterruptedException {
            throw new IllegalStateException("failed");
        }
    }

    public static void main(String[] arguments) throws Throwable {
        proxies();
        members();
        handles();
        arrays();
    }

    static void proxies() throws Exception {
        List<String> log = new ArrayList<>();
        Shape shape = (Shape) Proxy.newProxyInstance(Proxies.class.getClassLoader(), new Class<?>[] {Shape.class, Comparable.class}, (proxy, method, args) -> {
            log.add(method.getDeclaringClass().getSimpleName() + "." + method.getName() + (args == null ? "" : Arrays.toString(args)));
            return switch (method.getName()) {
                case "area" -> 2.5;
                case "describe" -> InvocationHandler.invokeDefault(proxy, method, args);
                case "hashCode" -> 77;
                case "equals" -> proxy == args[0];
                case "toString" -> "proxy!";
                case "fail" -> throw new java.io.IOException("declared");
                case "compareTo" -> throw new Exception("undeclared");
                default -> null;
            };
        });
        System.out.println(shape.area() + " " + shape.describe(2) + shape.hashCode() + shape.equals(shape) + shape);
        try {
            shape.fail();
        } catch (java.io.IOException e) {
            System.out.println(e);
        }
        try {
            ((Comparable<Object>) shape).compareTo(1);
        } catch (UndeclaredThrowableException e) {
            System.out.println(e + " " + e.getCause());
        }
        System.out.println(log + " " + Proxy.isProxyClass(shape.getClass()) + " " + shape.getClass().getInterfaces().length + " " + Modifier.toString(shape.getClass().getModifiers()));
        Shape wrong = (Shape) Proxy.newProxyInstance(Proxies.class.getClassLoader(), new Class<?>[] {Shape.class}, (p, m, a) -> "text");
        try {
            wrong.area();
        } catch (ClassCastException e) {
            System.out.println("wrong type");
        }
    }

    static void members() throws Exception {
        Class<?> c = Target.class;
        System.out.println(c.toGenericString() + " " + c.getGenericInterfaces()[0] + " " + Arrays.toString(c.getTypeParameters()[0].getBounds()) + " " + c.getNestHost() + " " + c.isMemberClass() + " " + c.getPackageName() + "|" + c.descriptorString());
        Arrays.stream(c.getDeclaredMethods()).map(Method::toGenericString).sorted().forEach(System.out::println);
        Arrays.stream(c.getDeclaredFields()).map(Field::toGenericString).sorted().forEach(System.out::println);
        System.out.println(c.getAnnotation(Info.class) + " " + Arrays.toString(c.getAnnotationsByType(Info2.class)) + " " + c.getMethod("get").getAnnotation(Deprecated.class));
        Target<String> t = new Target<>("v");
        Method hidden = c.getDeclaredMethod("hidden", int.class, String[].class);
        hidden.setAccessible(true);
        System.out.println(hidden.invoke(t, 5, new String[] {"a", "b"}) + " " + hidden.isVarArgs());
        Field secret = c.getDeclaredField("secret");
        secret.setAccessible(true);
        secret.setInt(t, 9);
        System.out.println(secret.get(t) + " " + c.getDeclaredField("CONSTANT").get(null));
        try {
            c.getDeclaredMethod("fail", Class.class).invoke(null, Exception.class);
        } catch (InvocationTargetException e) {
            System.out.println(e.getCause());
        }
        for (Object[] bad : new Object[][] {{}, {"x", new String[0]}, {1L, null}}) {
            try {
                hidden.invoke(t, bad);
            } catch (IllegalArgumentException e) {
                System.out.println(e.getMessage());
            }
        }
        for (int i = 0; i < 50; i++) hidden.invoke(t, i, new String[0]); // past the inflation threshold
        try {
            secret.set(t, "text");
        } catch (IllegalArgumentException e) {
            System.out.println(e.getMessage());
        }
        try {
            String.class.getDeclaredField("value").setAccessible(true);
        } catch (InaccessibleObjectException e) {
            System.out.println(e.getMessage().replaceAll("@[0-9a-f]+", ""));
        }
        record R(@Deprecated int a, String b) {}
        System.out.println(Arrays.toString(R.class.getRecordComponents()) + R.class.getRecordComponents()[0].getAccessor().invoke(new R(1, "")) + " " + R.class.isLocalClass() + " " + R.class.getEnclosingMethod());
        System.out.println(new Object() {}.getClass().getName() + " " + ((Supplier<Integer>) () -> 1).getClass().isHidden() + " " + Thread.State.class.isEnum() + " " + int[].class.getName() + " " + Map.Entry[].class.getCanonicalName() + " " + void.class);
        Constructor<?> constructor = c.getDeclaredConstructors()[0];
        System.out.println(constructor.toGenericString() + " " + ((Target<?>) constructor.newInstance("n")).get());
        System.out.println(Class.forName("[Ljava.lang.String;").getComponentType() + " " + Integer.TYPE + " " + Class.forName("java.util.Map$Entry").getDeclaringClass());
        for (String name : new String[] {"no.Such", "", "[X", "int"}) {
            try {
                Class.forName(name);
            } catch (ClassNotFoundException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    static int counter;

    static void handles() throws Throwable {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        MethodHandle concat = lookup.findVirtual(String.class, "concat", MethodType.methodType(String.class, String.class));
        System.out.println((String) concat.invokeExact("a", "b") + concat.bindTo("x").invoke("y") + MethodHandles.insertArguments(concat, 1, "z").invoke("w"));
        MethodHandle max = lookup.findStatic(Math.class, "max", MethodType.methodType(int.class, int.class, int.class));
        System.out.println(max.asSpreader(Object[].class, 2).invoke(new Object[] {3, 9}) + " " + max.asType(MethodType.methodType(Object.class, Integer.class, short.class)).invoke((Integer) 4, (short) 2) + " " + MethodHandles.permuteArguments(max, max.type(), 1, 0));
        MethodHandle guard = MethodHandles.guardWithTest(lookup.findVirtual(String.class, "isEmpty", MethodType.methodType(boolean.class)), MethodHandles.dropArguments(MethodHandles.constant(String.class, "empty"), 0, String.class), MethodHandles.identity(String.class));
        System.out.println(guard.invoke("") + " " + guard.invoke("full"));
        MethodHandle loop = MethodHandles.countedLoop(MethodHandles.constant(int.class, 5), MethodHandles.constant(int.class, 1), lookup.findStatic(Proxies.class, "step", MethodType.methodType(int.class, int.class, int.class)));
        System.out.println(loop.invoke() + " " + MethodHandles.catchException(lookup.findStatic(Integer.class, "parseInt", MethodType.methodType(int.class, String.class)), NumberFormatException.class, MethodHandles.dropArguments(MethodHandles.constant(int.class, -1), 0, NumberFormatException.class)).invoke("x"));
        VarHandle counterHandle = lookup.findStaticVarHandle(Proxies.class, "counter", int.class);
        System.out.println(counterHandle.getAndAdd(5) + " " + counterHandle.compareAndSet(5, 7) + " " + (int) counterHandle.getVolatile() + " " + counterHandle.accessModeType(VarHandle.AccessMode.GET_AND_ADD));
        VarHandle longs = MethodHandles.byteArrayViewVarHandle(long[].class, java.nio.ByteOrder.BIG_ENDIAN);
        byte[] bytes = new byte[16];
        longs.set(bytes, 3, 0x0102030405060708L);
        System.out.println(Arrays.toString(bytes) + MethodHandles.arrayElementVarHandle(int[].class).getAndBitwiseOr(new int[] {6}, 0, 9));
        try {
            concat.invokeExact("a", (Object) "b");
        } catch (WrongMethodTypeException e) {
            System.out.println(e.getMessage());
        }
        try {
            lookup.findVirtual(String.class, "nope", MethodType.methodType(void.class));
        } catch (NoSuchMethodException e) {
            System.out.println(e.getMessage());
        }
        BiFunction<Integer, Integer, Integer> f = Math::addExact;
        System.out.println(f.andThen(x -> x * 2).apply(3, 4) + " " + ((Function<Integer, int[]>) int[]::new).apply(3).length);
        try {
            f.apply(Integer.MAX_VALUE, 1);
        } catch (ArithmeticException e) {
            System.out.println(e.getMessage());
        }
    }

    static int step(int value, int i) {
        return value * 3 + i;
    }

    static void arrays() {
        Object grid = Array.newInstance(int.class, 2, 3);
        Array.setInt(Array.get(grid, 1), 2, 8);
        System.out.println(Arrays.deepToString((Object[]) grid) + " " + Array.getLength(grid) + " " + grid.getClass().arrayType());
        try {
            Array.set(new int[1], 0, "x");
        } catch (IllegalArgumentException e) {
            System.out.println(e.getMessage());
        }
        Object[] strings = new String[1];
        try {
            strings[0] = 1;
        } catch (ArrayStoreException e) {
            System.out.println(e.getMessage());
        }
        try {
            Object o = new int[-1];
        } catch (NegativeArraySizeException e) {
            System.out.println(e.getMessage());
        }
        List<String> frames = StackWalker.getInstance().walk(s -> s.map(StackWalker.StackFrame::getMethodName).toList());
        System.out.println(frames);
    }
}
