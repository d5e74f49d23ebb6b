public import Base
import MCP
import Wire

/// The supervisor as one deterministic machine: what the kernel tells comes in through the methods below, together with `now`;
/// what must be done comes out as `effects` and as bytes in the output buffers of dirty connections and workers.
///
///     bytesReceived, inputEnded, connectionLost, outputWritten   a client's socket
///     workerSpawned, workerBytes, workerOutputEnded, workerInputWritten, workerExited   a worker's channel and process
///     timersDue   after every wait;  drainRequested   SIGTERM, SIGINT
///
/// It reads no clock, draws no randomness and touches no descriptor, so the simulator runs this same code. Methods may be called
/// late or for keys that are gone: the kernel's news is always older than our decisions.
public struct Supervisor: ~Copyable {
    let configuration: Configuration
    let access: AccessPolicy
    let routes: RouteTable
    var connections: SlotMap<Connection>
    var sessions: SessionTable
    var duplexes: DuplexTable
    /// The client on our own stdin and stdout, if that is how we were started.
    var standardStreams: ConnectionKey?
    /// The streams that follow the progress of an operation.
    var operations: [Operation: ConnectionKey] = [:]
    var calls: SlotMap<Call>
    /// Of calls that can be asked for input in the middle.
    var inputs = InputTable()
    var asks: SlotMap<Ask>
    /// Calls whose modern clients have been told to come back, by the id in their states. Bound: `parkedCalls`.
    var parked: [RequestState.CallID: CallKey] = [:]
    var subscriptions: SubscriptionTable
    /// Bound: the calls that wait for subscriptions.
    var pendingListens: [CallKey: PendingListen] = [:]
    /// Bound: `workers.queue` of each server.
    var heldCalls: [CallKey: HeldCall] = [:]
    /// Tells cursors of this start from those of an earlier one.
    let cursorSalt: UInt64
    /// `subscriptions/listen` so far, and requests of our own to workers.
    var listenCount: UInt64 = 0
    var ownRequests: Int64 = 0
    /// Workers at which something else is to be listened to than before. Bound: what one event can change.
    var staleListens: [WorkerKey] = []
    let sealing: Sealing
    var workers: SlotMap<Worker>
    var servers: [Server]
    var timers = DeadlineHeap<Timer>()
    var lifecycle: Lifecycle = .starting
    var spawnBudget: SpawnBudget
    /// Source of session ids: unguessable bits in production, a seed's in the simulator.
    let unguessable: any SessionIDSource
    /// Jitter, and which newcomers are dropped. Nothing that must not be guessed.
    var jitter: PRNG

    /// What must be done, in order. The driver empties it.
    public internal(set) var effects: [Effect] = []
    /// Connections and workers with output that arose since the driver last emptied these lists.
    public internal(set) var dirtyConnections: [ConnectionKey] = []
    public internal(set) var dirtyWorkers: [WorkerKey] = []
    /// Connections that have buffered requests and have just become free to answer them.
    var resumable: [ConnectionKey] = []

    let httpLimits: HTTPLimits
    // Reused, so that the hot path allocates nothing.
    var scanner: JSONRPCScanner
    var workerScanner: JSONRPCScanner
    var metaScanner: JSONScanner
    var metaMembers = JSONMembers()
    var scratch: [UInt8] = []
    /// Empty output buffers with capacity. Bound: `spareBuffersMax` of at most `spareBufferBytesMax`.
    var spareBuffers: [[UInt8]] = []

    /// What the event logs of all sessions hold.
    var eventBudget: EventBudget

    var connectionTimers = SlotTimers()
    var sessionTimers = SlotTimers()
    var orphanTimers = SlotTimers()
    /// Connections by source, for `connectionsPerSource`.
    var sources: SourceCounts
    /// Connections that must show a key and have shown none.
    var newcomers: Newcomers
    /// What failed authentications cost their source.
    var penalties: SourcePenalties<PeerAddress>
    var counters = Counters()
    var startedAt: Instant
    var isAcceptingPaused = false
    /// For the expiry of keys.
    var wallSeconds: Int64 = 0
    /// IMF-fixdate of the current second (RFC 9110 5.6.7), for the Date field.
    var date: [UInt8] = []

    enum Lifecycle: Equatable {
        /// Until the default server's first worker is ready.
        case starting
        case serving
        /// No new work. At the deadline whatever still runs is answered with an error.
        case draining(deadline: Instant, signals: Int)
        case stopped
    }

    enum Timer: Equatable {
        case connection(slot: UInt32, armed: Instant)
        case call(slot: UInt32, armed: Instant)
        case session(slot: UInt32, armed: Instant)
        case worker(WorkerKey)
        case restart(server: Int)
        case input(CallKey)
        case tools(server: Int)
        case inputProgress(CallKey)
        case variant(server: Int)
        case drain
    }

    /// Bytes of further requests that are read while one is being answered; the rest waits in the kernel.
    static let pipelineBytesMax = 64 << 10
    /// Bytes that may wait for a worker's stdin; beyond it calls stay in the queue.
    static let workerBacklogBytesMax = 1 << 20
    /// How long a peer has to close its side after we closed ours.
    static let lingerTimeout = Interval.seconds(2)
    static let spareBuffersMax = 256
    static let spareBufferBytesMax = 64 << 10

    /// `unguessable` must draw 128 bits of a cryptographic source in production. `seed` only feeds `jitter`. `eras`: by server, what
    /// an earlier supervisor asked to be remembered and what has not expired.
    public init(
        _ configuration: Configuration, access: AccessPolicy, seed: UInt64, unguessable: @escaping () -> SessionID,
        sealing: Sealing, eras: [RememberedEra?] = [], now: Instant
    ) {
        let limits = configuration.limits
        self.configuration = configuration
        self.access = access
        self.routes = RouteTable(servers: configuration.servers.map(\.name), defaultServer: configuration.defaultServer)
        self.connections = SlotMap(capacity: limits.connections)
        self.sessions = SessionTable(capacity: limits.sessions)
        self.duplexes = DuplexTable(capacity: limits.connections)
        self.calls = SlotMap(capacity: Swift.min(limits.calls, WireID.callsMax))
        self.cursorSalt = seed
        self.subscriptions = SubscriptionTable(
            definitions: configuration.servers.count, perServerMax: limits.subscriptionsPerServer)
        self.asks = SlotMap(capacity: Ask.countMax)
        self.sealing = sealing
        self.workers = SlotMap(capacity: configuration.servers.count * Server.variantsMax)
        self.spawnBudget = SpawnBudget(limits: configuration.spawn, now: now)
        self.servers = configuration.servers.enumerated().map {
            Server($1, definition: $0, restart: RestartPolicy(limits: configuration.restart))
        }
        for (server, known) in eras.enumerated() {
            if let known, server < self.servers.count { self.servers[server].eraProbe.remembered(known.era, until: known.until) }
        }
        self.unguessable = DrawnSessionIDs(draw: unguessable)
        self.jitter = PRNG(seed: seed)
        self.httpLimits = limits.http
        self.scanner = JSONRPCScanner(limits: limits.clientJSON.limits, readsMeta: true)
        self.workerScanner = JSONRPCScanner(limits: limits.workerJSON.limits)
        self.metaScanner = JSONScanner(limits: limits.clientJSON.limits)
        self.sources = SourceCounts(max: limits.connectionsPerSource)
        self.newcomers = Newcomers(limits: limits.newcomers)
        self.penalties = SourcePenalties(limits: configuration.authentication.penalties)
        self.eventBudget = EventBudget(bytesMax: limits.eventBytesTotal)
        self.startedAt = now
    }

    /// When `timersDue` should be called next; nil while nothing is pending.
    public var nextDeadline: Instant? { self.timers.next }

    public var hasStopped: Bool { self.lifecycle == .stopped }

    /// Starts one worker for each server. Called once.
    public mutating func start(at now: Instant) {
        for server in self.servers.indices { self.startWorker(server, at: now) }
    }

    /// Effects or output that the driver has not taken yet.
    public var hasWork: Bool { !self.effects.isEmpty || !self.dirtyWorkers.isEmpty || !self.dirtyConnections.isEmpty }

    public func hasOutput(_ key: ConnectionKey) -> Bool {
        self.connections.contains(key) && self.connections[key].unsentBytes > 0
    }

    public func hasOutput(worker key: WorkerKey) -> Bool { self.workers.contains(key) && self.workers[key].unsentBytes > 0 }

    /// The effects since the last call, in order.
    public mutating func takeEffects() -> [Effect] {
        var taken: [Effect] = []
        swap(&taken, &self.effects)
        return taken
    }

    /// Once in a second of the wall clock, from the driver: the Date of every response until the next call.
    public mutating func wallClock(secondsSince1970: Int64) {
        self.wallSeconds = secondsSince1970
        self.date.removeAll(keepingCapacity: true)
        HTTPDate.append(unixSeconds: secondsSince1970, to: &self.date)
    }

    mutating func log(_ level: LogEvent.Level, _ message: StaticString, _ fields: [LogEvent.Field] = []) {
        self.effects.append(.log(LogEvent(level, message, fields)))
    }
}

/// Sums since the start. Only ever grow.
struct Counters: Equatable, Sendable {
    var requests: UInt64 = 0
    var callsAnswered: UInt64 = 0
    /// Answers of workers to no call of theirs: late after a cancel, repeated, or invented.
    var strayAnswers: UInt64 = 0
    /// Notifications that could not be attributed or whose stream was too slow.
    var droppedNotifications: UInt64 = 0
    /// Requests of workers that could not be attributed to a call.
    var unattributed: UInt64 = 0
}

/// Where session ids come from.
///
/// An existential on purpose: a value that holds one lives in memory only. Otherwise the compiler takes `Supervisor` for something
/// that fits into registers, and copies all of it (1.6 KB) to the stack for many a call of a method that only reads.
protocol SessionIDSource {
    func next() -> SessionID
}

private struct DrawnSessionIDs: SessionIDSource {
    let draw: () -> SessionID
    func next() -> SessionID { self.draw() }
}
