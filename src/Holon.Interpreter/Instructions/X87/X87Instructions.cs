using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of the x87: everything behind opcodes D8–DF, and WAIT.</summary>
internal static unsafe partial class X87Instructions
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Fld, &BindLoad);
        table.Add(Mnemonic.Fild, &BindLoad);
        table.Add(Mnemonic.Fbld, &BindLoad);
        table.Add(Mnemonic.Fld1, &BindConstant);
        table.Add(Mnemonic.Fldz, &BindConstant);
        table.Add(Mnemonic.Fldpi, &BindConstant);
        table.Add(Mnemonic.Fldl2t, &BindConstant);
        table.Add(Mnemonic.Fldl2e, &BindConstant);
        table.Add(Mnemonic.Fldlg2, &BindConstant);
        table.Add(Mnemonic.Fldln2, &BindConstant);
        table.Add(Mnemonic.Fst, &BindStore);
        table.Add(Mnemonic.Fstp, &BindStore);
        table.Add(Mnemonic.Fstpnce, &BindStore);
        table.Add(Mnemonic.Fist, &BindStoreInteger);
        table.Add(Mnemonic.Fistp, &BindStoreInteger);
        table.Add(Mnemonic.Fisttp, &BindStoreInteger);
        table.Add(Mnemonic.Fbstp, &BindStoreDecimal);

        table.Add(Mnemonic.Fadd, &BindArithmetic<Add>);
        table.Add(Mnemonic.Faddp, &BindArithmetic<Add>);
        table.Add(Mnemonic.Fiadd, &BindArithmetic<Add>);
        table.Add(Mnemonic.Fsub, &BindArithmetic<Subtract>);
        table.Add(Mnemonic.Fsubp, &BindArithmetic<Subtract>);
        table.Add(Mnemonic.Fisub, &BindArithmetic<Subtract>);
        table.Add(Mnemonic.Fsubr, &BindArithmetic<SubtractReversed>);
        table.Add(Mnemonic.Fsubrp, &BindArithmetic<SubtractReversed>);
        table.Add(Mnemonic.Fisubr, &BindArithmetic<SubtractReversed>);
        table.Add(Mnemonic.Fmul, &BindArithmetic<Multiply>);
        table.Add(Mnemonic.Fmulp, &BindArithmetic<Multiply>);
        table.Add(Mnemonic.Fimul, &BindArithmetic<Multiply>);
        table.Add(Mnemonic.Fdiv, &BindArithmetic<Divide>);
        table.Add(Mnemonic.Fdivp, &BindArithmetic<Divide>);
        table.Add(Mnemonic.Fidiv, &BindArithmetic<Divide>);
        table.Add(Mnemonic.Fdivr, &BindArithmetic<DivideReversed>);
        table.Add(Mnemonic.Fdivrp, &BindArithmetic<DivideReversed>);
        table.Add(Mnemonic.Fidivr, &BindArithmetic<DivideReversed>);

        table.Add(Mnemonic.Fsqrt, &BindFunction);
        table.Add(Mnemonic.Frndint, &BindFunction);
        table.Add(Mnemonic.F2xm1, &BindFunction);
        table.Add(Mnemonic.Fsin, &BindFunction);
        table.Add(Mnemonic.Fcos, &BindFunction);
        table.Add(Mnemonic.Fscale, &BindFunction);
        table.Add(Mnemonic.Fprem, &BindFunction);
        table.Add(Mnemonic.Fprem1, &BindFunction);
        table.Add(Mnemonic.Fyl2x, &BindFunction);
        table.Add(Mnemonic.Fyl2xp1, &BindFunction);
        table.Add(Mnemonic.Fpatan, &BindFunction);
        table.Add(Mnemonic.Fptan, &BindFunction);
        table.Add(Mnemonic.Fsincos, &BindFunction);
        table.Add(Mnemonic.Fxtract, &BindFunction);

        table.Add(Mnemonic.Fcom, &BindCompare<Ordered>);
        table.Add(Mnemonic.Fcomp, &BindCompare<Ordered>);
        table.Add(Mnemonic.Fcompp, &BindCompare<Ordered>);
        table.Add(Mnemonic.Ficom, &BindCompare<Ordered>);
        table.Add(Mnemonic.Ficomp, &BindCompare<Ordered>);
        table.Add(Mnemonic.Fcomi, &BindCompareToFlags<Ordered>);
        table.Add(Mnemonic.Fcomip, &BindCompareToFlags<Ordered>);
        table.Add(Mnemonic.Fucom, &BindCompare<Quiet>);
        table.Add(Mnemonic.Fucomp, &BindCompare<Quiet>);
        table.Add(Mnemonic.Fucompp, &BindCompare<Quiet>);
        table.Add(Mnemonic.Fucomi, &BindCompareToFlags<Quiet>);
        table.Add(Mnemonic.Fucomip, &BindCompareToFlags<Quiet>);
        table.Add(Mnemonic.Ftst, &BindTest);
        table.Add(Mnemonic.Fxam, &BindTest);

        table.Add(Mnemonic.Fcmovb, &BindConditionalMove<B>);
        table.Add(Mnemonic.Fcmovnb, &BindConditionalMove<Not<B>>);
        table.Add(Mnemonic.Fcmove, &BindConditionalMove<E>);
        table.Add(Mnemonic.Fcmovne, &BindConditionalMove<Not<E>>);
        table.Add(Mnemonic.Fcmovbe, &BindConditionalMove<Be>);
        table.Add(Mnemonic.Fcmovnbe, &BindConditionalMove<Not<Be>>);
        table.Add(Mnemonic.Fcmovu, &BindConditionalMove<P>);
        table.Add(Mnemonic.Fcmovnu, &BindConditionalMove<Not<P>>);

        table.Add(Mnemonic.Fabs, &BindStack);
        table.Add(Mnemonic.Fchs, &BindStack);
        table.Add(Mnemonic.Fxch, &BindStack);
        table.Add(Mnemonic.Ffree, &BindStack);
        table.Add(Mnemonic.Ffreep, &BindStack);
        table.Add(Mnemonic.Fincstp, &BindStack);
        table.Add(Mnemonic.Fdecstp, &BindStack);
        table.Add(Mnemonic.Fnop, &BindStack);

        table.Add(Mnemonic.Fninit, &BindControl);
        table.Add(Mnemonic.Fnclex, &BindControl);
        table.Add(Mnemonic.Fldcw, &BindControl);
        table.Add(Mnemonic.Fnstcw, &BindControl);
        table.Add(Mnemonic.Fnstsw, &BindControl);
        table.Add(Mnemonic.Fnstenv, &BindControl);
        table.Add(Mnemonic.Fldenv, &BindControl);
        table.Add(Mnemonic.Fnsave, &BindControl);
        table.Add(Mnemonic.Frstor, &BindControl);
        table.Add(Mnemonic.Fneni, &BindControl);
        table.Add(Mnemonic.Fndisi, &BindControl);
        table.Add(Mnemonic.Fnsetpm, &BindControl);
        table.Add(Mnemonic.Wait, &BindControl);
    }
}
