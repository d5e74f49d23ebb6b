import Base

/// Decides when a dead worker of one server is started again, and when to stop trying for a while.
///
///     starting ──workerReady──▶ running
///     starting, running ──workerDied, the first for a while──▶ starting          at once
///     starting, running ──workerDied──▶ waiting ──timerFired──▶ starting         with a growing delay
///     starting, running ──workerDied, too often inside `window`──▶ open          the circuit is open
///     open ──timerFired──▶ probing ──workerReady──▶ proving                      one worker is tried
///     probing, proving ──workerDied without having served or settled──▶ open     for twice as long
///     proving ──workerDied otherwise──▶ as from running
///     any of these ──workerDied with a status that no restart helps──▶ failed ──reset──▶ starting
///
/// A death counts once, and twice when the worker had never answered a call: one that cannot even begin is more likely to fail
/// again. The first death after a quiet time restarts at once, so that a single crash costs clients nothing but its own calls;
/// "quiet" is `window` without a death, and the worker must have served or have lived for `settled`.
///
/// A worker that could not be started because the machine was short of something has not died: it is tried again soon and counts
/// for nothing.
///
/// Pure: reads no clock and draws from the generator it is given. A late or early timer call is harmless.
struct RestartPolicy: Equatable, Sendable {
    enum State: Equatable, Sendable {
        /// A worker was asked for and is not ready yet. The caller may still be waiting for its spawn budget.
        case starting
        case running
        /// Serving the delay after the latest death.
        case waiting(until: Instant)
        /// Calls are refused; nothing is started.
        case open(until: Instant)
        /// Half open: one worker was asked for after the circuit had been open.
        case probing
        /// That worker is ready and gets calls, but has not shown yet that it lasts.
        case proving
        /// The exit status said that no restart will help. Only an operator leaves this state.
        case failed
    }

    enum OnWorkerDied: Equatable, Sendable {
        case startNow
        case armTimer(Instant)
        case openCircuit(until: Instant)
        case giveUp
    }

    enum OnTimerFired: Equatable, Sendable {
        case startWorker
        case none
    }

    private(set) var state: State = .starting
    private let limits: RestartLimits
    /// Deaths inside `limits.window`, oldest first. Bound: fewer than `limits.deathsMax`, then the circuit opens.
    private var deaths: [Death] = []
    /// How long the circuit stays open the next time.
    private var openNext: Interval

    private struct Death: Equatable, Sendable {
        let at: Instant
        let weight: Int
    }

    init(limits: RestartLimits) {
        self.limits = limits
        self.openNext = limits.openMin
    }

    /// How long a refused client should wait; nil while a worker is there or is being started.
    func retryAfter(at now: Instant) -> Interval? {
        switch self.state {
        case .starting, .running, .probing, .proving: nil
        case .waiting(let until), .open(let until): Swift.max(until - now, .zero)
        case .failed: self.limits.openMax
        }
    }

    /// Whether calls should be refused instead of waiting for a worker.
    var refusesCalls: Bool {
        switch self.state {
        case .starting, .running, .waiting, .probing, .proving: false
        case .open, .failed: true
        }
    }

    /// The handshake is done.
    mutating func workerReady(at now: Instant) {
        switch self.state {
        case .starting: self.state = .running
        case .probing: self.state = .proving
        case .running, .waiting, .open, .proving, .failed:
            preconditionFailure("a worker became ready in \(self.state), but none was starting")
        }
    }

    /// `lived` is the time since the worker was ready; nil when it never was. `hasServed` says that it answered a call.
    mutating func workerDied(
        exit: WorkerExit, lived: Interval?, hasServed: Bool, at now: Instant, jitter: inout PRNG
    ) -> OnWorkerDied {
        if exit.isShortage { return self.waitOutShortage(at: now) }
        switch self.state {
        case .starting, .running: break
        case .probing, .proving:
            let isFit = hasServed || (lived ?? .zero) >= self.limits.settled
            if !isFit, !Self.isFatal(exit, wasReady: lived != nil) { return self.openCircuit(at: now) }
        case .waiting, .open, .failed:
            preconditionFailure("a worker died in \(self.state), but none was running")
        }
        guard !Self.isFatal(exit, wasReady: lived != nil) else {
            self.state = .failed
            return .giveUp
        }
        if let lived, lived >= self.limits.stable { self.forget() }
        self.deaths.removeAll { $0.at + self.limits.window <= now }
        let isFirst = self.deaths.isEmpty
        self.deaths.append(Death(at: now, weight: hasServed ? 1 : 2))
        let weight = self.deaths.reduce(0) { $0 + $1.weight }
        guard weight < self.limits.deathsMax else { return self.openCircuit(at: now) }
        guard !isFirst || !(hasServed || (lived ?? .zero) >= self.limits.settled) else {
            self.state = .starting
            return .startNow
        }
        let start = now + self.delay(weight: weight, &jitter)
        self.state = .waiting(until: start)
        return .armTimer(start)
    }

    /// The time of `armTimer` or `openCircuit` has come, or the caller has spawn budget again.
    mutating func timerFired(at now: Instant) -> OnTimerFired {
        switch self.state {
        case .waiting(let until) where until <= now:
            self.state = .starting
            return .startWorker
        case .open(let until) where until <= now:
            self.state = .probing
            return .startWorker
        // Expected: the worker was asked for, but there was no budget for its process.
        case .starting, .probing: return .startWorker
        // Expected: a timer disarmed late fires after its state has gone.
        case .waiting, .open, .running, .proving, .failed: return .none
        }
    }

    /// An operator wants another try now, with a clean slate. True: a worker must be started.
    mutating func reset() -> Bool {
        self.forget()
        switch self.state {
        case .starting, .running: return false
        case .probing:
            self.state = .starting
            return false
        case .proving:
            self.state = .running
            return false
        case .waiting, .open, .failed:
            self.state = .starting
            return true
        }
    }

    // MARK: Rules

    /// 78 (EX_CONFIG) always means that the configuration is wrong. 2 is what command-line parsers and interpreters leave with when
    /// arguments or script are wrong, but also what a Go program leaves with when it panics: it counts only before the handshake.
    static func isFatal(_ exit: WorkerExit, wasReady: Bool) -> Bool {
        switch exit {
        case .exited(78): true
        case .exited(2): !wasReady
        case .exited, .signalled, .notStarted: false
        }
    }

    /// Nothing died. An open circuit stays one, so that the next try is a probe again, but is not open for longer than before.
    private mutating func waitOutShortage(at now: Instant) -> OnWorkerDied {
        let until = now + Self.shortageDelay
        switch self.state {
        case .probing, .proving: self.state = .open(until: until)
        case .starting, .running: self.state = .waiting(until: until)
        case .waiting, .open, .failed:
            preconditionFailure("a worker could not be started in \(self.state), but none was starting")
        }
        return .armTimer(until)
    }

    /// Until the next try when descriptors, processes or memory were short. It costs nothing but a line of the log.
    private static var shortageDelay: Interval { .milliseconds(500) }

    private mutating func openCircuit(at now: Instant) -> OnWorkerDied {
        let until = now + self.openNext
        self.openNext = Swift.min(self.openNext * 2, self.limits.openMax)
        self.deaths.removeAll()
        self.state = .open(until: until)
        return .openCircuit(until: until)
    }

    private mutating func forget() {
        self.deaths.removeAll()
        self.openNext = self.limits.openMin
    }

    /// `delayMin` for the second weight inside the window, doubling with each further one, give or take 20 %.
    private func delay(weight: Int, _ jitter: inout PRNG) -> Interval {
        let doublings = Swift.min(Swift.max(weight - 2, 0), 20)
        let (product, overflow) = self.limits.delayMin.nanoseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let delay = overflow ? self.limits.delayMax : Swift.min(Interval(nanoseconds: product), self.limits.delayMax)
        let permille = Int64(800 + jitter.below(401))
        return Swift.min(delay / 1_000 * permille, self.limits.delayMax)
    }
}
