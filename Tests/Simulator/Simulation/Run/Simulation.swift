import Base
public import SupervisorCore

/// One life of the supervisor's machine, from the first spawn to its exit, among simulated clients and workers.
///
/// A second driver of the same code that the reactor drives: it keeps the same contract, turn by turn, but time, sockets, pipes and
/// processes are its own, and what they do comes out of one seed.
///
///     safety phase    faults as the seed decided, until the time is over
///     peace           no further fault: whatever was asked must come to its end
///     proof           a new client must get a right answer from every server that is not given up
///     quiet           every client has gone: nothing may be left of them
///     drain           SIGTERM: exit 0 within the deadline, no process left
///
/// With `Plan.Ending.underFire` the drain comes in the middle of the safety phase.
public final class Simulation {
    let seed: UInt64
    let canary: Canary?
    let plan: Plan
    public let configuration: Configuration
    var random: PRNG
    var supervisor: Supervisor
    var now: Instant
    var faults: Faults

    // Observers.
    let judge = Judge()
    let trace: Trace
    var answers: AnswerChecker
    var foreign: ForeignBytesChecker
    let deliveries: DeliveryChecker
    var channels: WorkerChannelChecker
    var processesSeen: ProcessChecker
    var bounds: BoundsChecker
    var drain: DrainChecker
    var statistics = Statistics()

    // The world.
    var wakes = DeadlineHeap<Wake>()
    var clients: [SimClient] = []
    var workers: [Int32: SimWorker] = [:]
    /// Those that are not closed, in the order of their start.
    var livePIDs: [Int32] = []
    var nextPID: Int32 = 100
    /// Sockets that the supervisor has accepted and not closed, by the order of acceptance.
    var sockets: [SimSocket] = []
    var backlog: [SimSocket] = []
    var socketCount = 0
    var refusedSockets: Set<Int> = []
    /// By slot, as the reactor keeps them.
    var processTable: [SimProcess?] = []
    var sessionIDs: Set<String> = []

    // The driver.
    var isAccepting = true
    var isListening = true
    var acceptAgainAt: Instant?
    var exitStatus: Int32?
    var wallSecond: Int64 = -1
    var isHealed = false
    var clockJumps = 0
    /// Answer bytes that the canary took away.
    var pendingSignals = 0
    var drainRequestedAt: Instant?

    enum Wake {
        case client(Int, at: Instant)
        case worker(Int32, at: Instant)
        case endOfFire
        case signal
        /// A phase looks whether it is over.
        case look
    }

    /// Turns of one life; a run that needs more is a livelock.
    static let turnsMax = 400_000
    static let backlogMax = 128

    public init(seed: UInt64, canary: Canary? = nil, listener: ((String) -> Void)? = nil) {
        self.seed = seed
        self.canary = canary
        var random = PRNG(seed: seed)
        self.plan = Plan.draw(&random)
        let loaded = ConfigurationText.load(self.plan.configurationText)
        guard let configuration = loaded.configuration else {
            preconditionFailure("the drawn configuration \(self.plan.configurationText) is refused: \(loaded.findings)")
        }
        self.configuration = configuration
        self.faults = self.plan.faults
        self.now = Instant(nanoseconds: 1_000_000_000 + Int64(random.below(1_000_000_000)))
        self.trace = Trace(listener: listener)
        self.deliveries = DeliveryChecker(judge: self.judge)
        self.answers = AnswerChecker(judge: self.judge, deliveries: self.deliveries)
        self.foreign = ForeignBytesChecker(judge: self.judge)
        self.channels = WorkerChannelChecker(
            judge: self.judge, deliveries: self.deliveries, concurrency: configuration.servers.map(\.workers.concurrency))
        self.processesSeen = ProcessChecker(judge: self.judge, configuration: configuration)
        self.bounds = BoundsChecker(judge: self.judge, configuration: configuration)
        self.drain = DrainChecker(judge: self.judge, configuration: configuration)
        var ids = random.branch()
        self.supervisor = Supervisor(
            configuration, access: AccessPolicy(configuration, listeners: configuration.listeners, verifier: nil),
            seed: random.next(), unguessable: { SessionID(high: ids.next(), low: ids.next()) }, sealing: ToySealing.sealing,
            now: self.now)
        self.random = random.branch()
        for (index, profile) in self.plan.clients.enumerated() {
            self.clients.append(self.client(index, profile, random.branch()))
        }
    }

    private func client(_ index: Int, _ profile: Plan.ClientProfile, _ random: PRNG) -> SimClient {
        switch profile.role {
        case .modern: ModernClient(index: index, world: self, profile: profile, random: random)
        case .legacy: LegacyClient(index: index, world: self, profile: profile, random: random)
        case .duplex: DuplexClient(index: index, world: self, profile: profile, random: random)
        case .probe: ProbeClient(index: index, world: self, profile: profile, random: random)
        case .hostile: HostileClient(index: index, world: self, profile: profile, random: random)
        }
    }

    /// Runs one seed to its end.
    public static func run(seed: UInt64, canary: Canary? = nil, listener: ((String) -> Void)? = nil) -> Report {
        let simulation = Simulation(seed: seed, canary: canary, listener: listener)
        simulation.live()
        return simulation.report()
    }

    private func report() -> Report {
        var statistics = self.statistics
        statistics.requests = self.answers.statistics.requests
        statistics.answers = self.answers.statistics.answers
        statistics.results = self.answers.statistics.results
        statistics.questions = self.answers.statistics.questions
        statistics.spawns = Int(self.nextPID - 100)
        statistics.virtualSeconds = Int(self.now.nanoseconds / 1_000_000_000)
        return Report(
            seed: self.seed, violation: self.judge.violation, hash: self.trace.hash, lastTransitions: self.trace.lines,
            statistics: statistics)
    }

    // MARK: Phases

    private func live() {
        self.trace.add("plan", at: self.now, self.clients.count, -1, self.plan.configurationText)
        self.supervisor.start(at: self.now)
        self.settle()
        for client in self.clients { self.wake(client, after: self.random.interval(.microseconds(1) ... .milliseconds(50))) }
        let start = self.now
        self.wakes.add(.endOfFire, at: start + self.plan.fireTime)
        if case .underFire(let after) = self.plan.ending {
            self.wakes.add(.signal, at: start + after)
            self.turns(until: { self.exitStatus != nil }, within: .hours(24 * 365))
            return self.finish()
        }
        self.turns(until: { self.now >= start + self.plan.fireTime || self.isFireOut }, within: .hours(24 * 365))
        self.makePeace()
        self.prove()
        self.beQuiet()
        self.wakes.add(.signal, at: self.now)
        self.turns(until: { self.exitStatus != nil }, within: .hours(24 * 365))
        self.finish()
    }

    private var isFireOut: Bool { self.clients.allSatisfy { $0.profile.budget <= 0 && $0.isSettled } }

    /// No fault from here on. Everything that was asked must come to an end in time.
    private func makePeace() {
        self.trace.add("peace", at: self.now)
        self.isHealed = true
        self.faults = .none
        for client in self.clients {
            client.calmDown()
            self.wake(client, after: .zero)
        }
        for pid in self.livePIDs { if let worker = self.workers[pid] { self.wake(worker, after: .zero) } }
        self.turns(until: { self.clients.allSatisfy(\.isSettled) }, within: self.answerTimeMax)
        if let client = self.clients.first(where: { !$0.isSettled }) {
            let open = client.connections.flatMap(\.pending).map { "\($0.serial) \($0.kind)" }
            self.judge.report(
                "liveness",
                "client \(client.index) still waits for \(open) after \(self.answerTimeMax.wholeMilliseconds) ms of peace")
        }
    }

    /// The longest that an answer may take without faults: every time-out one after the other.
    var answerTimeMax: Interval {
        let limits = self.configuration.limits
        let call = self.configuration.servers.map(\.workers.callTimeout).max() ?? .zero
        // Each question moves the end of its call, and a worker has two for each.
        return call * 10 + (limits.inputTimeout + call + .seconds(2)) * 3 + limits.keepAlive * 2 + limits.writeTimeout
            + limits.bodyTimeout + limits.headerTimeout + .seconds(10)
    }

    /// A client that does nothing wrong gets its answer.
    private func prove() {
        guard self.judge.violation == nil else { return }
        for client in self.clients { client.closeAll() }
        let profile = Plan.ClientProfile(
            role: .modern, budget: 0, thinkTime: .milliseconds(200), readChunk: 1 << 20, readPause: .zero, segment: 1 << 20,
            segmentPause: .microseconds(1), pipeline: 1)
        let prover = ProvingClient(index: self.clients.count, world: self, profile: profile, random: self.random.branch())
        self.clients.append(prover)
        self.wake(prover, after: .milliseconds(1))
        let longest =
            self.configuration.restart.openMax * 2 + self.configuration.restart.delayMax + self.answerTimeMax
            + (self.configuration.servers.map(\.workers.startTimeout).max() ?? .zero) * 2 + self.configuration.drain.workerGrace
            * 4
        self.turns(until: { prover.isDone }, within: longest)
        if !prover.isDone {
            self.judge.report("liveness", "no right answer after \(longest.wholeMilliseconds) ms of peace: \(prover.state)")
        }
    }

    /// Nobody is there: no connection, call or session may outlive its time.
    private func beQuiet() {
        guard self.judge.violation == nil else { return }
        self.trace.add("quiet", at: self.now)
        for client in self.clients { client.closeAll() }
        let limits = self.configuration.limits
        let longest = limits.sessionIdle * 2 + self.answerTimeMax + limits.idleTimeout + .seconds(5)
        self.wakes.add(.look, at: self.now + longest)
        let end = self.now + longest
        self.turns(until: { self.now >= end }, within: longest + .seconds(1))
        self.bounds.nothingIsLeft(self.supervisor.census())
    }

    private func finish() {
        guard self.judge.violation == nil else { return }
        self.trace.add("exit", at: self.now, Int(self.exitStatus ?? -1))
        self.drain.exited(self.exitStatus, self.supervisor.census())
        self.processesSeen.exited()
        // What lies in sockets can still be read.
        for _ in 0..<10_000 where !self.clients.allSatisfy({ $0.connections.isEmpty }) {
            self.now = self.now + .milliseconds(50)
            self.isHealed = true
            for client in self.clients { _ = client.step() }
        }
        for client in self.clients {
            for connection in client.connections where !connection.pending.isEmpty {
                self.judge.report("drain", "connection \(connection.socket.serial) is still open after the exit")
            }
        }
    }
}
