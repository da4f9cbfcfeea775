/** What compiled code takes for known of a variable must hold wherever control comes from: into a loop in progress, out of a method that was put in place of its call. */
public class LoopEntries {
    static class First {
        int f() {
            return 1;
        }
    }

    static class Second extends First {
        int g = 5;

        @Override
        int f() {
            return 10 + g;
        }
    }

    static Object nothing;
    static boolean fails;
    static final First CHOSEN = new Second();

    /** The inner loop's end is never compiled, for a cast of null resolves nothing; its head is entered from the interpreter with another class than from above. */
    static int reassigned() {
        int sum = 0;
        for (int r = 0; r < 4; r++) {
            First x = new First();
            for (int i = 0; i < 4; i++) {
                sum += x.f();
                String s = (String) nothing;
                x = new Second();
            }
        }
        return sum;
    }

    /** The one return is not what stands last. */
    static First chosen() {
        if (!fails) return CHOSEN;
        throw new IllegalStateException();
    }

    static int returned() {
        int sum = 0;
        for (int i = 0; i < 20; i++) {
            fails = i == 3;
            try {
                sum += chosen().f();
            } catch (IllegalStateException e) {
                sum += 1000;
            }
        }
        return sum;
    }

    static int returnedOnly() {
        return chosen().f();
    }

    public static void main(String[] args) {
        for (int i = 0; i < 5; i++) System.out.println(reassigned() + " " + returned() + " " + returnedOnly());
        int sum = 0;
        for (int i = 0; i < 20_000; i++) sum += reassigned() + returnedOnly();
        System.out.println(sum);
    }
}
