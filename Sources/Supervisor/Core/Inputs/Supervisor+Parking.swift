import Base
import MCP
import Wire

/// A modern client's call to a legacy worker that asks in the middle of it: the client gets the questions as its result, the call is
/// parked, and goes on when the client comes back with the answers.
///
///     running ──the worker asks──▶ collecting ──`coalescing`──▶ parked ──the client returns──▶ running
///                                                                 └──`inputTimeout`──▶ cancelled
extension Supervisor {
    /// The worker asks. What the client has sent beforehand answers it; otherwise the client is told soon.
    mutating func collect(_ key: CallKey, _ request: InputRequest, _ worker: WorkerKey, id: [UInt8], at now: Instant) {
        var inputs = self.inputs[key] ?? InputState()
        let name = InputKey.mint(
            for: request, taken: inputs.questions.map(\.key), trustsHints: self.isOurs(self.workers[worker].server),
            self.sealing.digests)
        if let index = inputs.earlyAnswers.firstIndex(where: { $0.key == name }) {
            let early = inputs.earlyAnswers.remove(at: index)
            self.inputs[key] = inputs
            if self.giveAnswer(early.value, to: .init(key: name, worker: worker, id: id, request: request)) { return }
            inputs = self.inputs[key] ?? inputs
        }
        guard inputs.questions.count < InputRequired.questionsMax else {
            var member: [UInt8] = []
            InputOutcome.abandoned.append(for: request, to: &member)
            return self.answerWorker(worker, id: id, member)
        }
        inputs.questions.append(.init(key: name, worker: worker, id: id, request: request))
        self.inputs[key] = inputs
        // While it is parked, its client hears of the question when it comes back.
        if !inputs.isParked { self.timers.add(.input(key), at: now + InputState.coalescing) }
    }

    private func isOurs(_ server: Int) -> Bool {
        if case .sql = self.servers[server].configuration.kind { return true }
        return false
    }

    /// False when the answer does not fit the question.
    private mutating func giveAnswer(_ answer: [UInt8], to question: InputState.ParkedQuestion) -> Bool {
        let range = ByteRange(0, answer.count)
        guard let checked = try? InputResponse.checked(answer.span, range, for: question.request) else { return false }
        var member = [UInt8](#""result":"#)
        member.append(contentsOf: checked)
        self.answerWorker(question.worker, id: question.id, member)
        return true
    }

    // MARK: Timer

    /// The time for further questions is over, or the pause before a call is made again.
    mutating func inputTimerDue(_ key: CallKey, at now: Instant) {
        // Expected: the call has ended meanwhile.
        guard self.calls.contains(key), let inputs = self.inputs[key] else { return }
        if self.calls[key].state == .suspended { return self.continueRound(key, at: now) }
        guard !inputs.questions.isEmpty, !inputs.isParked else { return }
        self.park(key, at: now)
    }

    /// Answers the client with the questions, and keeps the call for its return.
    private mutating func park(_ key: CallKey, at now: Instant) {
        guard var inputs = self.inputs[key], let connection = self.calls[key].connection, self.connections.contains(connection)
        else { return }
        let limits = self.configuration.limits
        guard self.parked.count < limits.parkedCalls, inputs.round < Int(UInt16.max) else {
            return self.giveUpInput(key, "too many calls wait for their clients' input", at: now)
        }
        let random = self.unguessable()
        let id = inputs.callID ?? RequestState.CallID(high: random.high, low: random.low)
        inputs.round += 1
        inputs.callID = id
        let kind = RequestState.Kind.parked
        guard let binding = self.binding(self.calls[key], inputs, connection),
            let state = self.sealedState(binding, id, round: inputs.round, server: self.calls[key].server, kind)
        else { return self.giveUpInput(key, "the call cannot be parked", at: now) }
        let required = InputRequired(
            questions: inputs.questions.map { .init(key: $0.key, request: $0.request) }, requestState: state)
        var body = self.takeScratch()
        AnswerRewrite.begin(self.calls[key].clientID, to: &body)
        body.append(#","result":"#)
        let serverInfo = self.servers[self.calls[key].server].identity?.serverInfo ?? []
        do throws(InputImpossible) {
            try required.appendResult(for: self.calls[key].capabilities, serverInfo: serverInfo.span, to: &body)
        } catch {
            self.scratch = body
            self.abandonInputs(key)
            return self.failForCapabilities(key, required.needs.subtracting(self.calls[key].capabilities), at: now)
        }
        body.append(0x7D)
        inputs.isParked = true
        self.inputs[key] = inputs
        self.parked[id] = key
        self.detach(key)
        self.calls[key].deadline = now + limits.inputTimeout
        self.calls[key].lastDeadline = self.calls[key].deadline
        self.armOrphan(key, at: self.calls[key].deadline)
        self.finish(connection, 200, body.span, at: now)
        self.scratch = body
    }

    /// The call has no client for now.
    private mutating func detach(_ key: CallKey) {
        if let connection = self.calls[key].connection, self.connections.contains(connection),
            case .duplex(let duplex) = self.connections[connection].phase, self.duplexes.contains(duplex)
        {
            self.duplexes[duplex].calls.removeAll { $0 == key }
        }
        self.calls[key].connection = nil
    }

    private mutating func giveUpInput(_ key: CallKey, _ text: String, at now: Instant) {
        let call = self.calls[key]
        self.withdraw(key, reason: "the client could not be asked", at: now)
        self.answer(call, errorText: text, data: Self.deliveredData(call), at: now)
    }

    /// Who may come back, and with which request. Nil when the request cannot be told from others.
    ///
    /// The request of a client that can be asked nothing is not kept, so its state is bound to who, where and what only; the worker
    /// whose state it is has to bind it to more.
    func binding(
        _ connection: ConnectionKey, _ server: Int, _ method: MCPMethod, _ params: JSONMembers, _ message: Span<UInt8>,
        _ capabilities: ClientCapabilities
    ) -> RequestState.Binding? {
        let digests = self.sealing.digests
        let digest =
            capabilities.isEmpty
            ? RequestDigest(digests.sha256(message.extracting(0..<0)).bytes.span)
            : RequestDigest(method, message, params: params, digests)
        guard let digest,
            let principal = RequestState.Binding.digest(of: self.connections[connection].exchange.principal, digests)
        else { return nil }
        return RequestState.Binding(
            principal: principal, method: method, digest: digest, server: [UInt8](self.servers[server].name.utf8))
    }

    /// The same for a call, from its request as it came.
    mutating func binding(_ call: Call, _ inputs: InputState?, _ connection: ConnectionKey) -> RequestState.Binding? {
        let message = inputs?.message ?? []
        guard !message.isEmpty, (try? self.scanner.scan(message.span)) != nil else {
            return self.binding(connection, call.server, call.method, JSONMembers(), message.span, [])
        }
        let params = self.scanner.members
        return self.binding(connection, call.server, call.method, params, message.span, call.capabilities)
    }

    /// Nil when sealing fails.
    func sealedState(
        _ binding: RequestState.Binding, _ id: RequestState.CallID, round: Int, server: Int, _ kind: RequestState.Kind
    ) -> [UInt8]? {
        let state = RequestState(
            binding: binding, issuedAt: self.wallSeconds,
            expiresAt: self.wallSeconds + self.configuration.limits.inputTimeout.wholeSeconds, epoch: self.servers[server].epoch,
            callID: id, round: UInt16(truncatingIfNeeded: round), kind: kind)
        return self.sealing.seal.seal(state)
    }

    // MARK: Return

    /// What a modern request says about input, before it is dispatched. Nil: it has been answered.
    enum InputReturn {
        /// A call as any other, with answers that came before the questions.
        case fresh([InputAnswers.Answer])
        /// It goes to the modern worker with the state that it gave, or without one.
        case forward([UInt8]?, [InputAnswers.Answer])
        case attached
        case refused(InvalidInput)
    }

    struct InvalidInput {
        let code: ErrorCode
        let text: String
    }

    mutating func inputReturned(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>,
        _ capabilities: ClientCapabilities, at now: Instant
    ) -> InputReturn {
        let answers: InputAnswers
        do throws(InputResponseRefusal) {
            answers = try InputAnswers(message, params: request.params)
        } catch {
            return .refused(InvalidInput(code: error.code, text: error.reason))
        }
        guard let text = answers.requestState else {
            return self.servers[server].era == .modern ? .forward(nil, answers.answers) : .fresh(answers.answers)
        }
        let state: RequestState
        do throws(InvalidRequestState) {
            let binding = self.binding(key, server, request.method, request.params, message, capabilities)
            guard let binding else { throw InvalidRequestState() }
            state = try self.sealing.seal.open(text.span, for: binding, at: self.wallSeconds)
        } catch {
            return .refused(InvalidInput(code: error.code, text: error.reason.description))
        }
        switch state.kind {
        case .retry: return .fresh(answers.answers)
        case .wrapped(let inner): return .forward(inner, answers.answers)
        case .parked:
            guard let call = self.parked[state.callID], let inputs = self.inputs[call], inputs.isParked,
                inputs.round == Int(state.round)
            else {
                let invalid = InvalidRequestState()
                return .refused(InvalidInput(code: invalid.code, text: invalid.reason.description))
            }
            return self.attach(call, inputs, key, answers, request, message, capabilities, at: now)
        }
    }

    /// The client is back: the parked call is its request now, and what it has answered goes to the worker.
    private mutating func attach(
        _ call: CallKey, _ parked: InputState, _ key: ConnectionKey, _ answers: InputAnswers, _ request: IncomingRequest,
        _ message: Span<UInt8>, _ capabilities: ClientCapabilities, at now: Instant
    ) -> InputReturn {
        for question in parked.questions {
            guard let answer = answers[question.key] else { continue }
            do throws(InputResponseRefusal) {
                _ = try InputResponse.checked(answer.span, ByteRange(0, answer.count), for: question.request)
            } catch {
                return .refused(InvalidInput(code: error.code, text: error.reason))
            }
        }
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        var inputs = parked
        inputs.isParked = false
        let answered = inputs.questions.filter { answers[$0.key] != nil }
        inputs.questions.removeAll { answers[$0.key] != nil }
        let stored = inputs.answer
        inputs.answer = []
        self.inputs[call] = inputs
        if let id = inputs.callID { self.parked[id] = nil }
        self.calls[call].resume(
            on: key, clientID: JSONLexeme(message, id),
            progressToken: request.metadata.progressToken.map { JSONLexeme(message, $0) },
            capabilities: capabilities)
        self.occupy(key, call, at: now)
        for question in answered {
            guard let answer = answers[question.key] else { continue }
            _ = self.giveAnswer(answer, to: question)
        }
        if !stored.isEmpty {
            self.deliverStored(call, stored, at: now)
        } else if !inputs.questions.isEmpty {
            // Nothing new: the client hears the same again at once; something: the worker may answer or ask more meanwhile.
            self.timers.add(.input(call), at: answered.isEmpty ? now : now + InputState.coalescing)
        }
        return .attached
    }

    /// The worker has answered while nobody was there to hear it.
    private mutating func deliverStored(_ key: CallKey, _ line: [UInt8], at now: Instant) {
        guard let envelope = try? self.workerScanner.scan(line.span) else { preconditionFailure("a line that was read before") }
        let call = self.calls[key]
        let inputs = self.inputs[key]
        self.forget(key)
        self.deliver(call, inputs, envelope, line.span, at: now)
    }

    /// The answer to a parked call: kept for the client's return. The worker has room for another call.
    mutating func store(_ key: CallKey, _ message: Span<UInt8>, at now: Instant) {
        guard case .dispatched(let worker, _, _) = self.calls[key].state else { return }
        self.workers[worker].inFlight -= 1
        self.calls[key].state = .suspended
        self.inputs[key]?.answer = [UInt8](message)
        self.inputs[key]?.questions = []
    }
}
