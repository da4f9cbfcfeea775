import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Which method a call reaches, in hierarchies of classes and interfaces at random that javac would not compile: what it returns, or the error and its message. */
public class Selection {
    static final int PUBLIC = 1, PRIVATE = 2, PROTECTED = 4, STATIC = 8, FINAL = 16, SUPER = 32, INTERFACE = 0x200, ABSTRACT = 0x400;

    /** Writes a class file whose methods call one another or return a text. */
    static final class Writer {
        private final ByteArrayOutputStream poolBytes = new ByteArrayOutputStream(), methodBytes = new ByteArrayOutputStream();
        private final DataOutputStream pool = new DataOutputStream(poolBytes), methods = new DataOutputStream(methodBytes);
        private final Map<String, Integer> known = new LinkedHashMap<>();
        private final String name, superName;
        private final List<String> interfaces;
        private final int flags, version;
        private int constants = 1, methodCount;

        Writer(String name, String superName, List<String> interfaces, int flags, int version) {
            this.name = name;
            this.superName = superName;
            this.interfaces = interfaces;
            this.flags = flags;
            this.version = version;
        }

        private int add(String key, int tag, int... parts) throws IOException {
            Integer old = known.get(key);
            if (old != null) return old;
            pool.writeByte(tag);
            for (int part : parts) pool.writeShort(part);
            known.put(key, constants);
            return constants++;
        }

        int utf8(String text) throws IOException {
            Integer old = known.get("u" + text);
            if (old != null) return old;
            pool.writeByte(1);
            pool.writeUTF(text);
            known.put("u" + text, constants);
            return constants++;
        }

        int type(String type) throws IOException {
            int text = utf8(type);
            return add("c" + type, 7, text);
        }

        int member(int tag, String owner, String member, String descriptor) throws IOException {
            int type = type(owner), first = utf8(member), second = utf8(descriptor);
            int both = add("n" + member + descriptor, 12, first, second);
            return add(tag + owner + member + descriptor, tag, type, both);
        }

        void method(int access, String method, String descriptor, int stack, int locals, int... code) throws IOException {
            methodCount++;
            methods.writeShort(access);
            methods.writeShort(utf8(method));
            methods.writeShort(utf8(descriptor));
            methods.writeShort(code.length == 0 ? 0 : 1);
            if (code.length == 0) return;
            methods.writeShort(utf8("Code"));
            methods.writeInt(12 + code.length);
            methods.writeShort(stack);
            methods.writeShort(locals);
            methods.writeInt(code.length);
            for (int b : code) methods.writeByte(b);
            methods.writeInt(0);
        }

        void returning(int access, String method, String result) throws IOException {
            int text = utf8(result);
            int constant = add("s" + result, 8, text);
            method(access, method, "()Ljava/lang/String;", 1, 1, 0x13, constant >> 8, constant & 255, 0xB0);
        }

        void constructor() throws IOException {
            int init = member(10, superName, "<init>", "()V");
            method(PUBLIC, "<init>", "()V", 1, 1, 0x2A, 0xB7, init >> 8, init & 255, 0xB1);
        }

        /** A static method that calls m of a type on its argument. */
        void caller(String method, String type, boolean isInterface) throws IOException {
            int target = member(isInterface ? 11 : 10, type, "m", "()Ljava/lang/String;");
            if (isInterface) method(PUBLIC | STATIC, method, "(L" + type + ";)Ljava/lang/String;", 1, 1, 0x2A, 0xB9, target >> 8, target & 255, 1, 0, 0xB0);
            else method(PUBLIC | STATIC, method, "(L" + type + ";)Ljava/lang/String;", 1, 1, 0x2A, 0xB6, target >> 8, target & 255, 0xB0);
        }

        byte[] bytes() throws IOException {
            int me = type(name), above = type(superName);
            int[] others = new int[interfaces.size()];
            for (int i = 0; i < others.length; i++) others[i] = type(interfaces.get(i));
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeInt(0xCAFEBABE);
            out.writeInt(version);
            out.writeShort(constants);
            out.write(poolBytes.toByteArray());
            out.writeShort(flags);
            out.writeShort(me);
            out.writeShort(above);
            out.writeShort(others.length);
            for (int other : others) out.writeShort(other);
            out.writeShort(0);
            out.writeShort(methodCount);
            out.write(methodBytes.toByteArray());
            out.writeShort(0);
            return bytes.toByteArray();
        }
    }

    static final class Loader extends ClassLoader {
        final Map<String, byte[]> files = new LinkedHashMap<>();

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] bytes = files.get(name);
            if (bytes == null) throw new ClassNotFoundException(name);
            return defineClass(name, bytes, 0, bytes.length);
        }
    }

    static List<String> some(Random random, List<String> of) {
        List<String> chosen = new ArrayList<>();
        for (String one : of) if (random.nextInt(3) == 0) chosen.add(one);
        return chosen;
    }

    static String told(Throwable e) {
        // Once a call is linked, HotSpot has another text for what is selected and not public.
        if (e instanceof IllegalAccessError && (e.getMessage() == null || e.getMessage().startsWith("'"))) return "selected one is not public";
        StringBuilder text = new StringBuilder(e.toString().replaceAll("@[0-9a-f]+", "@").replaceAll("(?s)\nException Details.*", ""));
        StackTraceElement[] frames = e.getStackTrace();
        for (int i = 0; i < 2 && i < frames.length; i++) text.append(" at ").append(frames[i].getClassName()).append('.').append(frames[i].getMethodName()).append(frames[i].isNativeMethod() ? " native" : "");
        return text.toString();
    }

    static void one(long seed) throws Exception {
        Random random = new Random(seed);
        Loader loader = new Loader();
        List<String> interfaces = new ArrayList<>(), classes = new ArrayList<>(), types = new ArrayList<>();
        StringBuilder shape = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            String name = "p" + random.nextInt(2) + "/I" + i;
            Writer w = new Writer(name, "java/lang/Object", some(random, interfaces), PUBLIC | INTERFACE | ABSTRACT, 52);
            int kind = random.nextInt(5);
            if (kind == 1) w.method(PUBLIC | ABSTRACT, "m", "()Ljava/lang/String;", 0, 0);
            else if (kind == 2) w.returning(PUBLIC, "m", name);
            else if (kind == 3) w.returning(PRIVATE, "m", name);
            else if (kind == 4) w.returning(random.nextBoolean() ? PUBLIC : PUBLIC | STATIC, "m", name);
            if (random.nextInt(4) == 0) w.returning(PUBLIC, "other" + i, name);
            shape.append(' ').append(name).append(w.interfaces).append(kind);
            interfaces.add(name);
            types.add(name);
            loader.files.put(name.replace('/', '.'), w.bytes());
        }
        String above = "java/lang/Object";
        for (int i = 0; i < 4; i++) {
            String name = "p" + random.nextInt(2) + "/C" + i;
            boolean isAbstract = random.nextInt(4) == 0;
            Writer w = new Writer(name, above, some(random, interfaces), PUBLIC | SUPER | (isAbstract ? ABSTRACT : 0), random.nextInt(5) == 0 ? 50 : 52);
            w.constructor();
            int[] accesses = {-1, -1, PUBLIC, PUBLIC, PROTECTED, 0, 0, PRIVATE, PUBLIC | STATIC, PUBLIC | ABSTRACT, ABSTRACT, PROTECTED | ABSTRACT};
            int access = accesses[random.nextInt(accesses.length)];
            if (access >= 0 && (access & ABSTRACT) != 0) w.method(access, "m", "()Ljava/lang/String;", 0, 0);
            else if (access >= 0) w.returning(access | (random.nextInt(12) == 0 ? FINAL : 0), "m", name);
            for (String type : types) w.caller("call" + type.substring(3), type, type.charAt(3) == 'I');
            w.caller("call" + name.substring(3), name, false);
            shape.append(' ').append(name).append(w.interfaces).append(access).append(isAbstract ? "a" : "");
            above = name;
            classes.add(name);
            types.add(name);
            loader.files.put(name.replace('/', '.'), w.bytes());
        }
        for (int i = 0; i < 2; i++) {
            Writer w = new Writer("p" + i + "/K", "java/lang/Object", List.of(), PUBLIC | SUPER, 52);
            for (String type : types) w.caller("call" + type.substring(3), type, type.charAt(3) == 'I');
            loader.files.put("p" + i + ".K", w.bytes());
        }
        System.out.println(seed + ":" + shape);
        List<Object> receivers = new ArrayList<>();
        for (String name : classes) {
            try {
                receivers.add(Class.forName(name.replace('/', '.'), true, loader).getConstructor().newInstance());
            } catch (Throwable e) {
                System.out.println("  " + name + ": " + told(e));
            }
        }
        for (String name : loader.files.keySet()) {
            Method[] callers;
            try {
                callers = Class.forName(name, true, loader).getDeclaredMethods();
            } catch (Throwable e) {
                continue; // told above
            }
            java.util.Arrays.sort(callers, (a, b) -> a.getName().compareTo(b.getName()));
            for (Method caller : callers) {
                if (!caller.getName().startsWith("call")) continue;
                for (int round = 0; round < 2; round++) {
                    for (Object receiver : receivers) {
                        if (!caller.getParameterTypes()[0].isInstance(receiver)) continue;
                        String result;
                        try {
                            result = (String) caller.invoke(null, receiver);
                        } catch (InvocationTargetException e) {
                            result = told(e.getCause());
                        }
                        if (round == 0 || result.length() > 8) System.out.println("  " + name + "." + caller.getName() + " " + receiver.getClass().getName() + ": " + result);
                    }
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        int first = args.length > 0 ? Integer.parseInt(args[0]) : 0, last = args.length > 1 ? Integer.parseInt(args[1]) : 60;
        for (int seed = first; seed < last; seed++) one(seed);
    }
}
