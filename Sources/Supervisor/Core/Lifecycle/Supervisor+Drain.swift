public import Base
import MCP
import Wire

/// The end: no new work, running calls finish, streams end, workers stop, exit 0. It always ends.
///
///     serving ──SIGTERM──▶ draining ──no call left, or the deadline──▶ workers stop ──all gone──▶ stopped
extension Supervisor {
    var isDraining: Bool {
        switch self.lifecycle {
        case .starting, .serving: false
        case .draining, .stopped: true
        }
    }

    /// SIGTERM or SIGINT. A second one leaves two seconds, a third none.
    public mutating func drainRequested(at now: Instant) {
        switch self.lifecycle {
        case .starting, .serving:
            self.beginDrain(at: now)
        case .draining(let deadline, let signals):
            let allowed = signals == 1 ? self.configuration.drain.hurriedDeadline : .zero
            let shortened = Swift.min(deadline, now + allowed)
            self.lifecycle = .draining(deadline: shortened, signals: signals + 1)
            self.log(.warning, "another signal shortened the drain", [.milliseconds("leftMs", shortened - now)])
            self.armDrain(shortened)
        case .stopped: break
        }
        self.finishEvent(at: now)
    }

    /// What follows the deadline is over within a second of it, whatever clients and workers do: the steps by which a worker ends
    /// (the last is repeated, for a guard that is stuck), the last answers on their way, and the end of all waiting.
    private static let overdueStep = Interval.milliseconds(250)
    private static let overdueFlush = Interval.milliseconds(750)
    private static let overdueEnd = Interval.milliseconds(900)

    private var drainFlush: Interval { Swift.min(Self.overdueFlush, self.configuration.drain.workerGrace) }

    private mutating func armDrain(_ deadline: Instant) {
        for wait in [.zero, self.drainFlush, Self.overdueEnd] { self.timers.add(.drain, at: deadline + wait) }
    }

    /// How long a worker may take for one step of its end.
    func stopGrace(at now: Instant) -> Interval {
        let grace = self.configuration.drain.workerGrace
        guard case .draining(let deadline, _) = self.lifecycle, deadline <= now else { return grace }
        return Swift.min(grace, Self.overdueStep)
    }

    private mutating func beginDrain(at now: Instant) {
        let deadline = now + self.configuration.drain.deadline
        self.lifecycle = .draining(deadline: deadline, signals: 1)
        self.log(.info, "draining", [.number("runningCalls", self.calls.count), .number("connections", self.connections.count)])
        self.effects.append(.stopListening)
        self.effects.append(.stopping(self.configuration.drain.deadline + self.configuration.drain.workerGrace * 3))
        self.armDrain(deadline)
        for server in self.servers.indices where self.servers[server].worker == nil {
            // It is waiting for its restart, which will not come.
            self.failQueue(server, "the supervisor is shutting down", at: now)
        }
        // Nobody can come back to them any more.
        for call in self.calls.keys where self.inputs[call]?.isParked == true {
            self.withdraw(call, reason: "the supervisor is shutting down", at: now)
        }
        for key in self.connections.keys {
            switch self.connections[key].phase {
            case .reading where self.connections[key].requestStage == .none && self.connections[key].unsentBytes == 0:
                self.dropConnection(key, at: now)
            case .reading where self.connections[key].requestStage == .none:
                self.connections[key].closesAfterOutput = true
                self.connections[key].input = []
            case .streaming(.session), .streaming(.listen), .streaming(.operation):
                self.connections[key].exchange.keepAlive = false
                self.endSubscription(key, at: now)
            case .duplex(let duplex) where self.duplexes.contains(duplex) && self.duplexes[duplex].calls.isEmpty:
                self.closeDuplex(key, duplex, .serviceRestart, at: now)
            case .reading, .waiting, .streaming(.call), .streaming(.batch), .streaming(.replay), .duplex, .lingering:
                // Its answer is the last one on this connection.
                self.connections[key].exchange.keepAlive = false
            }
        }
        self.abandonUnanswerable(at: now)
    }

    /// A modern stream ends with the result of its request. Of a legacy one only the connection ends: its client can resume it.
    mutating func endSubscription(_ key: ConnectionKey, at now: Instant) {
        if let listen = self.connections[key].listen, !listen.id.isEmpty {
            guard self.sendEvent(key, listen.end.span, isFinal: true, at: now) else { return }
        }
        if case .streaming(.session(let session)) = self.connections[key].phase, self.sessions.contains(session) {
            self.sessions[session].stream = nil
            return self.leaveStream(key, at: now)
        }
        self.endStream(key, at: now)
    }

    /// Takes the next step of the drain if what it waits for has happened. Called after everything that could be that.
    mutating func continueDrain(at now: Instant) {
        guard case .draining(let deadline, let signals) = self.lifecycle else { return }
        let isOver = deadline <= now
        if isOver { self.endWork(at: now) }
        guard self.calls.isEmpty else { return }
        for duplex in self.duplexes.keys where self.duplexes.contains(duplex) {
            self.closeDuplex(self.duplexes[duplex].connection, duplex, .serviceRestart, at: now)
        }
        for key in self.workers.keys { self.stopForDrain(key, isOver: isOver, isHurried: signals > 1, at: now) }
        let isAtEnd = deadline + Self.overdueEnd <= now
        guard self.workers.isEmpty || isAtEnd else { return }
        // What was answered last may still be on its way to its reader.
        guard !self.isStillSending || (isOver && (signals > 2 || deadline + self.drainFlush <= now)) else { return }
        self.lifecycle = .stopped
        if !self.workers.isEmpty {
            // Killed, and held by the kernel (state D): they end when it lets them, without us.
            self.log(.error, "workers that were killed have not ended", [.number("workers", self.workers.count)])
        }
        for key in self.connections.keys { self.dropConnection(key, at: now) }
        self.log(.info, "stopped", [.number("callsAnswered", Int64(clamping: self.counters.callsAnswered))])
        self.effects.append(.exit(status: 0))
    }

    /// Whether a client has not got all of its last answer. One that lingers has; only its own end is awaited.
    private var isStillSending: Bool {
        self.connections.keys.contains {
            switch self.connections[$0].phase {
            case .waiting, .streaming: true
            case .duplex: self.connections[$0].unsentBytes > 0
            // Half a request is not waited for: its answer could only be that it comes too late.
            case .reading, .lingering: self.connections[$0].unsentBytes > 0
            }
        }
    }

    /// The deadline has passed: what still runs is answered, and what still arrives is not waited for.
    private mutating func endWork(at now: Instant) {
        if !self.calls.isEmpty {
            self.log(.warning, "the drain deadline passed with calls running", [.number("runningCalls", self.calls.count)])
            for key in self.calls.keys { self.fail(key, "the supervisor shut down before the call ended", at: now) }
        }
        for key in self.connections.keys
        where self.connections[key].phase == .reading && self.connections[key].unsentBytes == 0
            && !self.connections[key].closesAfterOutput
        {
            self.dropConnection(key, at: now)
        }
    }

    /// End of input, SIGTERM, SIGKILL, each with its own time. The deadline ends the first and shortens the others; after a second
    /// signal, it leaves nothing.
    private mutating func stopForDrain(_ key: WorkerKey, isOver: Bool, isHurried: Bool, at now: Instant) {
        let step: Worker.StopStep = !isOver ? .inputClosed : isHurried ? .killed : .terminated
        switch self.workers[key].state {
        case .starting, .probing, .handshaking, .ready: self.stopWorker(key, step: step, at: now)
        case .stopping(.inputClosed) where isOver: self.stopWorker(key, step: step, at: now)
        case .stopping(.terminated) where isOver && isHurried: self.stopWorker(key, step: step, at: now)
        case .stopping where isOver: self.shortenStep(key, at: now)
        case .stopping: break
        }
    }

    /// A step that began before the deadline of the drain, with more time than there is now.
    private mutating func shortenStep(_ key: WorkerKey, at now: Instant) {
        let latest = now + self.stopGrace(at: now)
        guard self.workers[key].deadline > latest else { return }
        self.workers[key].deadline = latest
        self.timers.add(.worker(key), at: latest)
    }
}
