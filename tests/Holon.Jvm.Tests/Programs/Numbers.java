import java.util.*;
public class Numbers {
  static int fib(int n){ return n<2?n:fib(n-1)+fib(n-2); }
  static long loop(int n){ long s=0; for(int i=0;i<n;i++){ s+=i^(s>>3); if((i&7)==0) s-=i; } return s; }
  static int sieve(int n){ boolean[] f=new boolean[n+1]; int c=0; for(int i=2;i<=n;i++){ if(!f[i]){ c++; for(int j=i+i;j<=n;j+=i) f[j]=true; } } return c; }
  static int maps(int n){ HashMap<Integer,Integer> m=new HashMap<>(); for(int i=0;i<n;i++) m.merge(i%1000,1,Integer::sum); return m.get(7); }
  static int str(int n){ StringBuilder b=new StringBuilder(); for(int i=0;i<n;i++) b.append(i); return b.toString().hashCode(); }
  static double nb(int n){ double x=1,y=2,v=0; for(int i=0;i<n;i++){ double d=x*x+y*y; v+=1/Math.sqrt(d); x+=0.01; y-=0.01*v; } return v; }
  public static void main(String[] a){
    for(int r=0;r<1;r++){
     int f=fib(18);  long l=loop(200000);  int s=sieve(50000);  int m=maps(200000);  int h=str(100000);  double d=nb(50000); 
    System.out.println(f+" "+l+" "+s+" "+m+" "+h+" "+d);
    }
  }
}
