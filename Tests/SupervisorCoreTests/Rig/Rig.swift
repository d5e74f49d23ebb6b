import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

/// The whole machine in virtual time, with a driver that does what the reactor does: runs effects in order, then writes dirty
/// workers, then dirty connections, until nothing is left. Unlike the reactor it does not call `timersDue` after every event, so
/// an event that leaves work behind for the next timer shows up as a missing answer.
final class Rig {
    var machine: Supervisor
    var now: Instant
    /// Every effect since the start, in order.
    private(set) var effects: [Effect] = []
    private(set) var clients: [RigClient] = []
    /// Every worker that was ever asked for, in order.
    private(set) var workers: [RigWorker] = []
    var spawning = Spawning.atOnce
    /// Whether new workers answer their first request by themselves.
    var handshakes = true
    var capabilities = Rig.allCapabilities
    /// What workers answer to the supervisor's own `tools/list`; nil: tests answer it.
    var tools: String? = #"{"tools":[]}"#
    private var nextSession: UInt64 = 0
    private var nextProcess: Int32 = 100

    enum Spawning: Equatable {
        case atOnce
        /// The test calls `RigWorker.spawned` itself.
        case byHand
        case failing(Int32)
    }

    static let allCapabilities =
        #"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true},"logging":{},"completions":{}}"#

    /// Who answers: a third-party server (legacy) or the built-in one (modern).
    /// The era of the former is configured, so that no probe comes before what a test is about; probes have tests of their own.
    enum Back: String, CaseIterable {
        case legacy = #""mcpServers":{"only":{"command":"/bin/server","era":"legacy"}}"#
        case modern = #""mcpServers":{"only":{"builtin":"sql","databases":{"sample":"sample:"}}}"#

        /// With bounds of the worker.
        func with(_ workers: String) -> String {
            switch self {
            case .legacy: #""mcpServers":{"only":{"command":"/bin/server","era":"legacy","workers":{\#(workers)}}}"#
            case .modern: #""mcpServers":{"only":{"builtin":"sql","databases":{"sample":"sample:"},"workers":{\#(workers)}}}"#
            }
        }
    }

    /// `settings` are further members of the configuration file.
    convenience init(
        _ back: Back = .legacy, workers: String = "", _ settings: String = "", transport: Transport = .http, starting: Bool = true
    ) throws {
        let file = "{\(back.with(workers))\(settings.isEmpty ? "" : ",")\(settings)}"
        try self.init(file: file, transport: transport, starting: starting)
    }

    init(file: String, keys: [APIKey] = [], transport: Transport = .http, starting: Bool = true) throws {
        var options = RunOptions()
        options.transport = transport.rawValue
        let outcome = ConfigurationLoader.load(.init(file: [UInt8](file.utf8), options: options))
        let configuration = try #require(outcome.configuration, "\(outcome.findings)")
        let verifier = CredentialVerifier(keys: keys, tokens: [], functions: FakeDigests().functions)
        let access = AccessPolicy(configuration, listeners: configuration.listeners, verifier: verifier)
        let start = Instant(nanoseconds: 1_000_000_000_000)
        self.now = start
        let ids = SessionIDs()
        self.machine = Supervisor(
            configuration, access: access, seed: 7, unguessable: { ids.next() }, sealing: .toy, now: start)
        self.machine.wallClock(secondsSince1970: 1_000_000_000)
        if starting { self.start() }
    }

    private final class SessionIDs {
        private var last: UInt64 = 0
        func next() -> SessionID {
            self.last += 1
            return SessionID(high: 0xABCD, low: self.last)
        }
    }

    func start() {
        self.machine.start(at: self.now)
        self.settle()
    }

    // MARK: Time

    /// Lets time pass, with every timer at its own instant.
    func advance(_ interval: Interval) {
        let end = self.now + interval
        var turns = 0
        while let next = self.machine.nextDeadline, next <= end {
            self.now = Swift.max(self.now, next)
            self.machine.timersDue(at: self.now)
            self.settle()
            turns += 1
            guard turns < 100_000 else {
                Issue.record("the timers never come to rest")
                return
            }
        }
        self.now = end
        self.machine.timersDue(at: self.now)
        self.settle()
    }

    // MARK: Driver

    func settle() {
        var dirtyWorkers: [WorkerKey] = []
        var dirtyConnections: [ConnectionKey] = []
        var turns = 0
        repeat {
            for effect in self.machine.takeEffects() { self.run(effect) }
            self.machine.takeDirtyWorkers(into: &dirtyWorkers)
            for key in dirtyWorkers { self.worker(key)?.writeInput() }
            self.machine.takeDirtyConnections(into: &dirtyConnections)
            for key in dirtyConnections { self.client(key)?.writeOutput() }
            turns += 1
            guard turns < 10_000 else {
                Issue.record("the machine never comes to rest")
                return
            }
        } while self.machine.hasWork
    }

    private func run(_ effect: Effect) {
        self.effects.append(effect)
        switch effect {
        case .closeConnection(let key): self.client(key)?.isClosed = true
        case .shutdownConnection(let key): self.client(key)?.shutDown()
        case .pauseReading(let key): self.client(key)?.isPaused = true
        case .resumeReading(let key): self.client(key)?.isPaused = false
        case .spawnWorker(let key, let server): self.spawn(key, server)
        case .closeWorkerInput(let key): self.worker(key)?.isInputClosed = true
        case .signalWorker(let key, let signal): self.worker(key)?.signals.append(signal)
        case .closeWorker(let key): self.worker(key)?.isClosed = true
        case .pauseAccepting, .resumeAccepting, .stopListening, .ready, .stopping, .log, .exit, .rememberEra: break
        }
    }

    private func spawn(_ key: WorkerKey, _ server: Int) {
        self.nextProcess += 1
        let worker = RigWorker(self, key, server, process: self.nextProcess)
        self.workers.append(worker)
        switch self.spawning {
        case .atOnce: worker.spawned()
        case .byHand: break
        case .failing(let errno):
            self.machine.workerExited(key, .notStarted(errno), at: self.now)
        }
    }

    private func client(_ key: ConnectionKey) -> RigClient? { self.clients.last { $0.key == key && !$0.isClosed } }

    private func worker(_ key: WorkerKey) -> RigWorker? { self.workers.last { $0.key == key } }

    // MARK: People

    /// A new connection. Nil when the machine does not take it.
    func connectIfPossible(from peer: PeerAddress = .loopback, credential: Bool = false) -> RigClient? {
        guard let key = self.machine.connectionOpened(peer: peer, requiresCredential: credential, at: self.now) else {
            self.settle()
            return nil
        }
        let client = RigClient(self, key)
        self.clients.append(client)
        self.settle()
        return client
    }

    /// The client on our own stdin and stdout.
    func standardStreams() throws -> RigClient {
        let opened = self.machine.standardStreamsOpened(at: self.now)
        let key = try #require(opened)
        let client = RigClient(self, key)
        self.clients.append(client)
        self.settle()
        return client
    }

    func connect(from peer: PeerAddress = .loopback, credential: Bool = false) throws -> RigClient {
        try #require(self.connectIfPossible(from: peer, credential: credential), "the connection was not taken")
    }

    /// The newest worker.
    var worker: RigWorker {
        get throws { try #require(self.workers.last) }
    }

    /// As after a list of tools without rules for header fields.
    func knowsTools() { self.machine.servers[0].toolRules.completeSince = self.now }

    func drain() {
        self.machine.drainRequested(at: self.now)
        self.settle()
    }

    var exitStatus: Int32? {
        for case .exit(let status) in self.effects { return status }
        return nil
    }

    // Tables own their storage, so expectations cannot hold them.
    var callCount: Int { self.machine.calls.count }
    var connectionCount: Int { self.machine.connections.count }
    var workerCount: Int { self.machine.workers.count }
    var sessionCount: Int { self.machine.sessions.count }
    var duplexCount: Int { self.machine.duplexes.keys.count }

    func count(_ effect: Effect) -> Int { self.effects.filter { $0 == effect }.count }

    func logged(_ message: StaticString) -> Bool {
        self.effects.contains {
            if case .log(let event) = $0 { event.message == StaticName(message) } else { false }
        }
    }
}

extension PeerAddress {
    static let loopback = PeerAddress(network: 0x7F00_0001)
    static let distant = PeerAddress(network: 0xC633_6401)
}
