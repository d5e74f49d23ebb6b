import Base
import MCP
import Wire

/// Questions for legacy clients, as requests of their own on the stream of the call that they belong to.
extension Supervisor {
    /// Asks the client of `call`. When it cannot be asked, the asker is told. `byteCount` is the length of the question as it came.
    mutating func ask(_ call: CallKey, _ request: InputRequest, for asker: Ask.Asker, byteCount: Int, at now: Instant) {
        guard let session = self.calls[call].session, self.mayAskMore(call, byteCount), self.canReach(call, at: now),
            let key = self.asks.insert(
                Ask(asker: asker, call: call, session: session, request: request, byteCount: byteCount))
        else { return self.notAsked(call, request, asker, .abandoned, "its client cannot be reached", at: now) }
        var message = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        Ask.appendID(key, to: &message)
        message.append(#","method":""#)
        message.append(request.method.text)
        message.append(#"","params":"#)
        do throws(InputImpossible) {
            try request.appendParamsForLegacyClient(
                self.calls[call].revision, self.calls[call].capabilities, elicitationID: self.elicitationID(),
                progressToken: Ask.progressToken(key), to: &message)
        } catch {
            self.asks.remove(key)
            return self.notAsked(call, request, asker, .unsupported, error.reason, at: now)
        }
        message.append(0x7D)
        var inputs = self.inputs[call] ?? InputState()
        inputs.asks.append(key)
        if inputs.waitingSince == nil { inputs.waitingSince = now }
        self.inputs[call] = inputs
        self.inputs.asked(byteCount)
        // The client may take its time: a person thinks.
        self.calls[call].deadline = Swift.max(self.calls[call].deadline, now + self.configuration.limits.inputTimeout)
        self.keepAlive(call, request, at: now)
        self.hurryClients(self.calls[call].server, at: now)
        self.tell(self.calls[call], message.span, at: now)
    }

    private func mayAskMore(_ call: CallKey, _ byteCount: Int) -> Bool {
        (self.inputs[call]?.asks.count ?? 0) < InputRequired.questionsMax && self.inputs.hasRoom(for: byteCount)
            && self.canAnswer(call)
    }

    /// Whether an answer of the call's client could still arrive: it comes in a request of its own, unless the client's connection
    /// carries messages both ways, and requests are not taken any more once the listeners are closed.
    private func canAnswer(_ call: CallKey) -> Bool {
        guard let connection = self.calls[call].connection, self.connections.contains(connection),
            case .duplex(let duplex) = self.connections[connection].phase, self.duplexes.contains(duplex)
        else { return !self.isDraining }
        switch self.duplexes[duplex].framing {
        case .lines, .webSocket: return !self.connections[connection].inputEnded
        case .events: return !self.isDraining
        }
    }

    /// What can never be answered is not waited for: the supervisor is shutting down, or a client has ended its input.
    mutating func abandonUnanswerable(at now: Instant) {
        for key in self.asks.keys {  // Bound: `Ask.countMax`.
            guard let ask = self.asks.find(key), !self.canAnswer(ask.call) else { continue }
            switch ask.asker {
            case .worker: self.abandonInputs(ask.call, at: now)
            case .round: self.endRound(ask.call, "The client was not able to answer what the server asked.", at: now)
            }
        }
    }

    /// Whether the call's client hears of a question: it is there, and its stream is opened for that, or it can resume it.
    private mutating func canReach(_ key: CallKey, at now: Instant) -> Bool {
        let call = self.calls[key]
        guard let connection = call.connection, self.connections.contains(connection) else { return self.isHeard(call) }
        if case .waiting = self.connections[connection].phase {
            guard self.mayStream(call) else { return false }
            self.openStream(connection, .call(key), at: now)
        }
        return true
    }

    /// A version 4 UUID, for clients that must be told one.
    private func elicitationID() -> String {
        let random = self.unguessable.next()
        var digits: [UInt8] = []
        SessionID(
            high: random.high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: random.low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        ).append(to: &digits)
        for place in [20, 16, 12, 8] { digits.insert(0x2D, at: place) }
        return String(decoding: digits, as: UTF8.self)
    }

    private mutating func notAsked(
        _ call: CallKey, _ request: InputRequest, _ asker: Ask.Asker, _ outcome: InputOutcome, _ why: String, at now: Instant
    ) {
        switch asker {
        case .worker(let worker, let id): self.answerWorker(worker, id: id, outcome, request)
        case .round: self.endRound(call, InputRequired(questions: [], requestState: nil).standInText(because: why), at: now)
        }
    }

    // MARK: From the client

    /// A result or error that a legacy client sent. Unknown and late ones are dropped.
    mutating func clientAnswered(_ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        guard let range = request.envelope.id, let key = Ask.key(message.extracting(range.range)),
            let ask = self.asks.find(key), ask.session == session
        else {
            self.counters.strayAnswers += 1
            return
        }
        self.endAsk(key, ask, at: now)
        guard let result = request.envelope.result else {
            var error: [UInt8] = []
            // Nothing that a client writes between two tokens may end a line of the worker's channel.
            if let range = request.envelope.error { error.appendLine(message, range) } else { error.append("{}") }
            return self.clientRefused(ask, error, at: now)
        }
        let answer: [UInt8]
        do throws(InputResponseRefusal) {
            answer = try InputResponse.checked(message, result, for: ask.request)
        } catch {
            var text = [UInt8](#"{"code":-32602,"message":"#)
            text.appendJSON(string: error.reason)
            text.append(0x7D)
            return self.clientRefused(ask, text, at: now)
        }
        switch ask.asker {
        case .worker(let worker, let id):
            var member = [UInt8](#""result":"#)
            member.append(contentsOf: answer)
            self.answerWorker(worker, id: id, member)
        case .round(let questionKey):
            guard self.inputs.hasRoom(for: answer.count) else {
                return self.endRound(ask.call, "The client's answer was too long to be kept.", at: now)
            }
            self.inputs[ask.call]?.answers.append(.init(key: questionKey, value: answer))
            self.continueRound(ask.call, at: now)
        }
    }

    /// `error` is the JSON-RPC error object. A legacy worker gets it as it is; a modern one has no form for it.
    private mutating func clientRefused(_ ask: Ask, _ error: [UInt8], at now: Instant) {
        switch ask.asker {
        case .worker(let worker, let id):
            var member = [UInt8](#""error":"#)
            member.append(contentsOf: error)
            self.answerWorker(worker, id: id, member)
        case .round: self.endRound(ask.call, "The client did not answer what the server asked.", at: now)
        }
    }

    /// `notifications/progress` of a legacy client that is at a question. The worker that wanted to hear of it does.
    mutating func clientProgressed(_ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>) {
        guard let range = request.params.value("progressToken", in: message), let integer = JSONNumber.int64(message, range),
            let key = Ask.key(progressToken: integer), let ask = self.asks.find(key), ask.session == session,
            case .worker(let worker, _) = ask.asker, let token = ask.request.origin.progressToken,
            self.workers.contains(worker), self.workers[worker].state == .ready,
            self.workers[worker].unsentBytes < Self.workerBacklogBytesMax
        else { return }
        self.asks[key].reportsProgress = true
        var line = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#)
        token.append(to: &line)
        for member in request.params.members
        where !RequestRewrite.isKey(member, "progressToken", message) && !RequestRewrite.isKey(member, "_meta", message) {
            line.append(0x2C)
            RequestRewrite.copy(member, message, true, to: &line)
        }
        line.append("}}\n")
        self.sendLine(line.span, to: worker)
    }

    // MARK: End of a question

    /// The answer is not needed any more.
    mutating func withdrawAsk(_ key: AskKey, at now: Instant) {
        guard let ask = self.asks.find(key) else { return }
        self.endAsk(key, ask, at: now)
        guard let call = self.calls.find(ask.call) else { return }
        if let connection = call.connection, self.connections.contains(connection) {
            switch self.connections[connection].phase {
            case .streaming, .duplex: break
            case .reading, .waiting, .lingering: return
            }
        }
        var message = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#)
        Ask.appendID(key, to: &message)
        message.append("}}")
        self.tell(call, message.span, at: now)
    }

    /// Forgets the question. With the last one of a call the worker's time goes on, where it stood when the client began to think.
    private mutating func endAsk(_ key: AskKey, _ ask: Ask, at now: Instant) {
        self.asks.remove(key)
        self.inputs.askEnded(ask.byteCount)
        guard var inputs = self.inputs[ask.call] else { return }
        inputs.asks.removeAll { $0 == key }
        let since = inputs.waitingSince
        if inputs.asks.isEmpty { inputs.waitingSince = nil }
        self.inputs[ask.call] = inputs
        if inputs.asks.isEmpty, let since { self.continueTime(ask.call, since, at: now) }
    }
}
