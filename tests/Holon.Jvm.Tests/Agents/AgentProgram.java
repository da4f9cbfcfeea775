/** Shows what an agent made of a class, and which assertions are on. */
public class AgentProgram {
    static class Greeting {
        static String text() {
            return "hello";
        }
    }

    static class Checked {
        static boolean isChecked() {
            boolean on = false;
            assert on = true;
            return on;
        }
    }

    public static void main(String[] args) {
        System.out.println(Greeting.text() + " " + Checked.isChecked() + " " + AgentProgram.class.desiredAssertionStatus());
    }
}
