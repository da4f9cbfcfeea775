/** What is not there when it is called. */
public class Linking {
    static native int missing(int a, String b);

    native synchronized void missingToo();

    static void trace(Throwable e) {
        System.out.println(e);
        for (StackTraceElement frame : e.getStackTrace()) System.out.println("  " + frame);
    }

    public static void main(String[] args) {
        for (int i = 0; i < 3; i++) {
            try {
                missing(i, "b");
            } catch (UnsatisfiedLinkError e) {
                trace(e);
            }
        }
        Linking linking = new Linking();
        try {
            linking.missingToo();
        } catch (UnsatisfiedLinkError e) {
            trace(e);
        }
        System.out.println(Thread.holdsLock(linking));
    }
}
