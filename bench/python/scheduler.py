"""A small operating system in the manner of Richards: tasks that send each other packets."""


class Packet:
    def __init__(self, link, target, kind):
        self.link = link
        self.target = target
        self.kind = kind
        self.value = 0
        self.data = [0] * 4

    def add_to(self, queue):
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class Task:
    def __init__(self, kernel, number, priority, queue):
        self.kernel = kernel
        self.number = number
        self.priority = priority
        self.queue = queue
        self.held = False
        self.waiting = queue is None

    def is_blocked(self):
        return self.held or (self.waiting and self.queue is None)

    def take(self):
        packet = self.queue
        if packet is not None:
            self.queue = packet.link
        self.waiting = False
        return packet


class Idle(Task):
    def __init__(self, kernel, number, count):
        super().__init__(kernel, number, 0, None)
        self.waiting = False
        self.bits = 1
        self.count = count

    def step(self, packet):
        self.count -= 1
        if self.count == 0:
            self.held = True
            return
        if self.bits & 1:
            self.bits = (self.bits >> 1) ^ 0xD008
            self.kernel.release(4)
        else:
            self.bits >>= 1
            self.kernel.release(5)


class Worker(Task):
    def __init__(self, kernel, number, queue):
        super().__init__(kernel, number, 1000, queue)
        self.target = 2
        self.letter = 0

    def step(self, packet):
        if packet is None:
            self.waiting = True
            return
        self.target = 5 - self.target
        packet.target = self.target
        packet.value = 0
        for i in range(4):
            self.letter += 1
            if self.letter > 26:
                self.letter = 1
            packet.data[i] = 64 + self.letter
        self.kernel.send(packet)


class Handler(Task):
    def __init__(self, kernel, number, queue):
        super().__init__(kernel, number, 2000, queue)
        self.work = None
        self.devices = None

    def step(self, packet):
        if packet is not None:
            if packet.kind == 1:
                self.work = packet.add_to(self.work)
            else:
                self.devices = packet.add_to(self.devices)
        if self.work is None:
            self.waiting = True
            return
        work = self.work
        if work.value >= 4:
            self.work = work.link
            work.target = 1
            self.kernel.send(work)
            return
        device = self.devices
        if device is None:
            self.waiting = True
            return
        self.devices = device.link
        device.value = work.data[work.value]
        device.target = self.number + 2
        device.origin = self.number
        work.value += 1
        self.kernel.send(device)


class Device(Task):
    def __init__(self, kernel, number):
        super().__init__(kernel, number, 3000, None)
        self.pending = None

    def step(self, packet):
        if packet is not None:
            self.pending = packet
            self.held = True
        elif self.pending is not None:
            packet, self.pending = self.pending, None
            packet.target = packet.origin
            self.kernel.send(packet)
        else:
            self.waiting = True


class Kernel:
    def __init__(self):
        self.sent = self.switches = self.releases = 0
        devices = [None, None]
        for which in range(2):
            for _ in range(3):
                devices[which] = Packet(devices[which], 0, 0)
        work = Packet(Packet(None, 1, 1), 1, 1)
        self.tasks = [
            Idle(self, 0, 3000),
            Worker(self, 1, work),
            Handler(self, 2, devices[0]),
            Handler(self, 3, devices[1]),
            Device(self, 4),
            Device(self, 5),
        ]

    def send(self, packet):
        self.sent += 1
        task = self.tasks[packet.target]
        task.queue = packet.add_to(task.queue)

    def release(self, number):
        self.releases += 1
        self.tasks[number].held = False

    def run(self):
        while True:
            chosen = None
            for task in self.tasks:
                if not task.is_blocked() and (chosen is None or task.priority > chosen.priority):
                    chosen = task
            if chosen is None:
                return
            self.switches += 1
            chosen.step(chosen.take())


def run():
    kernel = Kernel()
    kernel.run()
    return kernel.sent, kernel.switches, kernel.releases
