import Base
import MCP
import Wire

/// Questions for legacy clients, as requests of their own on the stream of the call that they belong to.
extension Supervisor {
    /// Questions that wait for answers at once, of all clients together.
    static let asksMax = 4_096

    /// Asks the client of `call`. When it cannot be asked, the asker is told.
    mutating func ask(_ call: CallKey, _ request: InputRequest, for asker: Ask.Asker, at now: Instant) {
        guard let session = self.calls[call].session, self.mayAsk(call, at: now),
            let key = self.asks.insert(Ask(asker: asker, call: call, session: session, request: request))
        else { return self.notAsked(call, request, asker, .abandoned, "its client cannot be reached", at: now) }
        var message = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        Ask.appendID(key, to: &message)
        message.append(#","method":""#)
        message.append(request.method.text)
        message.append(#"","params":"#)
        do throws(InputImpossible) {
            try request.appendParamsForLegacyClient(
                self.calls[call].revision, self.calls[call].capabilities, elicitationID: self.elicitationID(), progressToken: nil,
                to: &message)
        } catch {
            self.asks.remove(key)
            return self.notAsked(call, request, asker, .unsupported, error.reason, at: now)
        }
        message.append(0x7D)
        self.inputs[call, default: InputState()].asks.append(key)
        // The client may take its time: a person thinks.
        self.calls[call].deadline = Swift.max(self.calls[call].deadline, now + self.configuration.limits.inputTimeout)
        self.tell(self.calls[call], message.span, at: now)
    }

    /// Whether the call's client can be asked: it is there, and its stream is opened for that, or it can resume it.
    private mutating func mayAsk(_ key: CallKey, at now: Instant) -> Bool {
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
        let random = self.unguessable()
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
        case .worker(let worker, let id):
            var member: [UInt8] = []
            outcome.append(for: request, to: &member)
            self.answerWorker(worker, id: id, member)
        case .round: self.endRound(call, InputRequired(questions: [], requestState: nil).standInText(because: why), at: now)
        }
    }

    /// A result or error that a legacy client sent. Unknown and late ones are dropped.
    mutating func clientAnswered(_ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        guard let range = request.envelope.id, let key = Ask.key(message.extracting(range.range)), self.asks.contains(key),
            self.asks[key].session == session
        else {
            self.counters.strayAnswers += 1
            return
        }
        let ask = self.asks[key]
        if let error = request.envelope.error {
            self.asks.remove(key)
            self.inputs[ask.call]?.asks.removeAll { $0 == key }
            return self.clientRefused(ask, [UInt8](message, error), at: now)
        }
        guard let result = request.envelope.result else { return }
        let answer: [UInt8]
        do throws(InputResponseRefusal) {
            answer = try InputResponse.checked(message, result, for: ask.request)
        } catch {
            self.asks.remove(key)
            self.inputs[ask.call]?.asks.removeAll { $0 == key }
            var text = [UInt8](#"{"code":-32602,"message":"#)
            text.appendJSON(string: error.reason)
            text.append(0x7D)
            return self.clientRefused(ask, text, at: now)
        }
        self.asks.remove(key)
        self.inputs[ask.call]?.asks.removeAll { $0 == key }
        switch ask.asker {
        case .worker(let worker, let id):
            var member = [UInt8](#""result":"#)
            member.append(contentsOf: answer)
            self.answerWorker(worker, id: id, member)
        case .round(let questionKey):
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

    /// The answer is not needed any more.
    mutating func withdrawAsk(_ key: AskKey, tellingClient: Bool, at now: Instant) {
        guard let ask = self.asks.remove(key) else { return }
        self.inputs[ask.call]?.asks.removeAll { $0 == key }
        guard tellingClient, let call = self.calls.find(ask.call) else { return }
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

    /// The call is over, however: nobody waits for answers to what was asked in it.
    mutating func forgetInputs(_ key: CallKey) {
        guard let inputs = self.inputs.removeValue(forKey: key) else { return }
        for ask in inputs.asks { self.asks.remove(ask) }
        if let id = inputs.callID { self.parked[id] = nil }
    }

    /// The worker still waits for these answers, and will get none.
    mutating func abandonInputs(_ key: CallKey) {
        guard let inputs = self.inputs[key] else { return }
        var member: [UInt8] = []
        for question in inputs.questions {
            member.removeAll()
            InputOutcome.abandoned.append(for: question.request, to: &member)
            self.answerWorker(question.worker, id: question.id, member)
        }
        for ask in inputs.asks {
            guard self.asks.contains(ask), case .worker(let worker, let id) = self.asks[ask].asker else { continue }
            member.removeAll()
            InputOutcome.abandoned.append(for: self.asks[ask].request, to: &member)
            self.answerWorker(worker, id: id, member)
        }
    }
}
