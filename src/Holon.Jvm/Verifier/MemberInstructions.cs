using Holon.Jvm.ClassFile;
using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Verifier;

/// <summary>Field accesses and calls.</summary>
internal sealed partial class InstructionChecker
{
    private void Field(int op)
    {
        var index = U2(_bytes, _at + 1);
        if (Tag(index) != CpTag.Fieldref) throw BadTag(index);
        var (owner, name, descriptor) = _pool.Member(index);
        var type = VType.OfDescriptor(descriptor);
        switch (op)
        {
            case 178:
                _frame.Push(type);
                break;
            case 179:
                PopAssignable(type);
                break;
            case 180:
                var from = Peek();
                PopAssignable(VType.Of(owner));
                CheckProtected(from, owner, name, descriptor, false, "getfield");
                _frame.Push(type);
                break;
            default:
                PopAssignable(type);
                PutField(owner, name, descriptor);
                break;
        }
    }

    private VType Peek() => _frame.Depth > 0 ? _frame.Stack[_frame.Depth - 1] : VType.Top;

    /// <summary>A constructor may set fields of its own class before it calls another constructor.</summary>
    private void PutField(string owner, string name, string descriptor)
    {
        var into = _frame.PopSlot();
        if (into.Kind == VKind.UninitializedThis && owner == code.ClassName && code.Rules.Current.File!.Fields.Any(f => f.Name == name && f.Descriptor == descriptor)) into = _rules.CurrentType;
        if (!_rules.IsAssignable(into, VType.Of(owner))) throw BadPopped(VType.Of(owner).ToString(), "Bad type on operand stack in putfield");
        CheckProtected(into, owner, name, descriptor, false, "putfield");
    }

    /// <summary>A protected member of a superclass in another package may be used through objects of the current class only (§4.10.1.8).</summary>
    private void CheckProtected(VType receiver, string owner, string name, string descriptor, bool isMethod, string instruction)
    {
        if (receiver == _rules.CurrentType || !_rules.IsProtectedElsewhere(owner, name, descriptor, isMethod)) return;
        if (isMethod && receiver.IsArray && owner == "java/lang/Object" && name == "clone") return; // arrays have it public
        if (_rules.IsAssignable(receiver, _rules.CurrentType, true)) return;
        _frame.Depth++;
        throw _frame.BadType(_frame.Depth - 1, _rules.CurrentType.ToString(), $"Bad access to protected data in {instruction}");
    }

    private void Invoke(int op)
    {
        var (owner, name, descriptor) = CheckMethodOperands(op);
        var (parameters, result) = Descriptor.Parse(descriptor);
        if (op == 183 && name != "<init>") CheckSpecial(owner!, Tag(U2(_bytes, _at + 1)));
        for (var i = parameters.Length - 1; i >= 0; i--) PopAssignable(VType.OfDescriptor(parameters[i]));
        switch (op)
        {
            case 182:
                var receiver = Peek();
                PopAssignable(VType.Of(owner!));
                CheckProtected(receiver, owner!, name, descriptor, true, "invokevirtual");
                break;
            case 183 when name == "<init>":
                CallConstructor(owner!, descriptor);
                break;
            case 183:
                PopAssignable(_rules.CurrentType);
                break;
            case 185:
                PopAssignable(VType.Of(owner!));
                break;
        }
        if (result == "V") return;
        if (name == "<init>") throw new VerifyFailure("Return type must be void in <init> method");
        _frame.Push(VType.OfDescriptor(result));
    }

    /// <summary>invokespecial reaches the current class, its superclasses and its direct superinterfaces.</summary>
    private void CheckSpecial(string owner, CpTag tag)
    {
        var current = _rules.Current;
        if (owner == code.ClassName || owner == current.Super?.Name || current.File!.Interfaces.Contains(owner)) return;
        if (!_rules.IsAssignable(_rules.CurrentType, VType.Of(owner))) throw new VerifyFailure("Bad invokespecial instruction: current class isn't assignable to reference class.", "Error exists in the bytecode");
        if (tag == CpTag.InterfaceMethodref) throw new VerifyFailure("Bad invokespecial instruction: interface method reference is in an indirect superinterface.", "Error exists in the bytecode");
    }

    private void CallConstructor(string owner, string descriptor)
    {
        var made = _frame.PopReference();
        switch (made.Kind)
        {
            case VKind.UninitializedThis:
                if (owner != code.ClassName && owner != _rules.Current.Super?.Name) throw BadPopped(owner, "Bad <init> method call");
                CheckHandlersThrow();
                InitializedThis = true;
                _frame.Initialize(made, _rules.CurrentType);
                return;
            case VKind.Uninitialized:
                var type = ClassAt(U2(_bytes, made.At + 1));
                if (type.Name != owner) throw BadPopped(owner, "Call to wrong <init> method");
                // A protected constructor of a superclass in another package makes no other objects than those of the class itself.
                if (owner != code.ClassName && _rules.IsNamedInSupers(owner) && _rules.Load(owner).DeclaredMethod("<init>", descriptor) is { } constructor
                    && (constructor.Flags & Acc.Protected) != 0 && !_rules.Current.SamePackage(constructor.Class) && !_rules.IsAssignable(type, _rules.CurrentType, true))
                    throw BadPopped(_rules.CurrentType.ToString(), "Bad access to protected <init> method");
                _frame.Initialize(made, type);
                return;
            default:
                throw BadPopped("uninitialized object", "Bad operand type when invoking <init>");
        }
    }

    /// <summary>What catches exceptions of the other constructor's call may not return: the object would be half made.</summary>
    private void CheckHandlersThrow()
    {
        foreach (var handler in code.Info.Handlers)
        {
            if (_at >= handler.Start && _at < handler.End && !EndsInThrow(handler.Handler)) throw new VerifyFailure("Bad <init> method call from after the start of a try block", "Error exists in the bytecode");
        }
    }

    private bool EndsInThrow(int from)
    {
        var seen = new HashSet<int>();
        var work = new Stack<int>([from]);
        while (work.TryPop(out var bci))
        {
            while (code.IsStart(bci) && seen.Add(bci))
            {
                int op = _bytes[bci];
                if (op is >= 172 and <= 177) return false;
                if (op == 191) break;
                foreach (var target in Interpreter.BytecodeReader.Targets(_bytes, bci)) work.Push(target);
                if (op is 167 or 200 or 170 or 171) break;
                bci += Length(_bytes, bci);
            }
        }
        return true;
    }
}
