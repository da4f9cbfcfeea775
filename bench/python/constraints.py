"""One-way constraints between variables, planned and executed, in the manner of DeltaBlue."""


class Strength:
    def __init__(self, rank, name):
        self.rank = rank
        self.name = name

    def stronger(self, other):
        return self.rank < other.rank


class Variable:
    def __init__(self, value):
        self.value = value
        self.constraints = []
        self.determined_by = None
        self.strength = WEAKEST
        self.mark = 0


class Constraint:
    def __init__(self, strength):
        self.strength = strength

    def attach(self, planner):
        for variable in self.variables():
            variable.constraints.append(self)
        planner.add(self)


class Stay(Constraint):
    def __init__(self, variable, strength, planner):
        super().__init__(strength)
        self.output = variable
        self.satisfied = False
        self.attach(planner)

    def variables(self):
        return [self.output]

    def choose(self, mark):
        self.satisfied = self.output.mark != mark and self.strength.stronger(self.output.strength)

    def inputs(self):
        return ()

    def execute(self):
        pass


class Scale(Constraint):
    def __init__(self, source, factor, offset, target, strength, planner):
        super().__init__(strength)
        self.source = source
        self.factor = factor
        self.offset = offset
        self.output = target
        self.satisfied = False
        self.attach(planner)

    def variables(self):
        return [self.source, self.factor, self.offset, self.output]

    def choose(self, mark):
        self.satisfied = self.output.mark != mark and self.strength.stronger(self.output.strength)

    def inputs(self):
        return (self.source, self.factor, self.offset)

    def execute(self):
        self.output.value = self.source.value * self.factor.value + self.offset.value


REQUIRED = Strength(0, "required")
NORMAL = Strength(4, "normal")
WEAKEST = Strength(6, "weakest")


class Planner:
    def __init__(self):
        self.mark = 0

    def add(self, constraint):
        self.mark += 1
        constraint.choose(self.mark)
        while constraint is not None and constraint.satisfied:
            output = constraint.output
            beaten = output.determined_by
            if beaten is not None:
                beaten.satisfied = False
            output.determined_by = constraint
            output.strength = constraint.strength
            output.mark = self.mark
            self.propagate(constraint)
            constraint = beaten
            if constraint is not None:
                constraint.choose(self.mark)

    def propagate(self, constraint):
        todo = [constraint]
        while todo:
            each = todo.pop()
            each.execute()
            for follower in each.output.constraints:
                if follower is not each and follower.satisfied and each.output in follower.inputs():
                    todo.append(follower)

    def plan(self, variable):
        self.mark += 1
        plan = []
        todo = [c for c in variable.constraints if c.satisfied and c.output is not variable]
        while todo:
            each = todo.pop()
            if each.output.mark != self.mark:
                each.output.mark = self.mark
                plan.append(each)
                todo.extend(c for c in each.output.constraints if c.satisfied and c.output.mark != self.mark)
        return plan


def run():
    planner = Planner()
    factor, offset = Variable(2), Variable(3)
    chain = [Variable(i) for i in range(150)]
    Stay(chain[0], REQUIRED, planner)
    for i in range(len(chain) - 1):
        Scale(chain[i], Variable(1), offset, chain[i + 1], NORMAL, planner)
    total = 0
    for i in range(40):
        chain[0].value = i
        for constraint in planner.plan(chain[0]):
            constraint.execute()
        total += chain[-1].value
    return total, factor.value
