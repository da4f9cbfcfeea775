global using unsafe Binder = delegate*<in Iced.Intel.Instruction, Holon.Interpreter.Op*, delegate*<Holon.Interpreter.Interpreter, Holon.Interpreter.Op*, Holon.Interpreter.Op*>>;
global using unsafe Handler = delegate*<Holon.Interpreter.Interpreter, Holon.Interpreter.Op*, Holon.Interpreter.Op*>;
