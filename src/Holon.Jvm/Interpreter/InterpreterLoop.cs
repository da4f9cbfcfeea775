using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>
/// Tier 0: executes decoded code. Calls between interpreted methods push a <see cref="Frame"/> and go on in the same loop; Java
/// exceptions unwind frames here. The .NET stack grows only when C# code calls Java.
/// </summary>
internal static unsafe partial class Interpreter
{
    /// <summary>
    /// Runs from the thread's top frame until <paramref name="entry"/> returns, its result then being in its first slot, or ends with the
    /// exception that it gives. A local
    /// of a frame is <c>P[n]</c> or <c>R[n]</c>: SAFETY of every access rests on decoded code naming only slots of its frame, on
    /// frames being checked against the stack's end when pushed, and on the verifier for kinds.
    /// </summary>
    private static JObject? Loop(JThread t, Frame* entry)
    {
        var frame = t.Top;
        var pc = frame->Pc;
        var P = frame->P;
        var R = frame->R;
        MethodSlot* method;
        JObject thrown;
        for (; ; )
        {
            switch (pc->Op)
            {
                case Op.Mov4:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.Mov8:
                    P[pc->A] = P[pc->B];
                    pc++;
                    continue;
                case Op.MovR:
                    R[pc->A] = R[pc->B];
                    pc++;
                    continue;
                case Op.Const4:
                    *(int*)(P + pc->A) = (int)pc->Imm;
                    pc++;
                    continue;
                case Op.Const8:
                    P[pc->A] = pc->Imm;
                    pc++;
                    continue;
                case Op.Null:
                    R[pc->A] = null;
                    pc++;
                    continue;
                case Op.LdcRef:
                    R[pc->A] = *(object*)pc->Imm;
                    pc++;
                    continue;
                case Op.Ldc:
                    frame->Pc = pc;
                    if (Resolution.Constant(t, frame, pc)) pc++;
                    continue;
                case Op.IAdd:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) + *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.ISub:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) - *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IMul:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) * *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IAnd:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) & *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IOr:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) | *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IXor:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) ^ *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IShl:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) << *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IShr:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) >> *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IUshr:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) >>> *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.IAddI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) + (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IMulI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) * (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IAndI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) & (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IOrI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) | (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IShlI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) << (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IShrI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) >> (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IUshrI:
                    *(int*)(P + pc->A) = *(int*)(P + pc->B) >>> (int)pc->Imm;
                    pc++;
                    continue;
                case Op.IDiv:
                    {
                        var divisor = *(int*)(P + pc->C);
                        if (divisor == 0) goto divideByZero;
                        *(int*)(P + pc->A) = divisor == -1 ? -*(int*)(P + pc->B) : *(int*)(P + pc->B) / divisor;
                        pc++;
                        continue;
                    }
                case Op.IRem:
                    {
                        var divisor = *(int*)(P + pc->C);
                        if (divisor == 0) goto divideByZero;
                        *(int*)(P + pc->A) = divisor == -1 ? 0 : *(int*)(P + pc->B) % divisor;
                        pc++;
                        continue;
                    }
                case Op.LDiv:
                    {
                        var divisor = P[pc->C];
                        if (divisor == 0) goto divideByZero;
                        P[pc->A] = divisor == -1 ? -P[pc->B] : P[pc->B] / divisor;
                        pc++;
                        continue;
                    }
                case Op.LRem:
                    {
                        var divisor = P[pc->C];
                        if (divisor == 0) goto divideByZero;
                        P[pc->A] = divisor == -1 ? 0 : P[pc->B] % divisor;
                        pc++;
                        continue;
                    }
                case Op.INeg:
                    *(int*)(P + pc->A) = -*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.LAdd:
                    P[pc->A] = P[pc->B] + P[pc->C];
                    pc++;
                    continue;
                case Op.LSub:
                    P[pc->A] = P[pc->B] - P[pc->C];
                    pc++;
                    continue;
                case Op.LMul:
                    P[pc->A] = P[pc->B] * P[pc->C];
                    pc++;
                    continue;
                case Op.LAnd:
                    P[pc->A] = P[pc->B] & P[pc->C];
                    pc++;
                    continue;
                case Op.LOr:
                    P[pc->A] = P[pc->B] | P[pc->C];
                    pc++;
                    continue;
                case Op.LXor:
                    P[pc->A] = P[pc->B] ^ P[pc->C];
                    pc++;
                    continue;
                case Op.LShl:
                    P[pc->A] = P[pc->B] << *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.LShr:
                    P[pc->A] = P[pc->B] >> *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.LUshr:
                    P[pc->A] = P[pc->B] >>> *(int*)(P + pc->C);
                    pc++;
                    continue;
                case Op.LNeg:
                    P[pc->A] = -P[pc->B];
                    pc++;
                    continue;
                case Op.FAdd:
                    *(float*)(P + pc->A) = *(float*)(P + pc->B) + *(float*)(P + pc->C);
                    pc++;
                    continue;
                case Op.FSub:
                    *(float*)(P + pc->A) = *(float*)(P + pc->B) - *(float*)(P + pc->C);
                    pc++;
                    continue;
                case Op.FMul:
                    *(float*)(P + pc->A) = *(float*)(P + pc->B) * *(float*)(P + pc->C);
                    pc++;
                    continue;
                case Op.FDiv:
                    *(float*)(P + pc->A) = *(float*)(P + pc->B) / *(float*)(P + pc->C);
                    pc++;
                    continue;
                case Op.FRem:
                    *(float*)(P + pc->A) = *(float*)(P + pc->B) % *(float*)(P + pc->C);
                    pc++;
                    continue;
                case Op.FNeg:
                    *(float*)(P + pc->A) = -*(float*)(P + pc->B);
                    pc++;
                    continue;
                case Op.DAdd:
                    *(double*)(P + pc->A) = *(double*)(P + pc->B) + *(double*)(P + pc->C);
                    pc++;
                    continue;
                case Op.DSub:
                    *(double*)(P + pc->A) = *(double*)(P + pc->B) - *(double*)(P + pc->C);
                    pc++;
                    continue;
                case Op.DMul:
                    *(double*)(P + pc->A) = *(double*)(P + pc->B) * *(double*)(P + pc->C);
                    pc++;
                    continue;
                case Op.DDiv:
                    *(double*)(P + pc->A) = *(double*)(P + pc->B) / *(double*)(P + pc->C);
                    pc++;
                    continue;
                case Op.DRem:
                    *(double*)(P + pc->A) = *(double*)(P + pc->B) % *(double*)(P + pc->C);
                    pc++;
                    continue;
                case Op.DNeg:
                    *(double*)(P + pc->A) = -*(double*)(P + pc->B);
                    pc++;
                    continue;
                case Op.LCmp:
                    *(int*)(P + pc->A) = P[pc->B] < P[pc->C] ? -1 : P[pc->B] > P[pc->C] ? 1 : 0;
                    pc++;
                    continue;
                case Op.FCmpL:
                    *(int*)(P + pc->A) = *(float*)(P + pc->B) > *(float*)(P + pc->C) ? 1 : *(float*)(P + pc->B) == *(float*)(P + pc->C) ? 0 : -1;
                    pc++;
                    continue;
                case Op.FCmpG:
                    *(int*)(P + pc->A) = *(float*)(P + pc->B) < *(float*)(P + pc->C) ? -1 : *(float*)(P + pc->B) == *(float*)(P + pc->C) ? 0 : 1;
                    pc++;
                    continue;
                case Op.DCmpL:
                    *(int*)(P + pc->A) = *(double*)(P + pc->B) > *(double*)(P + pc->C) ? 1 : *(double*)(P + pc->B) == *(double*)(P + pc->C) ? 0 : -1;
                    pc++;
                    continue;
                case Op.DCmpG:
                    *(int*)(P + pc->A) = *(double*)(P + pc->B) < *(double*)(P + pc->C) ? -1 : *(double*)(P + pc->B) == *(double*)(P + pc->C) ? 0 : 1;
                    pc++;
                    continue;
                case Op.I2L:
                    P[pc->A] = (long)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.I2F:
                    *(float*)(P + pc->A) = (float)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.I2D:
                    *(double*)(P + pc->A) = (double)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.L2I:
                    *(int*)(P + pc->A) = (int)P[pc->B];
                    pc++;
                    continue;
                case Op.L2F:
                    *(float*)(P + pc->A) = (float)P[pc->B];
                    pc++;
                    continue;
                case Op.L2D:
                    *(double*)(P + pc->A) = (double)P[pc->B];
                    pc++;
                    continue;
                case Op.F2I:
                    *(int*)(P + pc->A) = (int)*(float*)(P + pc->B);
                    pc++;
                    continue;
                case Op.F2L:
                    P[pc->A] = (long)*(float*)(P + pc->B);
                    pc++;
                    continue;
                case Op.F2D:
                    *(double*)(P + pc->A) = (double)*(float*)(P + pc->B);
                    pc++;
                    continue;
                case Op.D2I:
                    *(int*)(P + pc->A) = (int)*(double*)(P + pc->B);
                    pc++;
                    continue;
                case Op.D2L:
                    P[pc->A] = (long)*(double*)(P + pc->B);
                    pc++;
                    continue;
                case Op.D2F:
                    *(float*)(P + pc->A) = (float)*(double*)(P + pc->B);
                    pc++;
                    continue;
                case Op.I2B:
                    *(int*)(P + pc->A) = (sbyte)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.I2C:
                    *(int*)(P + pc->A) = (ushort)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.I2S:
                    *(int*)(P + pc->A) = (short)*(int*)(P + pc->B);
                    pc++;
                    continue;
                case Op.ALoadB:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        *(int*)(P + pc->A) = Unsafe.Add(ref Unsafe.As<byte, sbyte>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index);
                        pc++;
                        continue;
                    }
                case Op.ALoadC:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        *(int*)(P + pc->A) = Unsafe.Add(ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index);
                        pc++;
                        continue;
                    }
                case Op.ALoadS:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        *(int*)(P + pc->A) = Unsafe.Add(ref Unsafe.As<byte, short>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index);
                        pc++;
                        continue;
                    }
                case Op.ALoad4:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        *(int*)(P + pc->A) = Unsafe.Add(ref Unsafe.As<byte, int>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index);
                        pc++;
                        continue;
                    }
                case Op.ALoad8:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        P[pc->A] = Unsafe.Add(ref Unsafe.As<byte, long>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index);
                        pc++;
                        continue;
                    }
                case Op.ALoadR:
                    {
                        var array = Unsafe.As<object?[]>(R[pc->B]);
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)(array.Length - 1)) goto outOfBounds;
                        R[pc->A] = Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(array), index + 1);
                        pc++;
                        continue;
                    }
                case Op.ArrayLength:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        *(int*)(P + pc->A) = array.GetType() == typeof(object[]) ? Unsafe.As<object[]>(array).Length - 1 : Unsafe.As<byte[]>(array).Length;
                        pc++;
                        continue;
                    }
                case Op.GetField:
                    frame->Pc = pc;
                    Resolution.InstanceField(t, frame, pc, false);
                    continue;
                case Op.GetFieldB:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        *(int*)(P + pc->A) = JObject.At<sbyte>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetFieldC:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        *(int*)(P + pc->A) = JObject.At<ushort>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetFieldS:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        *(int*)(P + pc->A) = JObject.At<short>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetField4:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        *(int*)(P + pc->A) = JObject.At<int>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetField8:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        P[pc->A] = JObject.At<long>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetFieldR:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        R[pc->A] = JObject.At<object?>(o, pc->Imm);
                        pc++;
                        continue;
                    }
                case Op.GetFieldVolatile:
                    if (R[pc->B] == null) goto nullPointer;
                    Fields.Load(pc->C, ref JObject.At(R[pc->B]!, pc->Imm), P + pc->A, R + pc->A);
                    pc++;
                    continue;
                case Op.GetFieldReferent:
                    if (R[pc->B] == null) goto nullPointer;
                    R[pc->A] = Referent.Get(R[pc->B]!, pc->Imm);
                    pc++;
                    continue;
                case Op.GetStatic:
                    frame->Pc = pc;
                    if (Resolution.StaticField(t, frame, pc, false)) pc++;
                    continue;
                case Op.GetStaticB:
                    *(int*)(P + pc->A) = *(sbyte*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStaticC:
                    *(int*)(P + pc->A) = *(ushort*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStaticS:
                    *(int*)(P + pc->A) = *(short*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStatic4:
                    *(int*)(P + pc->A) = *(int*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStatic8:
                    P[pc->A] = *(long*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStaticR:
                    R[pc->A] = *(object?*)pc->Imm;
                    pc++;
                    continue;
                case Op.GetStaticVolatile:
                    Fields.Load(pc->C, ref *(byte*)pc->Imm, P + pc->A, R + pc->A);
                    pc++;
                    continue;
                case Op.InstanceOf:
                    frame->Pc = pc;
                    if (Resolution.InstanceOf(t, frame, pc)) pc++;
                    continue;
                case Op.New:
                    frame->Pc = pc;
                    if (Resolution.New(t, frame, pc)) pc++;
                    continue;
                case Op.ANewArray:
                    frame->Pc = pc;
                    if (Resolution.ANewArray(t, frame, pc)) pc++;
                    continue;
                case Op.CheckCast:
                    frame->Pc = pc;
                    if (Resolution.CheckCast(t, frame, pc)) pc++;
                    continue;
                case Op.InstanceOfQ:
                    *(int*)(P + pc->A) = Types.Test(t, R[pc->B], (Klass*)pc->Imm) ? 1 : 0;
                    pc++;
                    continue;
                case Op.NewQ:
                    {
                        var klass = (Klass*)pc->Imm;
                        if (--t.Budget < 0) { frame->Pc = pc; t.Safepoint(); }
                        var o = Unsafe.As<JObject>(RuntimeHelpers.GetUninitializedObject(klass->Shape!));
                        o.Klass = (nint)klass;
                        if (klass->KeepOffset != 0) KeepClass(o, klass);
                        R[pc->A] = o;
                        if ((t.AllocationLeft -= klass->InstanceBytes) < 0) { frame->Pc = pc; t.WatchAllocated(o, klass->InstanceBytes); }
                        pc++;
                        continue;
                    }
                case Op.NewArray:
                    frame->Pc = pc;
                    R[pc->A] = Arrays.NewPrimitive(t, (char)pc->Imm, *(int*)(P + pc->B));
                    pc++;
                    continue;
                case Op.ANewArrayQ:
                    frame->Pc = pc;
                    R[pc->A] = NewArray(t, (Klass*)pc->Imm, *(int*)(P + pc->B));
                    pc++;
                    continue;
                case Op.Goto:
                    goto branch;
                case Op.IfEq:
                    if (*(int*)(P + pc->B) == *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfNe:
                    if (*(int*)(P + pc->B) != *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfLt:
                    if (*(int*)(P + pc->B) < *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfGe:
                    if (*(int*)(P + pc->B) >= *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfGt:
                    if (*(int*)(P + pc->B) > *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfLe:
                    if (*(int*)(P + pc->B) <= *(int*)(P + pc->C)) goto branch;
                    pc++;
                    continue;
                case Op.IfEqI:
                    if (*(int*)(P + pc->B) == pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfNeI:
                    if (*(int*)(P + pc->B) != pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfLtI:
                    if (*(int*)(P + pc->B) < pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfGeI:
                    if (*(int*)(P + pc->B) >= pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfGtI:
                    if (*(int*)(P + pc->B) > pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfLeI:
                    if (*(int*)(P + pc->B) <= pc->Constant) goto branch;
                    pc++;
                    continue;
                case Op.IfLEq:
                    if (P[pc->B] == P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfLNe:
                    if (P[pc->B] != P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfLLt:
                    if (P[pc->B] < P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfLGe:
                    if (P[pc->B] >= P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfLGt:
                    if (P[pc->B] > P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfLLe:
                    if (P[pc->B] <= P[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfNull:
                    if (R[pc->B] == null) goto branch;
                    pc++;
                    continue;
                case Op.IfNonNull:
                    if (R[pc->B] != null) goto branch;
                    pc++;
                    continue;
                case Op.IfAcmpEq:
                    if (R[pc->B] == R[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.IfAcmpNe:
                    if (R[pc->B] != R[pc->C]) goto branch;
                    pc++;
                    continue;
                case Op.TableSwitch:
                    {
                        var table = (int*)pc->Imm;
                        var key = *(int*)(P + pc->B);
                        pc += key < table[0] || key > table[1] ? table[2] : table[3 + (uint)(key - table[0])];
                        continue;
                    }
                case Op.LookupSwitch:
                    pc += Lookup((int*)pc->Imm, *(int*)(P + pc->B));
                    continue;
                case Op.Jsr:
                    *(int*)(P + pc->B) = (int)(pc + 1 - frame->M->Code);
                    goto branch;
                case Op.Ret:
                    pc = frame->M->Code + *(int*)(P + pc->B);
                    if (--t.Budget < 0) { frame->Pc = pc; t.Safepoint(); }
                    continue;
                case Op.AStoreB:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        var value = *(int*)(P + pc->A);
                        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array)), index) = array.GetType() == typeof(bool[]) ? (byte)(value & 1) : (byte)value;
                        pc++;
                        continue;
                    }
                case Op.AStoreC:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        Unsafe.Add(ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index) = (ushort)*(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.AStoreS:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        Unsafe.Add(ref Unsafe.As<byte, short>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index) = (short)*(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.AStore4:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        Unsafe.Add(ref Unsafe.As<byte, int>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index) = *(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.AStore8:
                    {
                        var array = R[pc->B];
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)Unsafe.As<byte[]>(array).Length) goto outOfBounds;
                        Unsafe.Add(ref Unsafe.As<byte, long>(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array))), index) = P[pc->A];
                        pc++;
                        continue;
                    }
                case Op.AStoreR:
                    {
                        var array = Unsafe.As<object?[]>(R[pc->B]);
                        if (array == null) goto nullPointer;
                        var index = *(int*)(P + pc->C);
                        if ((uint)index >= (uint)(array.Length - 1)) goto outOfBounds;
                        var value = R[pc->A];
                        if (value != null && !Types.CanStore(t, array, value)) goto arrayStore;
                        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(array), index + 1) = value;
                        pc++;
                        continue;
                    }
                case Op.PutField:
                    frame->Pc = pc;
                    Resolution.InstanceField(t, frame, pc, true);
                    continue;
                case Op.PutFieldB:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<byte>(o, pc->Imm) = (byte)*(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.PutFieldC:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<ushort>(o, pc->Imm) = (ushort)*(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.PutFieldS:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<short>(o, pc->Imm) = (short)*(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.PutField4:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<int>(o, pc->Imm) = *(int*)(P + pc->A);
                        pc++;
                        continue;
                    }
                case Op.PutField8:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<long>(o, pc->Imm) = P[pc->A];
                        pc++;
                        continue;
                    }
                case Op.PutFieldR:
                    {
                        var o = R[pc->B];
                        if (o == null) goto nullPointer;
                        JObject.At<object?>(o, pc->Imm) = R[pc->A];
                        pc++;
                        continue;
                    }
                case Op.PutFieldVolatile:
                    if (R[pc->B] == null) goto nullPointer;
                    Fields.Store(pc->C, ref JObject.At(R[pc->B]!, pc->Imm), P + pc->A, R + pc->A);
                    pc++;
                    continue;
                case Op.PutFieldReferent:
                    if (R[pc->B] == null) goto nullPointer;
                    Referent.Set(t, R[pc->B]!, pc->Imm, R[pc->A]);
                    pc++;
                    continue;
                case Op.PutStatic:
                    frame->Pc = pc;
                    if (Resolution.StaticField(t, frame, pc, true)) pc++;
                    continue;
                case Op.PutStaticB:
                    *(byte*)pc->Imm = (byte)*(int*)(P + pc->A);
                    pc++;
                    continue;
                case Op.PutStaticC:
                    *(ushort*)pc->Imm = (ushort)*(int*)(P + pc->A);
                    pc++;
                    continue;
                case Op.PutStaticS:
                    *(short*)pc->Imm = (short)*(int*)(P + pc->A);
                    pc++;
                    continue;
                case Op.PutStatic4:
                    *(int*)pc->Imm = *(int*)(P + pc->A);
                    pc++;
                    continue;
                case Op.PutStatic8:
                    *(long*)pc->Imm = P[pc->A];
                    pc++;
                    continue;
                case Op.PutStaticR:
                    *(object?*)pc->Imm = R[pc->A];
                    pc++;
                    continue;
                case Op.PutStaticVolatile:
                    Fields.Store(pc->C, ref *(byte*)pc->Imm, P + pc->A, R + pc->A);
                    pc++;
                    continue;
                case Op.InvokeStatic:
                    frame->Pc = pc;
                    method = Resolution.StaticCall(t, frame, pc);
                    if (method == null) continue;
                    goto call;
                case Op.InvokeSpecial:
                    frame->Pc = pc;
                    Resolution.SpecialCall(t, frame, pc);
                    continue;
                case Op.InvokeVirtual:
                    frame->Pc = pc;
                    Resolution.VirtualCall(t, frame, pc);
                    continue;
                case Op.InvokeInterface:
                    frame->Pc = pc;
                    Resolution.InterfaceCall(t, frame, pc);
                    continue;
                case Op.InvokeDynamic:
                    frame->Pc = pc;
                    Resolution.DynamicCall(t, frame, pc);
                    continue;
                case Op.CallStatic:
                    method = (MethodSlot*)pc->Imm;
                    goto call;
                case Op.CallSpecial:
                    if (R[pc->A] == null) goto nullPointer;
                    method = (MethodSlot*)pc->Imm;
                    goto call;
                case Op.CallVirtual:
                    {
                        var receiver = R[pc->A];
                        if (receiver == null) goto nullPointer;
                        var word = JObject.Word(receiver);
                        if ((ulong)word < (ulong)JObject.SmallestKlass) word = t.ObjectKlass;
                        if (pc->Imm != word && pc->Imm != 1) pc->Imm = pc->Imm == 0 ? word : 1;
                        method = ((Klass*)word)->VTable[pc->C];
                        goto call;
                    }
                case Op.CallInterface:
                    {
                        var receiver = R[pc->A];
                        if (receiver == null) goto nullPointer;
                        var word = JObject.Word(receiver);
                        if ((ulong)word < (ulong)JObject.SmallestKlass) word = t.ObjectKlass;
                        var site = (InterfaceSite*)pc->Imm;
                        if (site->Receiver != word && site->Receiver != 1) site->Receiver = site->Receiver == 0 ? word : 1;
                        var cached = t.InterfaceCache + (((ulong)word >> 5 ^ (ulong)site->Method >> 4) & JThread.InterfaceCacheMask);
                        if (cached->Klass == word && cached->Method == (nint)site->Method && site->Named == null) { method = cached->Target; goto call; }
                        frame->Pc = pc;
                        method = Types.InterfaceTarget(t, (Klass*)word, site->Method, site->Named, cached);
                        goto call;
                    }
                case Op.CallBasic:
                    if (R[pc->A] == null) goto nullPointer;
                    method = MethodHandles.BasicTarget(t, R[pc->A]!);
                    goto call;
                case Op.CallLinkTo:
                    frame->Pc = pc;
                    method = MethodHandles.LinkToTarget(t, frame, pc);
                    goto call;
                case Op.CallHandle:
                    {
                        var site = (CallSite*)pc->Imm;
                        if (site->Appendix != null) R[pc->A + site->AppendixSlot] = *(object*)site->Appendix;
                        method = site->Target;
                        goto call;
                    }
                case Op.MultiNewArray:
                    frame->Pc = pc;
                    Resolution.MultiNewArray(t, frame, pc);
                    pc++;
                    continue;
                case Op.CheckCastQ:
                    if (R[pc->B] != null && !Types.Test(t, R[pc->B], (Klass*)pc->Imm)) goto classCast;
                    pc++;
                    continue;
                case Op.MonitorEnter:
                    if (R[pc->B] == null) goto nullPointer;
                    frame->Pc = pc;
                    t.Enter(R[pc->B]!);
                    pc++;
                    continue;
                case Op.MonitorExit:
                    if (R[pc->B] == null) goto nullPointer;
                    frame->Pc = pc;
                    t.Exit(R[pc->B]!);
                    pc++;
                    continue;
                case Op.RegisterFinalizer:
                    {
                        var word = JObject.Word(R[pc->B]!);
                        if ((ulong)word >= (ulong)JObject.SmallestKlass && ((Klass*)word)->HasFinalizer != 0)
                        {
                            frame->Pc = pc;
                            t.Machine.References.RegisterFinalizer(t, R[pc->B]!);
                        }
                        pc++;
                        continue;
                    }
                case Op.Throw:
                    if (R[pc->B] == null) goto nullPointer;
                    frame->Pc = pc;
                    thrown = Unsafe.As<JObject>(R[pc->B]!);
                    goto unwind;
                case Op.Return:
                    goto leave;
                case Op.Return4:
                    *(int*)P = *(int*)(P + pc->B);
                    goto leave;
                case Op.Return8:
                    *P = P[pc->B];
                    goto leave;
                case Op.ReturnR:
                    *R = R[pc->B];
                    goto leave;
                case Op.SyncEnter:
                    frame->Pc = pc;
                    R[pc->Imm] = null;
                    SynchronizedEnter(t, frame, pc->Imm);
                    pc++;
                    continue;
                case Op.SyncExit:
                    frame->Pc = pc;
                    t.Exit(R[pc->Imm]!);
                    R[pc->Imm] = null;
                    pc++;
                    continue;
                default:
                    throw new InvalidOperationException("An operation that the decoder does not make.");
            }

        branch:
            {
                var distance = pc->Distance;
                pc += distance;
                if (distance < 0 && --t.Budget < 0)
                {
                    frame->Pc = pc;
                    t.Safepoint();
                    if (t.Compiler != null && t.Compiler.LoopEntry(t, frame, pc) is var loop && loop != 0)
                    {
                        thrown = CompiledCalls.RunLoop(t, frame, loop, out var goesOn)!;
                        if (thrown != null) goto unwind;
                        if (!goesOn) goto leave;
                        frame = t.Top;
                        pc = frame->Pc;
                        P = frame->P;
                        R = frame->R;
                    }
                }
            }
            continue;

        call:
            frame->Pc = pc;
            if (method->Enter is var enter && enter != 0)
            {
                thrown = CompiledCalls.Enter(t, enter, method, P + pc->A, R + pc->A)!;
                if (thrown != null) goto unwind;
                pc++;
                continue;
            }
            if (method->Code == null)
            {
                if (PrepareOrRun(t, frame, method, P + pc->A, R + pc->A))
                {
                    pc++;
                    continue;
                }
            }
            {
                var next = frame + 1;
                var slots = P + pc->A;
                if (slots + method->FrameSlots > t.StackLimit || next >= t.FrameLimit)
                {
                    thrown = t.StackOverflow();
                    goto unwind;
                }
                if ((++method->Calls & t.CallMask) == 0) t.Compiler?.Called(t, method);
                R += pc->A;
                P = slots;
                pc = method->Code;
                next->M = method;
                next->P = P;
                next->R = R;
                next->Pc = pc;
                t.Top = frame = next;
                if (--t.Budget < 0) t.Safepoint();
            }
            continue;

        leave:
            t.Top = frame - 1;
            if (frame == entry) return null;
            frame--;
            pc = frame->Pc + 1;
            P = frame->P;
            R = frame->R;
            continue;

        nullPointer:
            frame->Pc = pc;
            thrown = Messages.NullPointer(t, frame);
            goto unwind;

        outOfBounds:
            frame->Pc = pc;
            thrown = Messages.OutOfBounds(t, R[pc->B]!, *(int*)(P + pc->C));
            goto unwind;

        arrayStore:
            frame->Pc = pc;
            thrown = Messages.ArrayStore(t, R[pc->A]!);
            goto unwind;

        classCast:
            frame->Pc = pc;
            thrown = Messages.ClassCast(t, R[pc->B]!, ((Klass*)pc->Imm)->Managed);
            goto unwind;

        divideByZero:
            frame->Pc = pc;
            thrown = t.NewThrowable("java/lang/ArithmeticException", "/ by zero");

        unwind:
            if (!Unwind(t, entry, thrown, out thrown)) return thrown;
            frame = t.Top;
            pc = frame->Pc;
            P = frame->P;
            R = frame->R;
        }
    }
}
