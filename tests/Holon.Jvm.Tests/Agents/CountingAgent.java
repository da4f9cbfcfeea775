import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;

/** Sees class files as they are loaded and changes a constant in one of them. */
public class CountingAgent {
    public static void premain(String options, Instrumentation instrumentation) {
        System.out.println("premain " + options + " " + instrumentation.isModifiableClass(String.class) + " " + (instrumentation.getObjectSize("x") > 0)
            + " " + (instrumentation.getAllLoadedClasses().length > 300));
        instrumentation.addTransformer(new ClassFileTransformer() {
            @Override
            public byte[] transform(Module module, ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] bytes) {
                if (!name.equals("AgentProgram$Greeting")) return null;
                System.out.println(name + " of a named module: " + module.isNamed() + ", by " + (loader == ClassLoader.getSystemClassLoader()));
                byte[] changed = bytes.clone();
                for (int i = 0; i + 5 < changed.length; i++) {
                    if (changed[i] == 'h' && changed[i + 1] == 'e' && changed[i + 2] == 'l' && changed[i + 3] == 'l' && changed[i + 4] == 'o') changed[i] = 'j';
                }
                return changed;
            }
        });
    }
}
