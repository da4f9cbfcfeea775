import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Constructor;
import java.util.Set;
import jdk.test.whitebox.WhiteBox;

/** What the machine itself says of modules that java.lang.Module would never ask for. */
public class Modules {
    interface Action {
        void run() throws Throwable;
    }

    static final WhiteBox BOX = new WhiteBox();

    static class Loader extends ClassLoader {
        Loader() {
            super("loader", Modules.class.getClassLoader());
        }
    }

    static void say(String what, Action action) {
        try {
            action.run();
            System.out.println(what + ": done");
        } catch (Throwable e) {
            System.out.println(what + ": " + e.toString().replaceAll("@[0-9a-f]+", "@"));
        }
    }

    static Object module(String name, ClassLoader loader, String... packages) throws Throwable {
        Constructor<Module> maker = Module.class.getDeclaredConstructor(ClassLoader.class, ModuleDescriptor.class);
        maker.setAccessible(true);
        return maker.newInstance(loader, ModuleDescriptor.newModule(name).packages(Set.of(packages)).build());
    }

    static void define(String what, Object module, Object... packages) {
        say(what, () -> BOX.DefineModule(module, false, "1", "here", packages));
    }

    static int square(int x) {
        return x * x;
    }

    public static void main(String[] args) throws Throwable {
        Loader loader = new Loader();
        Object one = module("one", loader, "p1", "p2"), two = module("two", loader, "q1");
        define("no module", null, "a");
        define("an object", new Object(), "a");
        define("java.base elsewhere", module("java.base", loader), "a");
        define("an empty package", module("x1", loader), "a", "");
        define("a bad package", module("x1", loader), ";a");
        define("a package that is an array", module("x1", loader), "7[4");
        define("a slash at the end", module("x1", loader), "a/");
        define("no package's name", module("x1", loader), "a", null);
        define("a package that is no string", module("x1", loader), 5);
        define("java.lang", module("x1", loader), "java.lang");
        define("java", module("x1", loader), "java");
        define("javanese", module("javanese", loader), "javanese");
        define("java.lang of the boot loader", module("x2", null), "java.holon");
        say("an undefined module exports", () -> BOX.AddModuleExportsToAll(one, "p1"));
        say("an undefined module reads", () -> BOX.AddReadsModule(one, two));
        define("one", one, "p1", "p2");
        define("one again", one, "p3");
        define("one again with its packages", one, "p1");
        define("a package that one has", module("x3", loader), "r", "p2");
        define("a package with classes", module("x4", Modules.class.getClassLoader()), "jdk/nothing", "");
        say("reads what is undefined", () -> BOX.AddReadsModule(one, two));
        define("two", two, "q1");
        define("none", module("none", loader));
        define("none again", module("none", loader));
        say("nobody reads", () -> BOX.AddReadsModule(null, two));
        say("an object reads", () -> BOX.AddReadsModule(loader, two));
        say("reads an object", () -> BOX.AddReadsModule(one, loader));
        say("reads", () -> BOX.AddReadsModule(one, two));
        say("reads itself", () -> BOX.AddReadsModule(one, one));
        say("reads the unnamed", () -> BOX.AddReadsModule(one, null));
        say("nobody exports", () -> BOX.AddModuleExports(null, "p1", two));
        say("exports to nobody", () -> BOX.AddModuleExports(one, "p1", null));
        say("exports nothing", () -> BOX.AddModuleExports(one, null, two));
        say("an object exports", () -> BOX.AddModuleExports(loader, "p1", two));
        say("exports to an object", () -> BOX.AddModuleExports(one, "p1", loader));
        say("exports another's package", () -> BOX.AddModuleExports(one, "q1", two));
        say("exports no package", () -> BOX.AddModuleExports(one, "no.package", two));
        say("exports", () -> BOX.AddModuleExports(one, "p1", two));
        say("exports to all", () -> BOX.AddModuleExportsToAll(one, "p2"));
        say("exports to all unnamed", () -> BOX.AddModuleExportsToAllUnnamed(one, "p2"));
        say("nobody exports to all", () -> BOX.AddModuleExportsToAll(null, "p2"));
        say("exports nothing to all unnamed", () -> BOX.AddModuleExportsToAllUnnamed(one, null));
        say("the unnamed exports", () -> BOX.AddModuleExportsToAll(Modules.class.getModule(), "anything"));

        String text = new StringBuilder("interned ").append(args.length).toString();
        System.out.println(BOX.isInStringTable(text) + " " + (text.intern() == text) + " " + BOX.isInStringTable(text));
        System.out.println(BOX.countAliveClasses0("Modules") + " " + BOX.countAliveClasses0("Nothing"));
        System.out.println(BOX.getBooleanVMFlag("BackgroundCompilation") + " " + BOX.getBooleanVMFlag("WhiteBoxAPI") + " " + BOX.getBooleanVMFlag("NoSuchFlag"));
        var square = Modules.class.getDeclaredMethod("square", int.class);
        System.out.println(BOX.isMethodCompiled0(square, false) + " " + BOX.enqueueMethodForCompilation0(square, 4, -1) + " " + BOX.isMethodCompiled0(square, false) + " " + square(7));
        BOX.fullGC();
    }
}
