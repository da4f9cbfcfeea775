import java.util.*; import java.util.function.*; import java.util.stream.*;
public class Language {
  interface Shape { double area(); default String d() { return getClass().getSimpleName()+" "+String.format("%.2f", area()); } }
  record Circle(double r) implements Shape { public double area(){return Math.PI*r*r;} }
  record Sq(int s) implements Shape { public double area(){return s*s;} }
  enum Color { RED, GREEN { String x(){return "g!";} }; String x(){return name().toLowerCase();} }
  static int fib(int n){ return n<2?n:fib(n-1)+fib(n-2); }
  static synchronized long sum(long... a){ long s=0; for(long x:a) s+=x; return s; }
  public static void main(String[] args) throws Exception {
    System.out.println("fib "+fib(20)+" sum "+sum(1,2,3L)+" "+(char)('a'+1)+" "+1.5f+" "+2.25+" "+Long.MAX_VALUE);
    for (Shape s : List.of(new Circle(2), new Sq(3))) System.out.println(s.d()+" "+s);
    for (Color c : Color.values()) System.out.println(c+" "+c.x()+" "+c.ordinal());
    Map<String,Integer> m=new TreeMap<>(); for(String w:"the quick brown fox jumps over the lazy dog the end".split(" ")) m.merge(w,1,Integer::sum);
    System.out.println(m);
    System.out.println(IntStream.rangeClosed(1,10).boxed().filter(i->i%2==1).map(i->i*i).collect(Collectors.toList()));
    System.out.println(Stream.of("b","a","c").sorted(Comparator.reverseOrder()).collect(Collectors.joining(",","[","]")));
    try { Object o="x"; Integer i=(Integer)o; } catch (ClassCastException e) { System.out.println(e.getMessage()); }
    try { int[] a=new int[2]; a[2]=1; } catch (ArrayIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
    try { System.out.println(1/(args.length)); } catch (ArithmeticException e) { System.out.println(e); } finally { System.out.println("fin"); }
    StringBuilder sb=new StringBuilder(); for(int i=0;i<5;i++) sb.append(i).append(','); System.out.println(sb.reverse());
    Thread t=new Thread(()->System.out.println("in thread "+Thread.currentThread().getName())); t.start(); t.join();
    System.out.println(new java.math.BigDecimal("1.10").add(new java.math.BigDecimal("2.205")).multiply(java.math.BigDecimal.TEN));
    System.out.println("a1b22".replaceAll("[0-9]+","#")+" "+Arrays.toString("x-y-z".split("-"))+" "+String.join("|",new TreeSet<>(Set.of("q","p"))));
    switch ("two") { case "one": System.out.println(1); break; case "two": System.out.println(2); }
    var text = """
      text
        block"""; System.out.println(text);
    Object o = 5; if (o instanceof Integer n && n > 3) System.out.println("pattern "+n);
    System.out.println(Language.class.getDeclaredMethod("fib", int.class).invoke(null, 10));
    int[][] g=new int[3][4]; g[1][2]=7; System.out.println(Arrays.deepToString(g)+Objects.hash(1,2,3)+" "+"hello".hashCode());
    try { deep(0); } catch (StackOverflowError e) { System.out.println("SOE"); }
    throw new IllegalStateException("bye");
  }
  static int deep(int n){ return deep(n+1)+1; }
}
