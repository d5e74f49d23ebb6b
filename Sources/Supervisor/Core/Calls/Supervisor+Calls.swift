import Base
import MCP
import Wire

/// From a checked request to the worker's channel.
extension Supervisor {
    /// Takes the request in or refuses it with a complete answer. Afterwards the connection waits for the call. One that `hasWaited`
    /// for what was needed to check it came before any drain.
    mutating func admit(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, purpose: Call.Purpose,
        revision: Revision, session: SessionKey?, capabilities: ClientCapabilities = [], level: LogLevel?,
        early: [InputAnswers.Answer] = [], hasWaited: Bool = false, at now: Instant
    ) {
        guard !self.isDraining || hasWaited else { return self.refuseDraining(key, request, message, at: now) }
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        let settings = self.servers[server].configuration.workers
        // A worker that has not said who it is within the time it has for that will not be waited for.
        let timeout = purpose == .forward ? settings.callTimeout : Swift.min(settings.callTimeout, settings.startTimeout)
        let deadline = now + timeout
        var call = Call(
            server: server, purpose: purpose, method: request.method, revision: revision, clientID: JSONLexeme(message, id),
            progressToken: request.metadata.progressToken.map { JSONLexeme(message, $0) }, session: session, connection: key,
            capabilities: capabilities, logLevel: level, resource: self.resource(request, message, revision), arrivedAt: now,
            deadline: deadline, lastDeadline: deadline)
        if purpose != .forward, self.servers[server].identity != nil { return self.answerFromHandshake(call, at: now) }
        let cursor = Cursor.range(request.method, request.params, message)
        if let cursor, !Cursor.hasTag(self.servers[server].cursorTag, message, cursor) {
            return self.refuse(key, request, message, 200, .invalidParams, Self.staleCursor, at: now)
        }
        call.hasCursor = cursor != nil
        if let (text, wait) = self.hindrance(server, call, byteCount: message.count, at: now) {
            return self.refuseUnavailable(key, request, message, text, retryAfter: wait, at: now)
        }
        if self.hasAllItsCalls(key, session) {
            return self.refuseBusySession(key, request, message, at: now)
        }
        let mayBeAsked = self.mayBeAsked(call)
        guard let callKey = self.calls.insert(consume call) else {
            return self.refuseUnavailable(key, request, message, "too many calls are running", retryAfter: .seconds(1), at: now)
        }
        if let session { self.sessions[session].calls.append(callKey) }
        self.occupy(key, callKey, at: now)
        if mayBeAsked { self.beginInputs(callKey, request, message, early) }
        if purpose == .forward {
            self.route(callKey, request, message, at: now)
        } else {
            self.servers[server].awaitingHandshake.append(callKey)
        }
    }

    private static let staleCursor = "the cursor is none of this server's, or of a process that has ended; start again without it"

    /// A new worker takes the place of one whose cursors it cannot know.
    mutating func failStaleCursors(_ server: Int, at now: Instant) {
        var stale: [CallKey] = []
        var queue = Queue<CallKey>()
        swap(&queue, &self.servers[server].queue)
        queue.removeAll { key in
            guard self.calls.find(key)?.hasCursor == true else { return false }
            stale.append(key)
            return true
        }
        swap(&queue, &self.servers[server].queue)
        for key in stale {
            let call = self.calls[key]
            self.forget(key)
            self.answer(call, .invalidParams, errorText: Self.staleCursor, data: Self.deliveredData(call), at: now)
        }
    }

    /// The connection waits for the call.
    mutating func occupy(_ key: ConnectionKey, _ call: CallKey, at now: Instant) {
        guard self.connections[key].isShared else {
            self.connections[key].phase = .waiting(call)
            return self.setDeadline(key, Swift.min(now + self.configuration.limits.keepAlive, self.calls[call].deadline))
        }
        // The connection's timer watches one call; each of these has its own.
        self.armOrphan(call, at: self.calls[call].deadline)
        if let stream = self.connections[key].carried { self.calls[call].stream = stream.number }
        if case .duplex(let duplex) = self.connections[key].phase { self.duplexes[duplex].calls.append(call) }
    }

    /// Whether the call's server may ask its client for input in a form that needs the request to be kept.
    private func mayBeAsked(_ call: Call) -> Bool {
        call.purpose == .forward && call.method.mayRequireInput && !call.capabilities.isEmpty
            && (call.revision.era == .modern || self.servers[call.server].era == .modern)
    }

    /// Whether the client has as many calls running as one session, or one connection of many messages, may have.
    func hasAllItsCalls(_ key: ConnectionKey, _ session: SessionKey?) -> Bool {
        let most = self.configuration.limits.callsPerSession
        if let session, self.sessions[session].calls.count >= most { return true }
        guard case .duplex(let duplex) = self.connections[key].phase else { return false }
        return self.duplexes[duplex].calls.count >= most
    }

    /// Progress moves a call's deadline, at most to this many times the time-out.
    static let progressExtensionMax: Int64 = 10

    /// Why the server can take no further call, and when to ask again.
    private func hindrance(
        _ server: Int, _ call: Call, byteCount: Int, at now: Instant
    ) -> (text: String, retryAfter: Interval)? {
        if self.servers[server].restart.refusesCalls {
            let wait = self.servers[server].restart.retryAfter(at: now) ?? .seconds(1)
            return (self.servers[server].whyRefused, wait)
        }
        guard call.purpose == .forward else { return nil }
        let settings = self.servers[server].configuration.workers
        let mustWait = self.workerAtOnce(server, call.method) == nil
        if mustWait && self.servers[server].queue.count >= settings.queueMax {
            return ("too many calls are waiting", .seconds(1))
        }
        let unsent = self.servers[server].worker.map { self.workers[$0].unsentBytes } ?? 0
        let waiting = self.servers[server].queuedBytes + unsent
        // A call that goes straight into an empty channel fits, however large it may be.
        if mustWait || waiting > 0, waiting + byteCount > settings.queueBytesMax {
            return ("too many bytes are waiting", .seconds(1))
        }
        return nil
    }

    private func resource(_ request: IncomingRequest, _ message: Span<UInt8>, _ revision: Revision) -> [UInt8] {
        guard request.method == .resourcesRead, revision.era == .modern, let uri = request.params.value("uri", in: message),
            jsonKind(message, uri) == .string
        else { return [] }
        return [UInt8](message, uri)
    }

    /// Into the channel when the worker has room, else into the queue.
    mutating func route(_ key: CallKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        let server = self.calls[key].server
        let rewrite = self.rewrite(for: key)
        self.keep(key, request, message)
        if let worker = self.workerAtOnce(server, self.calls[key].method) {
            self.raiseLogLevel(for: key, worker)
            let start = self.workers[worker].queuedTotal
            self.prepareOutput(worker: worker)
            let before = self.workers[worker].output.count
            rewrite.append(request, message, to: &self.workers[worker].output)
            self.dispatched(key, to: worker, start: start, count: self.workers[worker].output.count - before, at: now)
        } else {
            if let worker = self.servers[server].worker, self.workers[worker].state == .ready {
                rewrite.append(request, message, to: &self.calls[key].line)
            } else {
                // Not all of a batch.
                self.calls[key].line = [UInt8](message, request.envelope.whole)
                self.calls[key].isHeld = true
            }
            self.servers[server].queue.append(key)
            self.servers[server].queuedBytes += self.calls[key].line.count
            self.hurryClients(server, at: now)
        }
    }

    /// Keeps the request if it may be made again.
    mutating func keep(_ key: CallKey, _ request: IncomingRequest, _ message: Span<UInt8>) {
        guard !self.calls[key].hasReachedWorker, self.mayBeRepeated(key, request, message) else { return }
        self.calls[key].again = [UInt8](message, request.envelope.whole)
    }

    func rewrite(for key: CallKey) -> RequestRewrite {
        RequestRewrite(
            from: self.calls[key].revision.era, to: self.servers[self.calls[key].server].era, wireID: WireID.integer(key),
            sessionLogLevel: self.calls[key].revision.era == .legacy
                ? self.calls[key].logLevel ?? self.unaskedLogLevel(key) : nil,
            capabilities: self.calls[key].capabilities)
    }

    /// What a session hears that has set no level. Servers of its era log without being asked; a modern one is silent then. Our own
    /// says nothing that one must hear.
    private func unaskedLogLevel(_ key: CallKey) -> LogLevel? {
        self.calls[key].session == nil || self.isOurs(self.calls[key].server) ? nil : .info
    }

    /// The worker that can take a call of this method now, past those that wait only because they can ask for input.
    private func workerAtOnce(_ server: Int, _ method: MCPMethod) -> WorkerKey? {
        let mayPass = self.servers[server].isInteractive && !method.mayAskForInput
        return self.servers[server].queue.isEmpty || mayPass ? self.workerWithRoom(server, method) : nil
    }

    /// The worker that can take one more call now. Of a server that does not say in which of its calls it asks, only one call can be
    /// one that it asks in.
    private func workerWithRoom(_ server: Int, _ method: MCPMethod) -> WorkerKey? {
        guard let worker = self.servers[server].worker, self.workers[worker].state == .ready,
            self.workers[worker].inFlight < self.servers[server].configuration.workers.concurrency,
            self.workers[worker].unsentBytes < Self.workerBacklogBytesMax,
            !self.servers[server].isInteractive || !method.mayAskForInput || self.workers[worker].askableInFlight == 0
        else { return nil }
        return worker
    }

    /// The worker has one call less.
    mutating func leave(_ worker: WorkerKey, _ method: MCPMethod) {
        // Expected: it has died, and its calls are being answered.
        guard self.workers.contains(worker) else { return }
        self.workers[worker].inFlight -= 1
        if method.mayAskForInput { self.workers[worker].askableInFlight -= 1 }
    }

    private mutating func dispatched(_ key: CallKey, to worker: WorkerKey, start: Int, count: Int, at now: Instant) {
        self.workers[worker].queuedTotal += count
        self.workers[worker].inFlight += 1
        if let principal = self.principal(of: self.calls[key]) { self.workers[worker].clientele.add(principal) }
        if self.calls[key].method.mayAskForInput { self.workers[worker].askableInFlight += 1 }
        self.calls[key].state = .dispatched(worker, start: start, end: start + count)
        let timeout = self.servers[self.calls[key].server].configuration.workers.callTimeout
        self.calls[key].deadline = now + timeout
        self.calls[key].lastDeadline = now + timeout * Self.progressExtensionMax
    }

    private func principal(of call: Call) -> Principal? {
        if let session = call.session, self.sessions.contains(session) { return self.sessions[session].principal }
        guard let connection = call.connection, self.connections.contains(connection) else { return nil }
        return self.connections[connection].exchange.principal
    }

    /// Moves queued calls into the channel while the worker has room.
    mutating func pumpQueue(_ server: Int, at now: Instant) {
        while let key = self.servers[server].queue.first {  // Bound: the queue's own.
            guard self.calls.contains(key) else {
                _ = self.servers[server].queue.popFirst()  // Expected: answered while it waited.
                continue
            }
            guard let worker = self.workerWithRoom(server, self.calls[key].method) else { return }
            _ = self.servers[server].queue.popFirst()
            if self.calls[key].isHeld { self.writeHeld(key) }
            self.raiseLogLevel(for: key, worker)
            let start = self.workers[worker].queuedTotal
            let count = self.calls[key].line.count
            self.prepareOutput(worker: worker)
            self.workers[worker].output.append(contentsOf: self.calls[key].line)
            self.calls[key].line = []
            self.servers[server].queuedBytes -= count
            self.dispatched(key, to: worker, start: start, count: count, at: now)
        }
    }

    /// The handshake is done: answers those that only waited for it, whether or not the worker has room for their calls.
    mutating func answerHandshakeWaiters(_ server: Int, at now: Instant) {
        var waiting: [CallKey] = []
        swap(&waiting, &self.servers[server].awaitingHandshake)
        for key in waiting {
            guard let call = self.calls.find(key) else { continue }
            if self.moveToVariant(key, call, at: now) { continue }
            self.forget(key)
            self.answerFromHandshake(call, at: now)
        }
    }

    /// It is known now that clients that differ in what they can do need workers of their own. True: the call waits for another.
    private mutating func moveToVariant(_ key: CallKey, _ call: Call, at now: Instant) -> Bool {
        guard case .initialize(let asked) = call.purpose, self.servers[call.server].definition == call.server else {
            return false
        }
        let target = self.variant(of: call.server, for: asked.capabilities, at: now)
        guard target != call.server, !self.servers[target].restart.refusesCalls else { return false }
        self.calls[key].server = target
        guard self.servers[target].identity == nil else {
            guard let moved = self.forget(key) else { return true }
            self.answerFromHandshake(moved, at: now)
            return true
        }
        self.servers[target].awaitingHandshake.append(key)
        return true
    }

    /// `initialize` and `server/discover` are answered by the supervisor, once it knows who its worker is.
    private mutating func answerFromHandshake(_ call: Call, at now: Instant) {
        guard let connection = call.connection, self.connections.contains(connection) else { return }
        switch call.purpose {
        case .initialize(let asked) where self.connections[connection].exchange.route.isREST:
            self.answerInitialize(call, asked, connection, at: now)
        case .initialize(let asked): self.beginSession(call, asked, connection, at: now)
        case .discover:
            var body = self.takeScratch()
            AnswerRewrite.begin(call.clientID, to: &body)
            body.append(#","result":"#)
            self.appendDiscoverResult(call.server, to: &body)
            body.append(0x7D)
            self.respond(
                connection, 200, "application/json", headers: self.withCORS(connection), body: body.span, at: now)
            self.scratch = body
        case .forward, .subscribe, .listen, .afterTools: preconditionFailure("\(call.method) is not answered from a handshake")
        }
    }

    /// Removes the call from every table. Its worker's slot is free again.
    @discardableResult
    mutating func forget(_ key: CallKey) -> Call? {
        guard let call = self.calls.remove(key) else { return nil }
        if !self.inputs.isEmpty { self.forgetInputs(key) }
        if case .suspended = call.state { self.stopWaiting(key, call) }
        switch call.state {
        case .suspended: break
        case .queued: self.servers[call.server].queuedBytes -= call.line.count
        case .dispatched(let worker, _, _): self.leave(worker, call.method)
        }
        if let session = call.session, self.sessions.contains(session) {
            if let index = self.sessions[session].calls.firstIndex(of: key) { self.sessions[session].calls.remove(at: index) }
        }
        if let connection = call.connection, self.connections.contains(connection),
            case .duplex(let duplex) = self.connections[connection].phase, self.duplexes.contains(duplex),
            let index = self.duplexes[duplex].calls.firstIndex(of: key)
        {
            self.duplexes[duplex].calls.remove(at: index)
            // What was held back behind `initialize`, see `isInitializing`.
            if call.method == .initialize, !self.connections[connection].input.isEmpty { self.resumable.append(connection) }
        }
        return call
    }

    // MARK: Refusals

    mutating func refuseDraining(_ key: ConnectionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        self.connections[key].exchange.keepAlive = false
        self.refuseUnavailable(key, request, message, "the supervisor is shutting down", retryAfter: .seconds(1), at: now)
    }

    /// 503 with a JSON-RPC body: never a 4xx, which a client could take for a server of another era.
    mutating func refuseUnavailable(
        _ key: ConnectionKey, _ request: IncomingRequest, _ message: Span<UInt8>, _ text: String, retryAfter: Interval,
        at now: Instant
    ) {
        var refusal = Refusal(503, .internalError, text)
        refusal.id = self.idLexeme(request.envelope, message)
        refusal.data = [UInt8](#"{"delivered":false}"#)
        refusal.headers = Self.retryAfter(retryAfter)
        self.refuse(key, refusal, at: now)
    }

    mutating func refuseBusySession(
        _ key: ConnectionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        var refusal = Refusal(429, .serverError, "this session has too many calls running")
        refusal.id = self.idLexeme(request.envelope, message)
        refusal.headers = Self.retryAfter(.seconds(1))
        self.refuse(key, refusal, at: now)
    }

    static func retryAfter(_ wait: Interval) -> HTTPFields {
        var fields = HTTPFields()
        fields.append("Retry-After", decimal: Swift.max(1, wait.wholeSeconds))
        return fields
    }

    mutating func takeScratch() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &self.scratch)
        taken.removeAll(keepingCapacity: true)
        return taken
    }
}
