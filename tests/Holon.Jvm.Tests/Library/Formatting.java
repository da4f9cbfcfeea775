import java.text.*;
import java.util.*;

/** Text formatting: java.util.Formatter, java.text, Scanner, StringTokenizer, text blocks, string methods. */
public class Formatting {
    public static void main(String[] arguments) throws Exception {
        System.out.println(String.format("%d|%5d|%-5d|%05d|%+d|%,d|%(d|%x|%X|%#x|%o", 42, 42, 42, 42, 42, 1234567, -42, 255, 255, 255, 8));
        System.out.println(String.format("%f|%.2f|%10.3f|%-10.1f|%e|%.3E|%g|%a|%,.2f", Math.PI, Math.E, 1.0 / 3, 2.55, 12345.678, 0.00012, 1e-5, 1.0, 1234567.891));
        System.out.println(String.format("%s|%10s|%-10s|%.3s|%S|%c|%C|%b|%h|%n%%|%2$s|%<s", "abc", "def", "ghi", "jklm", "no", 'c', 'd', true, "hash").replace("\r", ""));
        System.out.println(String.format("%tY-%<tm-%<td %<tH:%<tM:%<tS.%<tL %<tA %<tB %<tj %<tZ", new GregorianCalendar(2024, Calendar.MARCH, 5, 14, 7, 9)));
        System.out.println(String.format(Locale.GERMANY, "%,.3f %tA", 9876543.21, new GregorianCalendar(2024, 0, 1)));
        for (double d : new double[] {0, -0.0, 1, 0.1, 1e21, 1e-7, 123456789.125, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.NEGATIVE_INFINITY, 2e-44, 4.35, 1.005})
            System.out.println(d + " " + (float) d + " " + String.format("%.2f %g %e", d, d, d) + " " + Double.toHexString(d) + " " + Double.doubleToLongBits(d));
        for (String bad : new String[] {"%d", "%q", "%-d", "%.2d", "%5", "%s %s", "%tQx%t"}) {
            try {
                System.out.println(String.format(bad, "x"));
            } catch (IllegalFormatException e) {
                System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            }
        }
        for (String pattern : new String[] {"#,##0.00", "0.###E0", "00.00%", "¤#,##0.00;(¤#,##0.00)", "#", "0000.0#", "##0.##E0", "'#'0"}) {
            DecimalFormat format = new DecimalFormat(pattern, DecimalFormatSymbols.getInstance(Locale.US));
            System.out.println(pattern + " " + format.format(1234.5678) + " " + format.format(-0.0456) + " " + format.format(1e10) + " " + format.format(Double.NaN));
        }
        System.out.println(NumberFormat.getInstance(Locale.US).parse("1,234.5xyz") + " " + NumberFormat.getCompactNumberInstance(Locale.US, NumberFormat.Style.SHORT).format(1234567));
        System.out.println(MessageFormat.format("{0} has {1,number,integer} {2} {1,choice,0#files|1#file|1<files} ''quoted'' '{'{3}'}'", "Disk", 1234, "of", null));
        System.out.println(new ChoiceFormat("0#none|1#one|2#many {0}").format(5));
        SimpleDateFormat date = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSSXXX EEE D w", Locale.US);
        date.setTimeZone(TimeZone.getTimeZone("UTC"));
        System.out.println(date.format(new Date(1_700_000_000_123L)) + " " + new SimpleDateFormat("dd/MM/yy HH:mm z", Locale.UK).parse("05/11/21 13:45 GMT").getTime());
        try {
            date.parse("nonsense");
        } catch (ParseException e) {
            System.out.println(e.getMessage() + " " + e.getErrorOffset());
        }
        BreakIterator words = BreakIterator.getWordInstance(Locale.US);
        words.setText("It's 3.5 o'clock, Mr. Smith. Done!");
        for (int from = words.first(), to = words.next(); to != BreakIterator.DONE; from = to, to = words.next()) System.out.print("[" + "It's 3.5 o'clock, Mr. Smith. Done!".substring(from, to) + "]");
        System.out.println();
        List<String> collated = new ArrayList<>(List.of("zebra", "Äpfel", "apfel", "Zebra", "éclair", "ecl"));
        collated.sort(Collator.getInstance(Locale.GERMANY));
        System.out.println(collated + " " + Normalizer.normalize("é", Normalizer.Form.NFD).length() + " " + new Bidi("abc \u05d0\u05d1", Bidi.DIRECTION_DEFAULT_LEFT_TO_RIGHT).isMixed());
        Scanner scanner = new Scanner("12 3.5 word true 0x1F\nnext line\n99999999999").useLocale(Locale.US);
        System.out.println(scanner.nextInt() + " " + scanner.nextDouble() + " " + scanner.next() + " " + scanner.nextBoolean() + " " + scanner.next() + scanner.nextLine() + "|" + scanner.nextLine() + " " + scanner.hasNextInt() + " " + scanner.nextLong());
        System.out.println("""
            A text block with "quotes",
              indentation\tand \
            joined lines\s
            """.indent(2) + "  strip ".strip() + "ab".repeat(3) + "İI".toLowerCase(Locale.ROOT).length() + "ß".toUpperCase(Locale.ROOT) + "I".toLowerCase(new Locale("tr")) + " " + "a\tb".translateEscapes() + String.join("-", List.of("x", "y")) + " " + "Σας".toLowerCase() + " " + "abc".compareToIgnoreCase("ABD"));
        System.out.println(Integer.toString(-255, 16) + " " + Integer.toBinaryString(-8) + " " + Long.toUnsignedString(-1) + " " + Integer.parseUnsignedInt("4294967295") + " " + Long.parseLong("-7f", 16) + " " + Character.getName('€') + " " + Character.getNumericValue('Ⅷ') + " " + Character.isLetter('ª') + Character.UnicodeBlock.of('я') + Character.UnicodeScript.of('漢'));
        System.out.println(new StringTokenizer("a;b,c", ";,", true).countTokens() + " " + new StringJoiner(",", "{", "}").setEmptyValue("none") + " " + HexFormat.ofDelimiter(":").formatHex(new byte[] {1, (byte) 0xAB}) + " " + Base64.getMimeEncoder().encodeToString(new byte[60]).length() + " " + UUID.nameUUIDFromBytes(new byte[] {1, 2}));
    }
}
