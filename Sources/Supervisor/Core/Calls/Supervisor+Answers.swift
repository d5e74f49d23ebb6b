import Base
import MCP
import Wire

/// From the worker's channel back to the client that asked.
extension Supervisor {
    /// A result or error of a worker. `message` is one line of its channel.
    mutating func answered(_ worker: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant) {
        guard let idRange = envelope.id, let integer = JSONNumber.int64(message, idRange), let key = WireID.key(integer),
            self.calls.contains(key), case .dispatched(let owner, _, _) = self.calls[key].state, owner == worker
        else {
            let id = envelope.id.flatMap { JSONNumber.int64(message, $0) }
            if self.answeredUs(worker, id: id, envelope, message, at: now) { return }
            // Late after a cancel or time-out, answered twice, or invented: nobody waits for it.
            self.strayAnswer(worker, at: now)
            if let late = envelope.id.flatMap({ JSONNumber.int64(message, $0) }).flatMap({ WireID.key($0) }) {
                self.workers[worker].answeredLate(late)
            }
            return
        }
        if self.refusesRevision(key, worker, envelope, message, at: now) { return }
        let server = self.calls[key].server
        self.workers[worker].answers += 1
        if self.calls[key].method == .toolsList, envelope.kind == .result, !self.isOurs(server) {
            self.servers[server].toolRules.headers.add(self.workerScanner.members, message)
        }
        if self.inputs.isEmpty || !self.answersInput(key, envelope, message, at: now) {
            let inputs = self.inputs.isEmpty ? nil : self.inputs[key]
            guard let call = self.forget(key) else { preconditionFailure("a call that has just been looked at") }
            self.counters.callsAnswered += 1
            self.deliver(call, inputs, envelope, message, at: now)
        }
        self.pumpQueue(server, at: now)
        self.continueDrain(at: now)
    }

    /// A modern worker says that it does not speak our revision (-32022): it is not what it was found to be. True: the call waits for
    /// the next one, which has had nothing of it yet.
    private mutating func refusesRevision(
        _ key: CallKey, _ worker: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant
    ) -> Bool {
        let server = self.calls[key].server
        guard envelope.kind == .error, self.servers[server].era == .modern,
            AnswerRewrite.code(envelope, message) == ErrorCode.unsupportedProtocolVersion.rawValue,
            self.refuteEra(server, hasAnswered: true)
        else { return false }
        let method = self.calls[key].method
        self.stopWorker(worker, step: .inputClosed, at: now)
        guard self.repeatCall(key, at: now) else { return false }
        self.leave(worker, method)
        return true
    }

    /// The answer to one of the worker's calls came, but is no valid one. Its client is told at once instead of waiting for the
    /// time-out.
    mutating func answeredBadly(
        _ worker: WorkerKey, id: Int64?, _ reason: JSONRPCInvalid, _ line: Span<UInt8>, at now: Instant
    ) {
        if self.answeredUs(worker, id: id, nil, line, at: now) { return }
        guard let key = id.flatMap({ WireID.key($0) }), self.calls.contains(key),
            case .dispatched(let owner, _, _) = self.calls[key].state, owner == worker
        else { return }
        let server = self.calls[key].server
        self.fail(key, "the server gave an answer that is not valid: \(reason.text)", at: now)
        self.pumpQueue(server, at: now)
        self.continueDrain(at: now)
    }

    /// Whether the answer is not the call's last word: it asks a legacy client for input, or its modern client is not there.
    private mutating func answersInput(
        _ key: CallKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant
    ) -> Bool {
        guard let inputs = self.inputs[key] else { return false }
        if inputs.isParked {
            self.store(key, message, at: now)
            return true
        }
        let members = self.workerScanner.members
        if self.calls[key].revision.era == .legacy, self.servers[self.calls[key].server].era == .modern, envelope.kind == .result,
            InputRequired.isOne(members, in: message)
        {
            self.beginRound(key, members, message, at: now)
            return true
        }
        // What it still asks is not needed any more. To say so may end the client's connection, and with it the call.
        self.abandonInputs(key, at: now)
        return !self.calls.contains(key)
    }

    /// The worker's last word about a call that has been forgotten. `inputs` is what was known of its input.
    mutating func deliver(
        _ call: Call, _ inputs: InputState?, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant
    ) {
        self.listPassed(call, envelope, message)
        guard self.isHeard(call) else { return }
        // The identity first: to look into it where it lies, the whole server would be copied.
        let identity = self.servers[call.server].identity
        let rewrite = AnswerRewrite(
            from: self.servers[call.server].era, revision: call.revision, method: call.method, resource: call.resource,
            serverInfo: identity?.serverInfo ?? [UInt8]("{}"), cursorTag: self.servers[call.server].cursorTag)
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        var status = 200
        if call.method.mayRequireInput, let connection = call.connection,
            self.appendInputRequired(call, inputs, connection, envelope, message, &status, to: &body)
        {
            // Expected: the client comes back with what the worker asks for.
        } else if envelope.kind == .result, rewrite.asksForInput(self.workerScanner.members, message) {
            rewrite.appendInputRefusal(self.workerScanner.members, message, to: &body)
        } else if let lacking = rewrite.lackingCapability(envelope, message) {
            rewrite.appendRefusal(lacking, to: &body)
        } else if envelope.kind == .result {
            rewrite.appendResult(envelope, self.workerScanner.members, message, to: &body)
        } else {
            let code = rewrite.appendError(envelope, message, to: &body)
            if call.revision.era == .modern { status = ErrorCode(rawValue: code).httpStatusInModern() }
        }
        self.finish(call, status, body.span, at: now)
        self.scratch = body
    }

    /// The last message for a call that has been forgotten.
    mutating func finish(
        _ call: Call, _ status: Int, headers: HTTPFields = HTTPFields(), _ body: Span<UInt8>, at now: Instant
    ) {
        if let connection = call.connection, self.connections.contains(connection) {
            self.finish(connection, status, headers: headers, body, at: now)
        } else {
            self.endUncarried(call, body, at: now)
        }
    }

    /// The last message for a request: as the whole response, or as the last event of its stream.
    mutating func finish(
        _ connection: ConnectionKey, _ status: Int, headers: HTTPFields = HTTPFields(), _ body: Span<UInt8>, at now: Instant
    ) {
        switch self.connections[connection].phase {
        case .waiting:
            self.respond(
                connection, status, "application/json", headers: self.withCORS(connection, headers), body: body, at: now)
        case .streaming(.batch(let left)):
            self.batchAnswered(connection, left: left, body, at: now)
        case .duplex:
            self.send(connection, body, isFinal: true, at: now)
        case .streaming:
            guard self.sendEvent(connection, body, isFinal: true, at: now) else { return }
            self.endStream(connection, at: now)
        case .reading, .lingering:
            preconditionFailure("an answer for a connection that waits for none")
        }
    }

    /// Whether the worker had received the call's request, as JSON: a client that repeats it must know whether that could do
    /// something twice. `sent` is how many bytes the worker's channel ever took.
    static func delivered(_ call: Call, sent: Int) -> StaticString {
        guard !call.hasReachedWorker else { return "true" }
        guard case .dispatched(_, let start, let end) = call.state else { return "false" }
        return sent >= end ? "true" : sent > start ? #""partly""# : "false"
    }

    /// The `data` of an error of ours for a call whose worker is still there. What is in its channel cannot be taken back: also
    /// what it has not read yet counts as delivered.
    static func deliveredData(_ call: Call) -> [UInt8] {
        var data = [UInt8](#"{"delivered":"#)
        data.append(Self.delivered(call, sent: .max))
        data.append(0x7D)
        return data
    }

    /// Ends a call with an error of ours. Exactly one answer: the call is forgotten first.
    mutating func fail(
        _ key: CallKey, _ text: String, status: Int = 200, headers: HTTPFields = HTTPFields(), data: [UInt8] = [], at now: Instant
    ) {
        guard self.calls.contains(key) else { return }
        if !self.inputs.isEmpty {
            self.abandonInputs(key, at: now)
            if self.inputs[key]?.isParked == true {
                return self.store(key, errorText: text, data: data.isEmpty ? Self.deliveredData(self.calls[key]) : data, at: now)
            }
        }
        guard let call = self.forget(key) else { return }
        let data = data.isEmpty ? Self.deliveredData(call) : data
        self.answer(call, errorText: text, status: status, headers: headers, data: data, at: now)
    }

    /// An error for a call that has been forgotten already.
    mutating func answer(
        _ call: Call, _ code: ErrorCode = .internalError, errorText text: String, status: Int = 200,
        headers: HTTPFields = HTTPFields(), data: [UInt8], at now: Instant
    ) {
        guard self.isHeard(call) else { return }
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        body.append(#","error":{"code":"#)
        body.append(decimal: code.rawValue)
        body.append(#","message":"#)
        body.appendJSON(string: text)
        body.append(#","data":"#)
        body.append(contentsOf: data)
        body.append("}}")
        self.finish(call, status, headers: headers, body.span, at: now)
        self.scratch = body
    }

    /// A line that was too long to be kept. When only one call runs there, it was most likely its answer, and nobody should wait
    /// for the time-out; whose it was among several is not known.
    mutating func answerTooLong(_ worker: WorkerKey, at now: Instant) {
        guard self.workers[worker].inFlight == 1, !self.workers[worker].mayWriteAboutWithdrawnCall(at: now) else { return }
        for key in self.calls.keys {  // Bound: the calls in flight.
            guard case .dispatched(worker, _, _) = self.calls[key].state else { continue }
            self.workers[worker].withdraw(key, at: now)
            self.fail(key, "the answer was longer than `limits.message` allows", at: now)
            return self.pumpQueue(self.workers[worker].server, at: now)
        }
    }

    // MARK: Notifications

    /// `notifications/progress`: the token is the call's own integer, so the owner is certain.
    mutating func progressed(_ worker: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant) {
        guard let range = self.workerScanner.members.value("progressToken", in: message),
            let integer = JSONNumber.int64(message, range), let key = WireID.key(integer), self.calls.contains(key),
            case .dispatched(let owner, _, _) = self.calls[key].state, owner == worker
        else {
            self.counters.droppedNotifications += 1
            return
        }
        let call = self.calls[key]
        // Only what was asked for is passed on: a worker must not invent progress for a silent client.
        guard let token = call.progressToken else { return }
        // While the client thinks, its own time passes, which is longer.
        if self.inputs.isEmpty || self.inputs[key]?.isWaitingForClient != true {
            let timeout = self.servers[call.server].configuration.workers.callTimeout
            self.calls[key].deadline = Swift.min(now + timeout, call.lastDeadline)
        }
        var event = self.takeScratch()
        event.append(#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#)
        token.append(to: &event)
        for member in self.workerScanner.members.members where !RequestRewrite.isKey(member, "progressToken", message) {
            if RequestRewrite.isKey(member, "_meta", message) { continue }
            event.append(0x2C)
            RequestRewrite.copy(member, message, envelope.needsLineRewrite, to: &event)
        }
        event.append("}}")
        self.notify(call, key, event.span, at: now)
        self.scratch = event
    }

    /// `notifications/message`: passed to the call it belongs to, when that is certain. A shared worker's unattributed lines may hold
    /// another client's data: they only go to sessions of the one principal whose calls the worker has had, if there is but one.
    mutating func logged(_ worker: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant) {
        let members = self.workerScanner.members
        guard let range = members.value("level", in: message), jsonKind(message, range) == .string,
            let level = LogLevel(message.extracting(JSONString.contents(range).range))
        else { return }
        guard let key = self.relatedCall(worker, message, at: now), self.calls.contains(key) else {
            return self.loggedOutsideOfCalls(worker, level, envelope, message, at: now)
        }
        let call = self.calls[key]
        switch call.revision.era {
        case .modern: guard let wanted = call.logLevel, level >= wanted else { return }
        case .legacy:
            // Where there is no session, nobody has a place for log lines.
            if let connection = call.connection, self.connections.contains(connection),
                self.connections[connection].exchange.route.isREST
            {
                return
            }
            let session = call.session.flatMap { self.sessions.contains($0) ? self.sessions[$0].logLevel : nil }
            guard level >= (session ?? .debug) else { return }
        }
        var event = self.takeScratch()
        self.appendLogged(envelope, message, to: &event)
        self.notify(call, key, event.span, at: now)
        self.scratch = event
    }

    private func appendLogged(_ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, to event: inout [UInt8]) {
        event.append(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"#)
        var isFirst = true
        for member in self.workerScanner.members.members where !RequestRewrite.isKey(member, "_meta", message) {
            RequestRewrite.separate(&isFirst, &event)
            RequestRewrite.copy(member, message, envelope.needsLineRewrite, to: &event)
        }
        event.append("}}")
    }

    /// Everybody without a key is the same principal by name only, and is told nothing.
    private mutating func loggedOutsideOfCalls(
        _ worker: WorkerKey, _ level: LogLevel, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant
    ) {
        guard case .one(let principal) = self.workers[worker].clientele, principal != .anonymous else {
            self.counters.droppedNotifications += 1
            return
        }
        let server = self.workers[worker].server
        var event: [UInt8] = []
        self.appendLogged(envelope, message, to: &event)
        for key in self.sessions.allKeys where self.sessions.contains(key) && self.sessions[key].variant == server {
            // Bound: `sessions`.
            guard self.sessions[key].principal == principal, level >= self.sessions[key].logLevel ?? .debug,
                let stream = self.sessions[key].stream, self.connections.contains(stream)
            else { continue }
            self.send(stream, event.span, at: now)
        }
    }

    /// The call that a worker's message belongs to: named in our own `_meta` key, or the only one that runs there. A cancelled call
    /// may go on in the worker, so it counts as running for a while, or until its late answer.
    private mutating func relatedCall(_ worker: WorkerKey, _ message: Span<UInt8>, at now: Instant) -> CallKey? {
        if let meta = self.workerScanner.members.value("_meta", in: message), jsonKind(message, meta) == .object,
            (try? self.metaScanner.scanObject(message, at: meta, into: &self.metaMembers)) != nil,
            let range = self.metaMembers.value("io.mcp-supervisor/relatedRequest", in: message)
        {
            guard let integer = JSONNumber.int64(message, range), let key = WireID.key(integer), self.calls.contains(key),
                case .dispatched(worker, _, _) = self.calls[key].state
            else { return nil }
            return key
        }
        guard self.workers[worker].inFlight == 1, !self.workers[worker].mayWriteAboutWithdrawnCall(at: now) else { return nil }
        for key in self.calls.keys {  // Bound: the calls in flight; only for workers that do not say what a line belongs to.
            if case .dispatched(worker, _, _) = self.calls[key].state { return key }
        }
        return nil
    }

    /// Puts a notification on the call's own stream, opening it if this is the first.
    private mutating func notify(_ call: Call, _ key: CallKey, _ event: Span<UInt8>, at now: Instant) {
        // Its client would hear the beginning twice.
        self.calls[key].again = []
        guard let connection = call.connection, self.connections.contains(connection) else {
            return self.logUncarried(call, event, at: now)
        }
        if case .waiting = self.connections[connection].phase {
            guard !self.connections[connection].exchange.route.isREST else {
                return self.tellOperation(connection, event, at: now)
            }
            guard self.mayStream(call) else {
                self.counters.droppedNotifications += 1
                return
            }
            self.openStream(connection, .call(key), at: now)
        }
        self.send(connection, event, at: now)
    }

    /// Whether the call's response may become a stream. A session that has `streamsPerSession` of them gets further answers as
    /// JSON, without the notifications before them.
    func mayStream(_ call: Call) -> Bool {
        guard let session = call.session, self.sessions.contains(session) else { return true }
        var streams = 0
        for other in self.sessions[session].calls {  // Bound: `callsPerSession`.
            guard let connection = self.calls.find(other)?.connection, self.connections.contains(connection),
                case .streaming = self.connections[connection].phase
            else { continue }
            streams += 1
        }
        return streams < self.configuration.limits.streamsPerSession
    }

    /// Tells what the bytes of the worker that were just read say: each list once, however often it was named.
    mutating func tellListChanges(of server: Int, at now: Instant) {
        let changed = self.servers[server].changedLists
        guard !changed.isEmpty else { return }
        self.servers[server].changedLists = []
        self.listChanged(server, changed, at: now)
    }

    /// A list of the server changed: everybody who asked to be told is told once.
    private mutating func listChanged(_ variant: Int, _ kinds: ListKinds, at now: Instant) {
        let server = self.servers[variant].definition
        for key in self.sessions.allKeys {  // Bound: `sessions`.
            guard self.sessions.contains(key), self.sessions[key].server == server else { continue }
            if let stream = self.sessions[key].stream, self.connections[stream].carried?.behind == nil {
                self.sendListChanges(kinds, to: stream, subscription: nil, at: now)
            } else {
                // Told once when the stream is resumed or has caught up, however often it happens until then.
                self.sessions[key].pendingChanges.formUnion(kinds)
            }
            // Expected: a session that is its connection ended with it, because its reader was too slow.
            guard self.sessions.contains(key) else { continue }
            // Also when the stream was given up just now: its client will open another.
            if self.sessions[key].stream == nil { self.sessions[key].pendingChanges.formUnion(kinds) }
        }
        for key in self.connections.keys {  // Bound: `connections`.
            guard self.connections.contains(key), let listen = self.connections[key].listen, listen.server == server
            else { continue }
            self.sendListChanges(
                kinds.intersection(listen.wanted), to: key, subscription: listen.id.isEmpty ? nil : listen.id, at: now)
        }
        for duplex in self.duplexes.keys where self.duplexes.contains(duplex) {  // Bound: `connections`.
            let key = self.duplexes[duplex].connection
            for listen in self.duplexes[duplex].listens where listen.server == server {
                self.sendListChanges(kinds.intersection(listen.wanted), to: key, subscription: listen.id, at: now)
            }
        }
    }

    mutating func sendListChanges(_ kinds: ListKinds, to key: ConnectionKey, subscription: [UInt8]?, at now: Instant) {
        for (kind, method) in Self.listChangeMethods where kinds.contains(kind) {
            guard self.connections.contains(key) else { return }
            var event = [UInt8](#"{"jsonrpc":"2.0","method":""#)
            event.append(method.text)
            event.append(0x22)
            if let subscription {
                event.append(#","params":{"#)
                Self.appendSubscriptionMeta(subscription, to: &event)
                event.append(0x7D)
            }
            event.append(0x7D)
            self.send(key, event.span, at: now)
        }
    }

    private static let listChangeMethods: [(ListKinds, MCPMethod)] = [
        (.tools, .notificationsToolsListChanged), (.prompts, .notificationsPromptsListChanged),
        (.resources, .notificationsResourcesListChanged),
    ]
}
