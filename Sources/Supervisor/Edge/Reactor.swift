import Base
import Linux
import SupervisorCore

/// One thread, one epoll: reads events, tells the machine, runs its effects, writes its bytes.
///
/// A turn: wait; read every ready descriptor once; run the effects; write each dirty worker and each dirty connection once, so that
/// all answers of a turn to one client and all calls of a turn to one worker are one system call each.
struct Reactor: ~Copyable {
    var supervisor: Supervisor
    let epoll: Epoll
    let signals: SignalFD
    var log: LogWriter
    var listeners: [Listener]
    var sockets = SocketTable()
    /// The client on our own stdin and stdout.
    var standardStreams: StandardStreams?
    var standardPair: StandardStreamPair?
    var processes: [WorkerProcess?] = []
    let command: WorkerCommand
    let configuration: Configuration
    /// The eras of servers, for the supervisors after this one.
    let eras: EraMemory
    /// Told once, when clients may come.
    let announceReady: () -> Void

    private var events = Epoll.Buffer(capacity: 256)
    /// Shared by all reads: no descriptor owns a read buffer.
    var readBuffer = [UInt8](repeating: 0, count: 64 << 10)
    private var dirtyConnections: [ConnectionKey] = []
    private var dirtyWorkers: [WorkerKey] = []
    var now: Instant
    private var wallSecond: Int64 = 0
    private var exitStatus: Int32?
    /// The machine wants no more connections for now.
    var isAcceptingPaused = false
    /// Accepting failed, for example because descriptors ran out; tried again then.
    var acceptAgainAt: Instant?
    /// In a row.
    var acceptFailures = 0
    /// Until when unknown children are orphans of a guard; nil while no guard has ended.
    var orphansUntil: Instant?
    /// Bound: what whoever started us had; it only shrinks.
    var inheritedChildren: Set<Int32> = []

    /// How soon a full stderr is tried again; nothing tells when there is room in it.
    private static var logRetry: Interval { .milliseconds(100) }

    struct Listener {
        var descriptor: FileDescriptor?
        let requiresCredential: Bool
        /// The file of a Unix socket that we made.
        var path: String?
        /// Whether it is in the epoll.
        var isWatched = false
    }

    init(
        _ supervisor: consuming Supervisor, configuration: Configuration, listeners: [Listener], command: WorkerCommand,
        eras: EraMemory, epoll: consuming Epoll, signals: consuming SignalFD, log: consuming LogWriter, now: Instant,
        announceReady: @escaping () -> Void
    ) {
        self.supervisor = supervisor
        self.configuration = configuration
        self.listeners = listeners
        self.command = command
        self.eras = eras
        self.signals = signals
        self.log = log
        self.announceReady = announceReady
        self.epoll = epoll
        self.now = now
    }

    /// Runs until the machine says exit.
    mutating func run() throws(SystemError) -> ExitCode {
        try self.epoll.add(self.signals.descriptor, .readable, data: Token(.signal).word)
        self.rememberInheritedChildren()
        self.updateListeners()
        self.supervisor.start(at: self.now)
        self.settle()
        while self.exitStatus == nil {
            var deadline = self.supervisor.nextDeadline
            if self.log.hasPending { deadline = Swift.min(self.now + Self.logRetry, deadline ?? .distantFuture) }
            if let again = self.acceptAgainAt { deadline = Swift.min(again, deadline ?? again) }
            // A plain file is always ready, and no epoll says so.
            if self.readsPlainFile { deadline = self.now }
            try self.epoll.wait(into: &self.events, until: deadline)
            self.now = SystemClock.now()
            self.tellWallClock()
            self.handleEvents()
            // More may have come meanwhile. Answers and calls that are written together cost one system call, so look once more.
            if self.events.count > 1, try self.epoll.wait(into: &self.events, timeout: .zero) > 0 { self.handleEvents() }
            if self.readsPlainFile { self.readStandardInput() }
            self.supervisor.timersDue(at: self.now)
            if let again = self.acceptAgainAt, again <= self.now {
                self.acceptAgainAt = nil
                self.updateListeners()
            }
            self.settle()
            if self.log.hasPending { self.log.flush() }
        }
        self.endOrphans()
        return self.exitStatus.flatMap { ExitCode(rawValue: $0) } ?? .software
    }

    private mutating func handleEvents() {
        for index in 0..<self.events.count {
            let event = self.events[index]
            guard let token = Token(word: event.data) else { continue }
            self.handle(token, event.events)
        }
    }

    private mutating func tellWallClock() {
        let second = SystemClock.wallSeconds()
        guard second != self.wallSecond else { return }
        self.wallSecond = second
        self.supervisor.wallClock(secondsSince1970: second)
    }

    private mutating func handle(_ token: Token, _ events: Epoll.Events) {
        switch token.kind {
        case .connection: self.connectionReady(token, events)
        case .workerOutput: self.workerOutputReady(token, events)
        case .workerInput: self.workerInputReady(token, events)
        case .workerErrors: self.workerErrorsReady(token)
        case .workerExit: self.workerEnded(token)
        case .listener: self.accept(Int(token.key.slot))
        case .signal: self.signalled()
        case .standardInput: self.readStandardInput()
        case .standardOutput: self.standardOutputReady(events)
        }
    }

    private mutating func signalled() {
        // Bound: a signal set holds each signal once.
        while let delivery = (try? self.signals.read()) ?? nil {
            switch delivery.signal {
            case .terminate, .interrupt: self.supervisor.drainRequested(at: self.now)
            case .quit:
                // As fast as it goes in order: the first drains, the second shortens, the third leaves nothing.
                for _ in 0..<3 { self.supervisor.drainRequested(at: self.now) }
            case .child: self.sweepChildren()
            case .hangup: self.ignoreSignal("SIGHUP", "reload is not available yet; the signal changed nothing")
            case .user2: self.ignoreSignal("SIGUSR2", "upgrade is not available yet; the signal changed nothing")
            case .user1: self.ignoreSignal("SIGUSR1", "reopening log files is not available yet; the signal changed nothing")
            default: break  // Expected: nothing else is blocked, so nothing else is delivered here.
            }
        }
    }

    /// Whoever sent it learns that it came and that nothing follows. By default each of these signals kills.
    private mutating func ignoreSignal(_ name: String, _ message: StaticString) {
        self.log.write(LogEvent(.warning, message, [.text("signal", name)]))
    }

    /// Effects and output until nothing is left to do in this turn.
    private mutating func settle() {
        repeat {
            for effect in self.supervisor.takeEffects() { self.run(effect) }
            self.supervisor.takeDirtyWorkers(into: &self.dirtyWorkers)
            for key in self.dirtyWorkers { self.writeWorker(key) }
            self.supervisor.takeDirtyConnections(into: &self.dirtyConnections)
            for key in self.dirtyConnections { self.writeConnection(key) }
        } while self.supervisor.hasWork  // Bound: every round writes output or runs effects, and these end.
    }

    private mutating func run(_ effect: Effect) {
        switch effect {
        case .closeConnection(let key): self.closeConnection(key)
        case .shutdownConnection(let key): self.shutDownConnection(key)
        case .pauseReading(let key):
            // What the client still sends can wait, but not that it has gone.
            self.setInterest(key, adding: .readHangup, removing: .readable)
        case .resumeReading(let key): self.setInterest(key, adding: .readable, removing: .readHangup)
        case .pauseAccepting: self.pauseAccepting()
        case .resumeAccepting: self.resumeAccepting()
        case .stopListening: self.stopListening()
        case .spawnWorker(let key, let server): self.spawnWorker(key, server)
        case .closeWorkerInput(let key): self.closeWorkerInput(key)
        case .signalWorker(let key, let signal): self.signalWorker(key, signal)
        case .closeWorker(let key): self.closeWorker(key)
        case .rememberEra(let server, let era): self.rememberEra(server, era)
        case .ready:
            _ = try? ServiceManager.notify(.ready, .status("ready"))
            self.announceReady()
        case .stopping(let longest): _ = try? ServiceManager.notify(.stopping, .status("draining"), .extendTimeout(longest))
        case .log(let event): self.log.write(event)
        case .exit(let status): self.exitStatus = status
        }
    }
}
