import SupervisorCore

/// Every table, queue and buffer stays within the configured limit and the slack that its rule allows.
struct BoundsChecker {
    let judge: Judge
    private let configuration: Configuration
    /// One answer of a worker, or one line for it: what may come on top of a limit that was not reached before.
    private let messageBytesMax: Int
    /// The most things that had timers at once.
    private var timedMost = 0

    /// Of responses that the supervisor writes itself, head and all.
    private static let ownAnswerBytesMax = 64 << 10
    private static let answersBytesMax = 64 << 10
    private static let readBytesMax = 64 << 10
    private static let workerBacklogBytesMax = 1 << 20
    /// `notifications/cancelled`, pings and log levels beside the calls.
    private static let controlLinesBytesMax = 256 << 10
    /// What a line for a worker holds beside the client's own bytes.
    private static let envelopeBytesMax = 1024
    /// Entries in the heap of deadlines for each thing that has any, stale ones included.
    private static let timersPerEntryMax = 4

    init(judge: Judge, configuration: Configuration) {
        self.judge = judge
        self.configuration = configuration
        // Simulated answers are below 4 MiB, whatever longer lines are allowed.
        self.messageBytesMax = Swift.min(configuration.limits.lineBytesMax, 4 << 20) + Self.ownAnswerBytesMax
    }

    mutating func turnEnded(_ census: Census) {
        let limits = self.configuration.limits
        self.check("connections", census.connections.count, limits.connections)
        self.check("calls", census.calls, limits.calls)
        self.check("sessions", census.sessions, limits.sessions)
        // One for clients that can be asked nothing, one for those that can be asked what simulated clients can.
        self.check("workers", census.workers.count, self.configuration.servers.count * 2)
        self.check("questions at clients", census.asks, census.calls * 16)
        self.check("calls that can be asked", census.inputs, census.calls)
        self.check("parked calls", census.parked, limits.parkedCalls)
        self.check("bytes kept for questions", census.inputBytes, 64 << 20)
        self.check("bytes of kept events", census.eventBytes, limits.eventBytesTotal)
        self.check("streams that have not ended", census.openStreams, census.calls + census.sessions)
        self.check("requests that were forgotten in a buffer", census.forgottenInput, 0)
        let timed = census.connections.count + census.calls + census.sessions + census.workers.count + census.queues.count
        self.timedMost = Swift.max(self.timedMost, timed)
        self.check("timers", census.timers, self.timedMost * Self.timersPerEntryMax + 64)
        let inputMax = Swift.max(limits.headBytesMax + limits.bodyBytesMax * 2, 64 << 10) + 3 * Self.readBytesMax
        for buffers in census.connections {
            self.check(
                "unsent bytes of a connection", buffers.unsent,
                Swift.max(limits.streamBytesMax, Self.answersBytesMax) + 2 * self.messageBytesMax)
            self.check("input bytes of a connection", buffers.input, inputMax)
            if buffers.isStarved {
                self.judge.report("bounds", "a connection is paused in the middle of a request it could read")
            }
        }
        for (index, backlog) in census.queues.enumerated() {
            let workers = self.configuration.servers[backlog.definition].workers
            self.check("queued calls of server \(index)", backlog.queued, workers.queueMax)
            // One message always fits, however large it may be.
            let bytesMax = Swift.max(workers.queueBytesMax, limits.bodyBytesMax) + Self.envelopeBytesMax
            self.check("queued bytes of server \(index)", backlog.queuedBytes, bytesMax)
        }
        for channel in census.workers {
            self.check(
                "unsent bytes of a worker", channel.unsent,
                Self.workerBacklogBytesMax + limits.bodyBytesMax + Self.controlLinesBytesMax)
        }
    }

    /// After everybody has left and every time-out has passed.
    func nothingIsLeft(_ census: Census) {
        self.check("connections after all clients left", census.connections.count, 0)
        self.check("calls after all clients left", census.calls, 0)
        self.check("sessions after their idle time", census.sessions, 0)
        self.check("bytes of events after their sessions", census.eventBytes, 0)
        self.check("queued calls after all clients left", census.queues.reduce(0) { $0 + $1.queued }, 0)
        self.check("calls of workers after all clients left", census.workers.reduce(0) { $0 + $1.inFlight }, 0)
        self.check("questions after all clients left", census.asks + census.inputs + census.inputBytes + census.parked, 0)
        let servers = self.configuration.servers.count * 2
        self.check("timers after all clients left", census.timers, servers * Self.timersPerEntryMax + 64)
    }

    private func check(_ what: @autoclosure () -> String, _ value: Int, _ limit: Int) {
        if value > limit { self.judge.report("bounds", "\(what()): \(value), at most \(limit)") }
    }
}
