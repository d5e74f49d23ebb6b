import Base
import MCP
import Wire

/// Probes: workers that are started to see in which era their server is to be spoken to, and verdicts that prove wrong.
extension Supervisor {
    /// The process is there: asks it.
    mutating func askEra(_ key: WorkerKey, at now: Instant) {
        let server = self.workers[key].server
        self.workers[key].state = .probing
        self.workers[key].deadline = self.servers[server].eraProbe.asked(at: now)
        self.timers.add(.worker(key), at: self.workers[key].deadline)
        self.sendHandshake(key, .modern)
    }

    /// The probe wrote something.
    mutating func probeSpoke(_ key: WorkerKey, at now: Instant) {
        guard let later = self.servers[self.workers[key].server].eraProbe.spoke(at: now) else { return }
        self.workers[key].deadline = later
        self.timers.add(.worker(key), at: later)
    }

    /// The probe answered something.
    mutating func probeAnswered(_ key: WorkerKey, _ envelope: JSONRPCEnvelope, _ line: Span<UInt8>, at now: Instant) {
        // An error may have no id: a server that cannot read the request does not know it.
        if let id = envelope.id, jsonKind(line, id) != .null, JSONNumber.int64(line, id) != Handshake.id { return }
        let reaction = EraProbe.Reaction(envelope, self.workerScanner.members, line)
        guard self.eraShown(key, reaction, at: now) else { return }
        self.workers[key].role = .serving
        self.workers[key].state = .handshaking
        self.handshakeAnswered(key, envelope, line, at: now)
    }

    /// True: the process is the worker now, and its answer that of the handshake.
    @discardableResult
    mutating func eraShown(_ key: WorkerKey, _ reaction: EraProbe.Reaction, at now: Instant) -> Bool {
        let server = self.workers[key].server
        let decision = self.servers[server].eraProbe.reacted(reaction)
        switch decision {
        case .adopt: break
        case .askAgain:
            self.workers[key].deadline = self.servers[server].eraProbe.asked(at: now)
            self.timers.add(.worker(key), at: self.workers[key].deadline)
            self.sendHandshake(key, .modern)
            return false
        case .replace: self.discard(key, at: now)
        }
        self.log(
            .info, "found out the era of a server",
            [
                .text("server", self.servers[server].name), .text("era", self.servers[server].era.name),
                .text("by", reaction.name), .milliseconds("probeMs", now - self.workers[key].startedAt),
            ])
        return decision == .adopt
    }

    /// Ends a worker that is no use as it is; the next one follows at once.
    private mutating func discard(_ key: WorkerKey, at now: Instant) {
        self.workers[key].role = .discarded
        if case .stopping = self.workers[key].state { return }
        self.stopWorker(key, step: .inputClosed, at: now)
    }

    /// A probe, or a worker that was found to be spoken to in the wrong way, is gone.
    mutating func probeEnded(_ worker: Worker, _ exit: WorkerExit, at now: Instant) {
        let server = worker.server
        var isStarted = true
        if case .notStarted = exit { isStarted = false }
        if worker.role == .probe {
            // An end that is our doing shows nothing.
            if !isStarted || worker.isRetiring || self.isDraining { self.servers[server].eraProbe.abandoned() }
            if case .probing = self.servers[server].eraProbe.state {
                _ = self.servers[server].eraProbe.reacted(.ended)
                self.log(
                    .info, "found out the era of a server",
                    [
                        .text("server", self.servers[server].name), .text("era", self.servers[server].era.name),
                        .text("by", EraProbe.Reaction.ended.name), .text("exit", exit.description),
                    ])
            }
        }
        guard !self.isDraining else { return self.failQueue(server, "the supervisor is shutting down", at: now) }
        // What could not be started counts as any other worker that could not.
        guard isStarted else { return self.planRestart(server, worker, exit, at: now) }
        self.startWorker(server, at: now)
    }

    // MARK: Verdicts

    /// A worker did not take the handshake of its era. True: it is probed again, and this worker ends.
    mutating func eraRefuted(_ key: WorkerKey, hasAnswered: Bool, at now: Instant) -> Bool {
        guard self.refuteEra(self.workers[key].server, hasAnswered: hasAnswered) else { return false }
        self.discard(key, at: now)
        return true
    }

    @discardableResult
    mutating func refuteEra(_ server: Int, hasAnswered: Bool) -> Bool {
        let era = self.servers[server].era
        guard self.servers[server].eraProbe.refuted(hasAnswered: hasAnswered) == .probeAgain else { return false }
        self.log(
            .warning, "a server does not speak as it was found to; it is probed again",
            [.text("server", self.servers[server].name), .text("era", era.name)])
        self.effects.append(.rememberEra(server: self.servers[server].definition, nil))
        return true
    }

    mutating func eraConfirmed(_ server: Int) {
        let until = self.wallSeconds + Int64(self.configuration.eraKept.wholeSeconds)
        guard case .remember(let era) = self.servers[server].eraProbe.confirmed(until: until) else { return }
        self.effects.append(.rememberEra(server: self.servers[server].definition, RememberedEra(era: era, until: until)))
    }

    // MARK: Calls that waited

    /// A request that came before anything was known of its worker: it is written for the worker that is there now.
    mutating func writeHeld(_ key: CallKey) {
        let message = self.calls[key].line
        guard let envelope = try? self.scanner.scan(message.span), let request = self.read(envelope, message.span) else {
            preconditionFailure("a message that was read before")
        }
        let rewrite = self.rewrite(for: key)
        self.keep(key, request, message.span)
        self.servers[self.calls[key].server].queuedBytes -= message.count
        self.calls[key].line = []
        rewrite.append(request, message.span, to: &self.calls[key].line)
        self.calls[key].isHeld = false
        self.servers[self.calls[key].server].queuedBytes += self.calls[key].line.count
    }

    /// It is known now that clients that differ in what they can do need workers of their own: moves waiting calls there.
    mutating func spreadQueue(_ server: Int, at now: Instant) {
        guard self.servers[server].era == .legacy, self.servers[server].definition == server else { return }
        var waiting = Queue<CallKey>()
        swap(&waiting, &self.servers[server].queue)
        while let key = waiting.popFirst() {  // Bound: `workers.queueMax`.
            var target = server
            if let call = self.calls.find(key), call.isHeld, call.session == nil {
                target = self.variant(of: server, for: call.capabilities, at: now)
                if self.servers[target].queue.count >= self.servers[target].configuration.workers.queueMax
                    || self.servers[target].restart.refusesCalls
                {
                    target = server
                }
            }
            self.servers[target].queue.append(key)
            guard target != server else { continue }
            self.servers[server].queuedBytes -= self.calls[key].line.count
            self.servers[target].queuedBytes += self.calls[key].line.count
            self.calls[key].server = target
            self.pumpQueue(target, at: now)
        }
    }
}

extension Revision.Era {
    /// For the log.
    var name: String {
        switch self {
        case .legacy: "legacy"
        case .modern: "modern"
        }
    }
}

extension EraProbe.Reaction {
    /// What an answer to `server/discover` shows. `members` are those of the result.
    init(_ envelope: JSONRPCEnvelope, _ members: JSONMembers, _ bytes: Span<UInt8>) {
        switch envelope.kind {
        case .result:
            let isModern =
                members.value("supportedVersions", in: bytes).map { Handshake.names(.latestModern, bytes, $0) } ?? false
            self = isModern ? .discovered : .refused
        case .error: self = Self.supported(envelope, bytes).map { .unsupported($0) } ?? .refused
        case .request, .notification: preconditionFailure("a \(envelope.kind) is no answer")
        }
    }

    /// What error -32022 says is supported; nil for any other error.
    private static func supported(_ envelope: JSONRPCEnvelope, _ bytes: Span<UInt8>) -> EraProbe.Supported? {
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        guard let error = envelope.error, jsonKind(bytes, error) == .object,
            (try? scanner.scanObject(bytes, at: error, into: &members)) != nil,
            let code = members.value("code", in: bytes),
            JSONNumber.int64(bytes, code) == ErrorCode.unsupportedProtocolVersion.rawValue,
            let data = members.value("data", in: bytes), jsonKind(bytes, data) == .object,
            (try? scanner.scanObject(bytes, at: data, into: &members)) != nil,
            let supported = members.value("supported", in: bytes), jsonKind(bytes, supported) == .array
        else { return nil }
        if Handshake.names(.latestModern, bytes, supported) { return .ours }
        return Revision.legacy.contains { Handshake.names($0, bytes, supported) } ? .legacyOnly : .unknown
    }

    var name: String {
        switch self {
        case .discovered: "a discovery result"
        case .unsupported: "the revisions it supports"
        case .refused: "an answer that is none of 2026-07-28"
        case .ended: "its end"
        case .silent: "silence"
        }
    }
}
