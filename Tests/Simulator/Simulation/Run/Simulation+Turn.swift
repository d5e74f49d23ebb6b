import Base
import SupervisorCore

/// Time and turns: the loop of the reactor over the simulated kernel.
extension Simulation {
    var isDraining: Bool { self.drainRequestedAt != nil }
    var isDrainExpired: Bool {
        guard let start = self.drainRequestedAt else { return false }
        return self.now >= start + self.configuration.drain.deadline || self.plan.signals > 1
    }

    /// Runs until `isOver`, a violation, or too much time or work.
    func turns(until isOver: () -> Bool, within limit: Interval) {
        let end = self.now + limit
        while self.judge.violation == nil, self.exitStatus == nil, !isOver(), self.now <= end {
            self.statistics.turns += 1
            guard self.statistics.turns < Self.turnsMax else {
                let ready = self.sockets.filter(\.ready.isAny).map { "\($0.serial) \($0.ready)" }
                let next =
                    "\(self.now.nanoseconds), next wake \(self.wakes.next?.nanoseconds ?? -1), next timer \(self.supervisor.nextDeadline?.nanoseconds ?? -1)"
                return self.judge.report("livelock", "\(Self.turnsMax) turns and no end; now \(next); ready are \(ready)")
            }
            guard self.advance() else {
                return  // Nothing will ever happen again; the phase says whether that is right.
            }
            self.wakeActors()
            self.turn()
        }
    }

    /// Moves time to the next thing that happens. False: there is none.
    private func advance() -> Bool {
        guard !self.isAnythingReady else {
            // The turn before this one took its time.
            self.now = self.now + .microseconds(Int64(1 + self.random.below(30)))
            return true
        }
        var next = self.wakes.next
        for candidate in [self.supervisor.nextDeadline, self.acceptAgainAt] {
            if let candidate { next = Swift.min(next ?? candidate, candidate) }
        }
        guard let next else { return false }
        self.now = Swift.max(self.now + .microseconds(1), next)
        if !self.isDraining, self.random.permille(self.faults.clockJump) {
            self.clockJumps += 1
            let leap = self.random.interval(.milliseconds(100) ... .hours(2))
            self.now = self.now + leap
            self.trace.add("clock leap", at: self.now, Int(leap.wholeMilliseconds))
        }
        return true
    }

    private var isAnythingReady: Bool {
        if self.pendingSignals > 0 { return true }
        if self.mayAccept && !self.backlog.isEmpty { return true }
        if self.sockets.contains(where: { $0.ready.isAny }) { return true }
        return self.processTable.contains { $0.map(self.isReady) ?? false }
    }

    func isReady(_ process: SimProcess) -> Bool {
        if process.outputIsWatched, !process.output.isEmpty || process.outputClosed { return true }
        if self.isInputReady(process) { return true }
        return process.exit != nil && !process.isReaped
    }

    /// Room for more, or nobody who reads.
    private func isInputReady(_ process: SimProcess) -> Bool {
        guard !process.inputEnded else { return false }
        // Of the one socket for both directions, its reading side tells of the end.
        if !process.isSocket && !process.isInputRead { return true }
        return process.isInputRead && process.waitsForInput && process.input.room > 0
    }

    // MARK: Actors

    func wake(_ client: SimClient, after delay: Interval) {
        let at = self.now + delay
        guard at < client.wakeAt else { return }
        client.wakeAt = at
        self.wakes.add(.client(client.index, at: at), at: at)
    }

    func wake(_ worker: SimWorker, after delay: Interval) {
        let at = self.now + delay
        guard at < worker.wakeAt else { return }
        worker.wakeAt = at
        self.wakes.add(.worker(worker.process.pid, at: at), at: at)
    }

    private func wakeActors() {
        while let wake = self.wakes.popDue(at: self.now) {  // Bound: whoever is woken is woken again later than now.
            switch wake {
            case .client(let index, let at):
                let client = self.clients[index]
                guard client.wakeAt == at else { continue }
                client.wakeAt = .distantFuture
                let next = client.step()
                if next < .distantFuture { self.wake(client, after: Swift.max(next - self.now, .microseconds(1))) }
            case .worker(let pid, let at):
                guard let worker = self.workers[pid], worker.wakeAt == at else { continue }
                worker.wakeAt = .distantFuture
                let next = worker.step()
                if next < .distantFuture { self.wake(worker, after: Swift.max(next - self.now, .microseconds(1))) }
            case .endOfFire, .look: break
            case .signal: self.pendingSignals += 1
            }
            guard self.judge.violation == nil else { return }
        }
    }

    private func signalToStop() {
        self.pendingSignals -= 1
        self.trace.add("SIGTERM", at: self.now)
        if self.drainRequestedAt == nil {
            self.drainRequestedAt = self.now
            for index in 1..<Swift.max(1, self.plan.signals) {
                self.wakes.add(.signal, at: self.now + self.plan.signalPause * Int64(index))
            }
            self.drain.requested(at: self.now)
        } else {
            self.drain.hurried(at: self.now)
        }
        self.supervisor.drainRequested(at: self.now)
    }

    // MARK: The reactor's turn

    private enum Event {
        case listener
        case socket(SimSocket)
        case output(SimProcess)
        case input(SimProcess)
        case exit(SimProcess)
        case signal
    }

    private func turn() {
        self.tellWallClock()
        self.handleEvents()
        // The reactor looks once more before it runs effects: more may have come meanwhile.
        if self.random.flip() { self.handleEvents() }
        self.supervisor.timersDue(at: self.now)
        if let again = self.acceptAgainAt, again <= self.now { self.acceptAgainAt = nil }
        self.settle()
        let census = self.supervisor.census()
        self.bounds.turnEnded(census)
        self.drain.turnEnded(census, at: self.now)
    }

    private func handleEvents() {
        for event in self.readyEvents() {
            switch event {
            case .listener: self.accept()
            case .socket(let socket): self.socketReady(socket)
            case .output(let process): self.workerOutputReady(process)
            case .input(let process): self.workerInputReady(process)
            case .exit(let process): self.workerEnded(process)
            case .signal: self.signalToStop()
            }
        }
    }

    /// In any order: the kernel promises none.
    private func readyEvents() -> [Event] {
        var events: [Event] = []
        if self.mayAccept && !self.backlog.isEmpty { events.append(.listener) }
        for socket in self.sockets where socket.ready.isAny { events.append(.socket(socket)) }
        for case let process? in self.processTable {
            if process.outputIsWatched, !process.output.isEmpty || process.outputClosed { events.append(.output(process)) }
            if self.isInputReady(process) { events.append(.input(process)) }
            if process.exit != nil, !process.isReaped { events.append(.exit(process)) }
        }
        if self.pendingSignals > 0 { events.append(.signal) }
        self.random.shuffle(&events)
        return events
    }

    private func tellWallClock() {
        let second = 1_700_000_000 + self.now.nanoseconds / 1_000_000_000
        guard second != self.wallSecond else { return }
        self.wallSecond = second
        self.supervisor.wallClock(secondsSince1970: second)
    }

    /// Effects and output until nothing is left to do in this turn.
    func settle() {
        var rounds = 0
        var connections: [ConnectionKey] = []
        var workers: [WorkerKey] = []
        repeat {
            for effect in self.supervisor.takeEffects() { self.run(effect) }
            self.supervisor.takeDirtyWorkers(into: &workers)
            for key in workers { self.writeWorker(key) }
            self.supervisor.takeDirtyConnections(into: &connections)
            for key in connections { self.writeConnection(key) }
            rounds += 1
            guard rounds < 1000 else { return self.judge.report("livelock", "a turn does not settle") }
        } while self.supervisor.hasWork
    }

    private func run(_ effect: Effect) {
        if self.exitStatus != nil, case .log = effect {
        } else if self.exitStatus != nil {
            return self.judge.report("drain", "the effect \(effect) after the exit")
        }
        switch effect {
        case .closeConnection(let key): self.closeConnection(key)
        case .shutdownConnection(let key):
            self.socket(key)?.serverShutDown()
            if let socket = self.socket(key) { self.wakeClient(of: socket) }
        case .pauseReading(let key): self.socket(key)?.wantsReadable = false
        case .resumeReading(let key): self.socket(key)?.wantsReadable = true
        case .pauseAccepting: self.isAccepting = false
        case .resumeAccepting: self.isAccepting = true
        case .stopListening: self.stopListening()
        case .spawnWorker(let key, let server): self.spawnWorker(key, server)
        case .closeWorkerInput(let key): self.closeWorkerInput(key)
        case .signalWorker(let key, let signal): self.signalWorker(key, signal)
        case .closeWorker(let key): self.closeWorker(key)
        case .ready: self.trace.add("ready", at: self.now)
        case .rememberEra(let server, let era): self.trace.add("era", at: self.now, server, era == nil ? 0 : 1)
        case .stopping: self.trace.add("stopping", at: self.now)
        case .log(let event):
            self.trace.add("log", at: self.now, -1, -1, "\(event.message) \(event.fields.map { "\($0.name)=\($0.value)" })")
        case .exit(let status): self.exitStatus = status
        }
    }
}
