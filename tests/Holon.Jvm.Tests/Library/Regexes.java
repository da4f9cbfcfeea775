import java.util.*;
import java.util.regex.*;
import java.util.stream.*;

/** java.util.regex: syntax, flags, groups, look-around, replacement, errors. */
public class Regexes {
    public static void main(String[] arguments) {
        String[][] cases = {
            {"(a+)(b*)?", "aaabb ab a b"}, {"^(\\w+)\\s(\\d{2,4})$", "year 1984"}, {"(?<y>\\d{4})-(?<m>\\d\\d)", "on 2024-05 and 1999-12"},
            {"(?i)straße|STRASSE", "Straße strasse"}, {"(?iu)ÄÖ", "äö"}, {"\\p{Lu}\\p{Ll}+", "Hello World Élan Ωμέγα"}, {"(?<=\\$)\\d+(?!\\d|\\.)", "$100 $20.5 $7"},
            {"(?<!x)y", "xy y yy"}, {"(\\w)\\1", "aabbcdd"}, {"a.*?b|c++d", "axxbxb cccd"}, {"(?s)a.b", "a\nb"}, {"(?m)^x$", "x\nx\ny"}, {"(?x) a  b # comment\n c", "abc"},
            {"[a-z&&[^aeiou]]+", "programming"}, {"\\bfoo\\b", "foo foobar foo"}, {"\\R", "a\r\nb\nc"}, {"\\X", "e\u0301a"}, {"[\\p{IsGreek}]+", "abc αβγ"}, {"\\p{javaUpperCase}+", "abCD"},
            {"(?>a+)ab", "aaab"}, {"(a|ab)(c|bcd)(d*)", "abcd"}, {"\\Qa.b\\E+", "a.bbb"}, {"\\x41\\u0042\\x{1D11E}", "AB𝄞"}, {".", "𝄞a"}, {"(a?)*b", "aab"}, {"(?:(?:a|b)*c){2,3}", "abcabcabcabc"},
            {"\\h+|\\v+", "a \t\n"}, {"[^\\x00-\\x7F]", "naïve"}, {"\\G\\d", "123a4"}, {"(\\d+)(?:px|em)(?=;|$)", "10px;5em"}, {"(x+x+)+y", "xxxxxxxxxxxxxxxy"}, {"\\b{g}", "ab"},
        };
        for (String[] c : cases) {
            Matcher m = Pattern.compile(c[0]).matcher(c[1]);
            StringBuilder text = new StringBuilder(c[0].replace("\n", "\\n")).append(": ");
            while (m.find()) {
                text.append(m.start()).append('-').append(m.end());
                for (int g = 1; g <= m.groupCount(); g++) text.append(' ').append(g).append('=').append(m.group(g)).append('@').append(m.start(g));
                text.append("; ");
            }
            System.out.println(text.append(m.reset().matches()).append(m.reset().lookingAt()).append(m.hitEnd()));
        }
        System.out.println("2024-05-06".replaceAll("(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1") + " " + "a.b.c".replace(".", "\\") + " " + Pattern.compile("(?<n>\\w)").matcher("ab").replaceAll("[${n}]"));
        System.out.println(Pattern.compile("\\d+").matcher("1 22 333").replaceAll(r -> "<" + r.group().length() + ">") + " " + Matcher.quoteReplacement("a$b\\c") + " " + Pattern.quote("a\\Eb"));
        System.out.println(Arrays.toString("a1b22c333d".split("\\d+")) + Arrays.toString("a,b,,".split(",")) + Arrays.toString("a,b,,".split(",", -1)) + Arrays.toString("abc".split("")) + Arrays.toString(",a".split(",", 2)));
        System.out.println(Pattern.compile(",").splitAsStream("x,y,z").collect(Collectors.toList()) + " " + Pattern.compile("a+").matcher("aa b a").results().map(MatchResult::group).toList() + " " + Stream.of("ab", "cd").filter(Pattern.compile("b").asPredicate()).toList());
        Matcher m = Pattern.compile("a(b)?").matcher("xaby").region(1, 3);
        m.useAnchoringBounds(true).useTransparentBounds(true);
        System.out.println(m.find() + " " + m.toMatchResult().group(1) + " " + m);
        StringBuilder built = new StringBuilder();
        Matcher r = Pattern.compile("(\\w)(\\d)").matcher("a1 b2 c3!");
        while (r.find()) r.appendReplacement(built, "$2$1");
        System.out.println(r.appendTail(built));
        for (String bad : new String[] {"(", "[a", "a{2,1}", "*a", "\\", "(?<1>a)", "a**", "\\k<x>", "(?<=a+)b", "[z-a]", "\\p{Nope}", "(?z)", "a{99999999999}"}) {
            try {
                System.out.println(bad + " is fine: " + Pattern.compile(bad).matcher("ab").find());
            } catch (PatternSyntaxException e) {
                System.out.println(e.getMessage() + " / " + e.getIndex());
            }
        }
        try {
            m.group(9);
        } catch (IndexOutOfBoundsException e) {
            System.out.println(e.getMessage());
        }
        String log = IntStream.range(0, 3000).mapToObj(i -> "2024-01-" + (10 + i % 20) + " [" + (i % 3 == 0 ? "WARN" : "INFO") + "] user" + i % 50 + "@host" + i % 7 + ".example.org took " + i * 17 % 1000 + "ms").collect(Collectors.joining("\n"));
        Map<String, Integer> count = new TreeMap<>();
        Matcher all = Pattern.compile("(?m)^(\\S+) \\[(WARN)\\] (?<user>\\w+)@(?<host>[\\w.]+) took (\\d+)ms$").matcher(log);
        while (all.find()) count.merge(all.group("host") + (Integer.parseInt(all.group(5)) > 500 ? " slow" : ""), 1, Integer::sum);
        System.out.println(count);
        try {
            Pattern.compile("(a|b)*").matcher("ab".repeat(100_000)).matches();
            System.out.println("deep enough");
        } catch (StackOverflowError e) {
            System.out.println("too deep");
        }
    }
}
