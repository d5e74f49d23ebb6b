import Base
import SupervisorCore

/// Every worker that is asked for is reaped once and closed once; nothing is asked of one that is gone; one lives per server; none
/// is started beyond the restart policy and the spawn budget, after the server was given up or after a drain began.
struct ProcessChecker {
    private struct Life {
        let key: WorkerKey
        let server: Int
        let startedAt: Instant
        var isReaped = false
        var isClosed = false
    }

    private struct History {
        var spawns: [Instant] = []
        var isGivenUp = false
        /// It exited with a status that is fatal only before the handshake, which this observer does not see.
        var mayBeGivenUp = false
    }

    let judge: Judge
    private let configuration: Configuration
    private var lives: [Life] = []
    private var histories: [History]
    private var spawns: [Instant] = []

    init(judge: Judge, configuration: Configuration) {
        self.judge = judge
        self.configuration = configuration
        self.histories = Array(repeating: History(), count: configuration.servers.count)
    }

    func mayBeGivenUp(_ server: Int) -> Bool { self.histories[server].isGivenUp || self.histories[server].mayBeGivenUp }

    /// `server` counts those that were made for clients' capabilities too.
    mutating func asked(_ key: WorkerKey, server: Int, at now: Instant, drainedAt: Instant?) {
        while self.histories.count <= server { self.histories.append(History()) }
        // In the turn of the signal itself it may have been decided before.
        if let drainedAt, drainedAt < now { self.fail("a worker was started during the drain") }
        if self.histories[server].isGivenUp { self.fail("server \(server) was started after it had been given up") }
        if self.lives.contains(where: { $0.server == server && !$0.isClosed }) { self.fail("server \(server) has two workers") }
        if self.lives.contains(where: { $0.key == key }) { self.fail("the key \(key) was used twice") }
        self.lives.append(Life(key: key, server: server, startedAt: now))
        self.checkBudget(at: now)
        self.checkCircuit(server, at: now)
    }

    /// A bucket of `burst` that fills with `perSecond`: over any time, no more than both together.
    private mutating func checkBudget(at now: Instant) {
        self.spawns.append(now)
        let limits = self.configuration.spawn
        for (index, first) in self.spawns.enumerated() {
            let count = self.spawns.count - index
            let earned = Int((now - first).nanoseconds / 1_000) * limits.perSecond / 1_000_000
            if count > limits.burst + earned + 1 {
                return self.fail(
                    "\(count) spawns since \(first.nanoseconds), the budget is \(limits.burst) and \(limits.perSecond) a second")
            }
        }
    }

    /// Deaths inside the window open the circuit, and an open circuit starts nothing. Whatever the order of deaths, probes and
    /// successes: within one `open` time, at most two full series and a probe can be started, unless workers lived long enough to be
    /// forgiven.
    private mutating func checkCircuit(_ server: Int, at now: Instant) {
        let restart = self.configuration.restart
        let span = Swift.min(restart.openMin, restart.window)
        self.histories[server].spawns.append(now)
        self.histories[server].spawns.removeAll { $0 + span < now }
        let isForgiving = restart.stable <= span
        let count = self.histories[server].spawns.count
        if !isForgiving, count > 2 * restart.deathsMax + 2 {
            self.fail("server \(server) was started \(count) times within \(span.wholeMilliseconds) ms")
        }
    }

    /// `isDeath`: it was no probe, which may end with any status.
    mutating func reaped(_ key: WorkerKey, _ exit: WorkerExit, isDeath: Bool, at now: Instant) {
        guard let index = self.lives.firstIndex(where: { $0.key == key }) else { return self.fail("reaped the unknown \(key)") }
        if self.lives[index].isReaped { self.fail("\(key) was reaped twice") }
        self.lives[index].isReaped = true
        let server = self.lives[index].server
        // What was short is asked for again, and that is no death.
        if exit.isShortage || !isDeath, !self.histories[server].spawns.isEmpty { self.histories[server].spawns.removeLast() }
        guard isDeath else { return }
        switch exit {
        case .exited(78): self.histories[server].isGivenUp = true
        case .exited(2): self.histories[server].mayBeGivenUp = true
        case .exited, .signalled, .notStarted: break
        }
    }

    /// An effect that names a worker.
    mutating func effect(_ name: StaticString, _ key: WorkerKey) {
        guard let life = self.lives.last(where: { $0.key == key }) else { return self.fail("\(name) for the unknown \(key)") }
        if life.isClosed { self.fail("\(name) for \(key), which is closed") }
    }

    mutating func closed(_ key: WorkerKey, at now: Instant) {
        guard let index = self.lives.firstIndex(where: { $0.key == key }) else { return self.fail("closed the unknown \(key)") }
        if self.lives[index].isClosed { self.fail("\(key) was closed twice") }
        if !self.lives[index].isReaped { self.fail("\(key) was closed before it was reaped") }
        self.lives[index].isClosed = true
    }

    func exited() {
        for life in self.lives where !life.isReaped || !life.isClosed {
            self.fail("the worker \(life.key) of server \(life.server) was left behind")
        }
    }

    private func fail(_ text: String) { self.judge.report("processes", text) }
}
