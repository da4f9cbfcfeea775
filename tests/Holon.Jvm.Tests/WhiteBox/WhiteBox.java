package jdk.test.whitebox;

/** The natives of HotSpot's class of this name that Holon has, too. */
public class WhiteBox {
    static {
        registerNatives();
    }

    private static native void registerNatives();

    public native void fullGC();

    public native boolean isInStringTable(String text);

    public native int countAliveClasses0(String name);

    public native void DefineModule(Object module, boolean isOpen, String version, String location, Object[] packages);

    public native void AddModuleExports(Object from, String name, Object to);

    public native void AddReadsModule(Object from, Object to);

    public native void AddModuleExportsToAllUnnamed(Object module, String name);

    public native void AddModuleExportsToAll(Object module, String name);

    public native boolean isMethodCompiled0(java.lang.reflect.Executable method, boolean isOsr);

    public native boolean enqueueMethodForCompilation0(java.lang.reflect.Executable method, int level, int entry);

    public native Boolean getBooleanVMFlag(String name);
}
