import Base
import SupervisorCore
import Wire

/// The program inside a worker process: a stdio MCP server of either era that answers in any order and, where faults are on, does
/// everything that a bad one does.
final class SimWorker {
    enum Job {
        case handshake
        case progress(Int64)
        case log(Int64)
        case answer(Int64, isError: Bool)
        /// To a call that was cancelled, or that had its answer already.
        case rawAnswer(Int64)
        case listChanged
        case ask
        case question(Int64, waits: Bool)
        case exit(Int32)
        case signal(Int32)
    }

    struct Call {
        let nonce: Int
        let arguments: [UInt8]
        let isList: Bool
        let wantsProgress: Bool
        var cancelledAt: Instant?
        var progress = 0
    }

    let process: SimProcess
    unowned let world: Simulation
    /// What kind of program it is.
    enum Manner: String {
        /// Ours, which speaks the modern era and says which call a log message belongs to.
        case builtin
        case modern
        /// It answers a request before `initialize` with an error.
        case legacy
        /// It ends at one.
        case deadly
        /// It never answers one.
        case silent

        init(_ kind: ServerConfiguration.Kind) {
            switch kind {
            case .sql: self = .builtin
            case .command(let command): self = command.arguments.first.flatMap { Self(rawValue: $0) } ?? .legacy
            }
        }
    }

    let manner: Manner
    var isBuiltin: Bool { self.manner == .builtin }
    var isModern: Bool { self.manner == .builtin || self.manner == .modern }
    var random: PRNG
    private var inbox: [UInt8] = []
    /// Written and not yet taken by the pipe.
    var outbox: [UInt8] = []
    var jobs = DeadlineHeap<Job>()
    /// Read and not answered.
    var calls: [Int64: Call] = [:]
    var answered: [Int64: Call] = [:]
    /// It was asleep for so long that it may not have read which calls were cancelled: it writes no more log messages without a
    /// name, since the supervisor reckons with those of cancelled calls only for a while.
    var isLogless = false
    private var isFrozenUntil: Instant?
    private var isDeafToEnd = false
    private var isDeafToTerminate = false
    private var sawEnd = false
    /// What it answers the handshake with.
    var greeting: Greeting = .good
    var wakeAt = Instant.distantFuture
    var asked = 0
    /// It was told that its clients can answer.
    var mayAsk = false
    /// Asked and not answered: the call that waits for it, or 0.
    var openQuestions: [String: Int64] = [:]
    /// Asked and then not wanted any more: an answer may have crossed that.
    var takenBack: Set<String> = []

    enum Greeting {
        case good, error, malformed, oldRevision
        /// None.
        case mute
    }

    init(_ process: SimProcess, world: Simulation, manner: Manner, random: PRNG) {
        self.process = process
        self.world = world
        self.manner = manner
        self.random = random
        let faults = world.faults
        self.isDeafToEnd = self.random.permille(faults.ignoresEnd)
        self.isDeafToTerminate = self.random.permille(faults.ignoresTerminate)
        if self.random.permille(faults.badHandshake) { self.greeting = self.random.one(of: [.error, .malformed, .oldRevision]) }
        if self.random.permille(faults.muteHandshake) { self.greeting = .mute }
        if self.random.permille(faults.exitBeforeHandshake) {
            self.add(.exit(self.random.one(of: [0, 1, 3, 127])), after: .microseconds(1) ... .milliseconds(30))
        }
        if self.random.permille(faults.fatalExit) {
            self.add(.exit(self.random.one(of: [2, 78])), after: .microseconds(1) ... .milliseconds(300))
        }
    }

    func add(_ job: Job, after range: ClosedRange<Interval>) {
        self.jobs.add(job, at: self.world.now + self.random.interval(range))
    }

    // MARK: Turns

    /// Runs at every wake; returns when it wants the next one, unless the kernel has news before.
    func step() -> Instant {
        guard self.process.isAlive else { return .distantFuture }
        if let until = self.isFrozenUntil {
            guard until <= self.world.now || self.world.isHealed else { return until }
            self.isFrozenUntil = nil
        }
        self.read()
        while self.process.isAlive, self.isFrozenUntil == nil, let job = self.jobs.popDue(at: self.world.now) { self.run(job) }
        self.flush()
        guard self.process.isAlive else { return .distantFuture }
        if self.process.inputEnded, self.process.input.isEmpty, !self.sawEnd {
            self.sawEnd = true
            if !self.isDeafToEnd || self.world.isHealed { self.add(.exit(0), after: .microseconds(50) ... .milliseconds(5)) }
        }
        var next = self.isFrozenUntil ?? self.jobs.next ?? .distantFuture
        if !self.process.input.isEmpty || !self.outbox.isEmpty && self.process.output.room > 0 {
            next = Swift.min(next, self.world.now + .microseconds(20))
        }
        return next
    }

    private func read() {
        let limit = self.random.permille(self.world.faults.torn) ? self.random.size(1...300) : 64 << 10
        let bytes = self.process.input.take(limit)
        guard !bytes.isEmpty else { return }
        self.inbox += bytes
        var start = 0
        while let end = self.inbox[start...].firstIndex(of: 0x0A) {  // Bound: the bytes read.
            self.line(Array(self.inbox[start..<end]))
            start = end + 1
            guard self.process.isAlive else { return }
        }
        self.inbox.removeSubrange(0..<start)
    }

    private func flush() {
        guard !self.process.outputClosed else { return self.outbox.removeAll() }
        guard !self.outbox.isEmpty else { return }
        var limit = self.outbox.count
        if self.random.permille(self.world.faults.torn) { limit = self.random.size(1...limit) }
        let sent = self.process.output.put(self.outbox.span.extracting(0..<limit))
        self.outbox.removeSubrange(0..<sent)
    }

    func write(_ text: String) { self.outbox += Array(text.utf8) + [0x0A] }

    // MARK: Ends

    /// Some of what it has written may still get out, up to any byte.
    func die(_ exit: WorkerExit) {
        guard self.process.isAlive else { return }
        if !self.outbox.isEmpty, !self.process.outputClosed {
            let cut = self.random.below(self.outbox.count + 1)
            _ = self.process.output.put(self.outbox.span.extracting(0..<cut))
        }
        self.process.die(exit)
        self.world.trace.add("died", at: self.world.now, Int(self.process.pid), -1, exit.description)
    }

    func signalled(_ signal: WorkerSignal) {
        switch signal {
        case .kill: self.die(.signalled(9))
        case .terminate:
            if self.isDeafToTerminate && !self.world.isHealed { return }
            self.isFrozenUntil = nil
            self.add(.signal(15), after: .microseconds(10) ... .milliseconds(3))
        }
    }

    private func run(_ job: Job) {
        switch job {
        case .handshake: self.greet()
        case .progress(let id): self.progress(id)
        case .log(let id): self.log(id)
        case .answer(let id, let isError): self.answer(id, isError: isError)
        case .rawAnswer(let id):
            // The first one may have been lost as too long; then this one counts.
            if let call = self.answered[id] { return self.writeResult(id, call) }
            self.write("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"late\":true}}")
        case .listChanged:
            let kind = self.random.one(of: ["tools", "prompts", "resources"])
            self.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(kind)/list_changed\"}")
        case .ask:
            self.asked += 1
            let method = self.random.one(of: ["ping", "roots/list", "sampling/createMessage"])
            self.openQuestions["q\(self.asked)"] = 0
            self.write("{\"jsonrpc\":\"2.0\",\"id\":\"q\(self.asked)\",\"method\":\"\(method)\",\"params\":{}}")
        case .question(let id, let waits): self.question(id, waits: waits)
        case .exit(let status): self.die(.exited(status))
        case .signal(let number): self.die(.signalled(number))
        }
    }

    // MARK: What goes wrong with each line

    /// True: the line is not acted on.
    func stumble() -> Bool {
        guard !self.world.isHealed else { return false }
        let faults = self.world.faults
        if self.random.permille(faults.crash) {
            self.world.statistics.crashes += 1
            self.die(self.random.flip() ? .signalled(11) : .exited(1))
            return true
        }
        if self.random.permille(faults.freeze) {
            self.isFrozenUntil = self.world.now + self.random.interval(.milliseconds(1) ... .seconds(10))
            self.isLogless = true
        }
        if self.random.permille(faults.closeOutput) { self.process.outputClosed = true }
        if !self.process.isSocket, self.random.permille(faults.closeInput) {
            self.process.inputClosed = true
            self.process.input.clear()
        }
        if self.random.permille(faults.junk) { self.writeJunk() }
        if self.random.permille(faults.strayAnswer) {
            // A low number may name a call that another client has in flight here. It was never asked of this worker, or is
            // answered before its time: the first cannot be tried with live numbers, so generations that are long gone are used.
            self.add(
                .rawAnswer(Int64(self.random.one(of: [0, -5, 7, 1 << 53, 1 << 52]))), after: .microseconds(1) ... .milliseconds(3)
            )
        }
        return self.random.permille(faults.hangCall)
    }

    private func writeJunk() {
        switch self.random.below(12) {
        case 0: self.write("Listening on stdio...")
        case 1: self.write("")
        case 2: self.outbox += [0xFF, 0xFE, 0x00, 0x0A]
        case 3: self.write("[]")
        case 4: self.write("{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}")
        case 5: self.write("{\"jsonrpc\":\"2.0\",\"id\":\"1048577\",\"result\":{}}")
        case 6: self.write(String(repeating: "z", count: self.random.size(1...20_000)))
        case 7:
            self.write(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":3,\"progress\":1}}")
        case 8:
            self.write(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"error\",\"data\":\"x\"}}\r")
        case 9: self.add(.listChanged, after: .microseconds(1) ... .milliseconds(3))
        case 10: self.add(.ask, after: .microseconds(1) ... .milliseconds(3))
        default: self.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unknown\",\"params\":{\"a\":[]}}")
        }
    }
}
