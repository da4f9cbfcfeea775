import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Names of hidden classes and of their arrays; methods that cannot be called specially; dictionaries outside of arrays. */
public class HiddenArrays {
    interface Abstract {
        String q();
    }

    static class Implementation implements Abstract {
        static MethodHandles.Lookup lookup() {
            return MethodHandles.lookup();
        }

        @Override
        public String q() {
            return "q";
        }
    }

    static void say(Object o) {
        System.out.println(String.valueOf(o).replaceAll("0x[0-9a-f]+", "N").replaceAll("@[0-9a-f]+", "@"));
    }

    public static void main(String[] args) throws Exception {
        byte[] bytes = HiddenArrays.class.getResourceAsStream("Hello.class").readAllBytes();
        Class<?> hidden = MethodHandles.lookup().defineHiddenClass(bytes, false).lookupClass();
        for (Class<?> c : new Class<?>[] {hidden, hidden.arrayType(), hidden.arrayType().arrayType()}) {
            say(c.getName() + " " + c.descriptorString() + " " + c.isHidden() + " " + c.getCanonicalName() + " " + c.getSimpleName() + " " + c.toGenericString() + " " + c.getTypeName() + " " + c.describeConstable());
        }
        Object array = Array.newInstance(hidden, 2);
        try {
            say((String) array);
        } catch (ClassCastException e) {
            say(e);
        }
        try {
            ((Object[]) array)[0] = "x";
        } catch (ArrayStoreException e) {
            say(e);
        }

        try {
            say(Implementation.lookup().findSpecial(Abstract.class, "q", MethodType.methodType(String.class), Implementation.class));
        } catch (IllegalAccessException e) {
            say(e);
        }

        byte[] dictionary = "a dictionary of words, words and words".getBytes(), text = "words and words of a dictionary".getBytes(), packed = new byte[100], unpacked = new byte[100];
        Deflater deflater = new Deflater();
        deflater.setDictionary(ByteBuffer.allocateDirect(dictionary.length).put(dictionary).flip());
        deflater.setInput(text);
        deflater.finish();
        int length = deflater.deflate(packed);
        Inflater inflater = new Inflater();
        inflater.setInput(ByteBuffer.allocateDirect(length).put(packed, 0, length).flip());
        try {
            say(inflater.inflate(unpacked) + " " + inflater.needsDictionary());
            inflater.setDictionary(ByteBuffer.allocateDirect(dictionary.length).put(dictionary).flip());
            say(new String(unpacked, 0, inflater.inflate(unpacked)));
        } catch (java.util.zip.DataFormatException e) {
            say(e);
        }
    }
}
