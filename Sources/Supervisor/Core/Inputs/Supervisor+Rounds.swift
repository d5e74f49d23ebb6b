import Base
import MCP
import Wire

/// A legacy client's call to a modern worker that answers `input_required`: its questions are put to the client one by one, and the
/// call is made again with the answers, until its result is complete (2026-07-28, multi round-trip requests).
extension Supervisor {
    /// The worker's answer to `key` asks for input. The call goes on.
    mutating func beginRound(_ key: CallKey, _ members: JSONMembers, _ message: Span<UInt8>, at now: Instant) {
        let required: InputRequired
        do throws(InputRequiredRefusal) {
            required = try InputRequired(members, in: message)
        } catch {
            return self.endRound(key, "The server's request for input is not valid: \(error.reason).", at: now)
        }
        let missing = required.needs.subtracting(self.calls[key].capabilities)
        guard missing.isEmpty else {
            let why = InputImpossible.missing(missing).reason
            return self.endRound(key, required.standInText(because: why), at: now)
        }
        guard var inputs = self.inputs[key], inputs.round < InputState.roundsMax else {
            return self.endRound(key, "The server asked for input more than \(InputState.roundsMax) times.", at: now)
        }
        // Nobody would see the questions, and the client's answer could not be told to anybody.
        guard self.isHeard(self.calls[key]) else {
            self.forget(key)
            return
        }
        self.suspend(key, at: now)
        inputs.round += 1
        inputs.answers = []
        inputs.requestState = required.requestState
        self.inputs[key] = inputs
        if required.questions.isEmpty {
            return self.timers.add(.input(key), at: now + InputState.pause)
        }
        for question in required.questions {  // Bound: `InputRequired.questionsMax`.
            guard self.calls.contains(key) else { return }  // Expected: one could not be asked, and that ended the call.
            self.ask(
                key, question.request, for: .round(key: question.key), byteCount: message.count / required.questions.count,
                at: now)
        }
    }

    /// The worker has answered for now and has room for another call.
    mutating func suspend(_ key: CallKey, at now: Instant) {
        guard case .dispatched(let worker, _, _) = self.calls[key].state else { return }
        self.leave(worker, self.calls[key].method)
        self.calls[key].suspend(until: now + self.configuration.limits.inputTimeout)
    }

    /// An answer came. With the last one the call is made again.
    mutating func continueRound(_ key: CallKey, at now: Instant) {
        guard self.calls.contains(key), self.calls[key].state == .suspended, self.calls[key].revision.era == .legacy,
            let inputs = self.inputs[key], inputs.asks.isEmpty
        else { return }
        let server = self.calls[key].server
        guard !self.servers[server].restart.refusesCalls else {
            return self.endRound(key, "The call could not be continued: \(self.servers[server].whyRefused).", at: now)
        }
        self.makeAgain(key, inputs, at: now)
    }

    /// The same request with this round's answers and state, under a new id.
    private mutating func makeAgain(_ old: CallKey, _ inputs: InputState, at now: Instant) {
        guard let key = self.renamed(old) else {
            return self.endRound(old, "Too many calls are running.", at: now)
        }
        var message: [UInt8] = []
        guard let original = try? self.scanner.scan(inputs.message.span), let method = original.method else {
            preconditionFailure("a message that was read before")
        }
        message.append(#"{"jsonrpc":"2.0","id":0,"method":"#)
        message.append(inputs.message.span, method)
        message.append(#","params":"#)
        let nothing: [UInt8] = []
        if let params = original.params {
            InputRequired.appendRetryParams(
                inputs.message.span, self.scanner.members, of: params, answers: inputs.answers,
                requestState: inputs.requestState, meta: nothing.span, to: &message)
        } else {
            let empty = [UInt8]("{}")
            InputRequired.appendRetryParams(
                empty.span, JSONMembers(), of: ByteRange(0, empty.count), answers: inputs.answers,
                requestState: inputs.requestState, meta: nothing.span, to: &message)
        }
        message.append(0x7D)
        guard let envelope = try? self.scanner.scan(message.span), let request = self.read(envelope, message.span) else {
            return self.endRound(key, "The answers make the request larger than a message may be.", at: now)
        }
        let timeout = self.servers[self.calls[key].server].configuration.workers.callTimeout
        self.calls[key].state = .queued
        self.calls[key].deadline = now + timeout
        self.watch(key)
        self.route(key, request, message.span, at: now)
    }

    /// Moves a call to a new key, which is its new id on the worker's channel: an id is never used twice there.
    mutating func renamed(_ old: CallKey) -> CallKey? {
        guard let call = self.calls.find(old), let key = self.calls.insert(call) else { return nil }
        self.calls.remove(old)
        self.inputs[key] = self.inputs.removeValue(forKey: old)
        if let session = call.session, self.sessions.contains(session),
            let index = self.sessions[session].calls.firstIndex(of: old)
        {
            self.sessions[session].calls[index] = key
        }
        guard let connection = call.connection, self.connections.contains(connection) else {
            self.armOrphan(key, at: call.deadline)
            return key
        }
        switch self.connections[connection].phase {
        case .waiting(old): self.connections[connection].phase = .waiting(key)
        case .streaming(.call(old)): self.connections[connection].phase = .streaming(.call(key))
        case .duplex(let duplex):
            if let index = self.duplexes[duplex].calls.firstIndex(of: old) { self.duplexes[duplex].calls[index] = key }
            self.armOrphan(key, at: call.deadline)
        case .streaming: self.armOrphan(key, at: call.deadline)
        case .reading, .waiting, .lingering: break
        }
        return key
    }

    /// The call ends without the server's answer. A model can read why in a tool's result; elsewhere it is an error.
    mutating func endRound(_ key: CallKey, _ text: String, at now: Instant) {
        guard self.calls.contains(key) else { return }
        let call = self.calls[key]
        self.abandonInputs(key, at: now)
        self.forget(key)
        guard self.isHeard(call) else { return }
        guard call.method == .toolsCall else {
            return self.answer(call, errorText: text, data: [UInt8](#"{"delivered":true}"#), at: now)
        }
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        body.append(#","result":{"content":[{"type":"text","text":"#)
        body.appendJSON(string: text)
        body.append(#"}],"isError":true}}"#)
        self.finish(call, 200, body.span, at: now)
        self.scratch = body
        self.continueDrain(at: now)
    }
}
