import Base
import MCP
import Wire

/// A modern client's call to a legacy worker that asks in the middle of it: the client gets the questions as its result, the call is
/// parked, and goes on when the client comes back with the answers.
///
///     running ──the worker asks──▶ collecting ──`coalescing`──▶ parked ──the client returns──▶ running
///                                                                 └──`inputTimeout`──▶ cancelled
extension Supervisor {
    /// The worker asks. What the client has sent beforehand answers it; otherwise the client is told soon. `byteCount` is the length
    /// of the question as it came.
    mutating func collect(
        _ key: CallKey, _ request: InputRequest, _ worker: WorkerKey, id: [UInt8], byteCount: Int, at now: Instant
    ) {
        // No other answer of a modern server may ask for anything.
        guard self.calls[key].method.mayRequireInput else { return self.answerWorker(worker, id: id, .unsupported, request) }
        // Its client could not come back.
        guard !self.isDraining else {
            return self.giveUpInput(key, "the supervisor is shutting down", worker, id, request, at: now)
        }
        var inputs = self.inputs[key] ?? InputState()
        guard inputs.questions.count < InputRequired.questionsMax, self.inputs.hasRoom(for: byteCount) else {
            return self.answerWorker(worker, id: id, .abandoned, request)
        }
        let name = InputKey.mint(
            for: request, taken: inputs.questions.map(\.key), trustsHints: self.isOurs(self.workers[worker].server),
            self.sealing.digests)
        let question = InputState.ParkedQuestion(key: name, worker: worker, id: id, request: request, byteCount: byteCount)
        if let index = inputs.earlyAnswers.firstIndex(where: { $0.key == name }) {
            let early = inputs.earlyAnswers.remove(at: index)
            self.inputs[key] = inputs
            if self.giveAnswer(early.value, to: question) { return }
        }
        inputs.questions.append(question)
        // While it is parked, its client hears of the question when it comes back.
        let isFirst = !inputs.isParked && inputs.parksAt == nil
        if isFirst { inputs.parksAt = now + InputState.coalescing }
        self.inputs[key] = inputs
        self.keepAlive(key, request, at: now)
        if isFirst { self.timers.add(.input(key), at: now + InputState.coalescing) }
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
        switch self.calls[key].revision.era {
        case .legacy: self.continueRound(key, at: now)
        case .modern:
            guard let due = inputs.parksAt, due <= now else { return }  // Expected: of questions that have been told.
            self.inputs[key]?.parksAt = nil
            // Expected: the worker has taken them back.
            guard !inputs.questions.isEmpty, !inputs.isParked else { return }
            self.park(key, at: now)
        }
    }

    /// Answers the client with the questions, and keeps the call for its return.
    private mutating func park(_ key: CallKey, at now: Instant) {
        guard var inputs = self.inputs[key], let connection = self.calls[key].connection, self.connections.contains(connection)
        else { return }
        guard !self.isDraining else { return self.giveUpInput(key, "the supervisor is shutting down", at: now) }
        let random = self.unguessable.next()
        let id = inputs.callID ?? RequestState.CallID(high: random.high, low: random.low)
        inputs.round += 1
        inputs.callID = id
        guard let binding = self.binding(self.calls[key], inputs, connection), inputs.round <= Int(UInt16.max),
            let state = self.sealedState(binding, id, round: inputs.round, server: self.calls[key].server, .parked)
        else { return self.giveUpInput(key, "the call cannot be parked", at: now) }
        inputs.principal = binding.principal
        guard self.mayPark(key, binding.principal) else {
            return self.giveUpInput(key, "too many calls wait for their clients' input", at: now)
        }
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
            return self.failForCapabilities(key, required.needs.subtracting(self.calls[key].capabilities), at: now)
        }
        body.append(0x7D)
        inputs.parksAt = nil
        self.inputs[key] = inputs
        self.detach(key, id, until: now + self.configuration.limits.inputTimeout, at: now)
        self.finish(connection, 200, body.span, at: now)
        self.scratch = body
    }

    /// Bound: in all; of one principal, which must not take the places of the others; and of one worker, which must have a place
    /// left for calls whose clients are there.
    private func mayPark(_ key: CallKey, _ principal: RequestDigest) -> Bool {
        let limits = self.configuration.limits
        guard self.parked.count < limits.parkedCalls else { return false }
        var ofPrincipal = 0
        var ofWorker = 0
        for other in self.calls.keys {  // Bound: the calls in flight; once for each round of questions.
            guard let inputs = self.inputs[other], inputs.isParked else { continue }
            if inputs.principal == principal { ofPrincipal += 1 }
            if case .dispatched(let worker, _, _) = self.calls[other].state,
                case .dispatched(worker, _, _) = self.calls[key].state
            {
                ofWorker += 1
            }
        }
        let places = self.servers[self.calls[key].server].configuration.workers.concurrency
        return ofPrincipal < limits.callsPerSession && ofWorker < Swift.max(1, places - 1)
    }

    /// The call has no client for now.
    private mutating func detach(_ key: CallKey, _ id: RequestState.CallID, until deadline: Instant, at now: Instant) {
        if let connection = self.calls[key].connection, self.connections.contains(connection),
            case .duplex(let duplex) = self.connections[connection].phase, self.duplexes.contains(duplex)
        {
            self.duplexes[duplex].calls.removeAll { $0 == key }
        }
        self.calls[key].connection = nil
        self.calls[key].deadline = deadline
        self.inputs[key]?.isParked = true
        if self.inputs[key]?.waitingSince == nil { self.inputs[key]?.waitingSince = now }
        self.parked[id] = key
        self.armOrphan(key, at: deadline)
        self.hurryClients(self.calls[key].server, at: now)
    }

    /// The client of a call that had been parked has lost the connection of its retry. In 2026-07-28 that cancels the call, and its
    /// client sends the same retry again: for a moment the call waits for it. False when it does not.
    mutating func awaitRetry(_ key: CallKey, at now: Instant) -> Bool {
        guard !self.inputs.isEmpty, let id = self.inputs[key]?.callID, !self.isDraining,
            self.parked.count < self.configuration.limits.parkedCalls
        else { return false }
        self.detach(key, id, until: now + InputState.retryGrace, at: now)
        return true
    }

    private mutating func giveUpInput(
        _ key: CallKey, _ text: String, _ worker: WorkerKey, _ id: [UInt8], _ request: InputRequest, at now: Instant
    ) {
        self.answerWorker(worker, id: id, .abandoned, request)
        self.giveUpInput(key, text, at: now)
    }

    private mutating func giveUpInput(_ key: CallKey, _ text: String, at now: Instant) {
        let call = self.calls[key]
        self.withdraw(key, reason: "the client could not be asked", at: now)
        self.answer(call, errorText: text, data: Self.deliveredData(call), at: now)
        self.continueDrain(at: now)
    }

    /// What a call is recognised by when its client brings it back. Nil when the request cannot be told from others.
    private mutating func binding(_ call: Call, _ inputs: InputState?, _ connection: ConnectionKey, _ digest: RequestDigest?)
        -> RequestState.Binding?
    {
        let digests = self.sealing.digests
        guard let digest,
            let principal = RequestState.Binding.digest(of: self.connections[connection].exchange.principal, digests)
        else { return nil }
        return RequestState.Binding(
            principal: principal, method: call.method, digest: digest, server: [UInt8](self.servers[call.server].name.utf8))
    }

    /// The same, from the request as it came.
    ///
    /// The request of a client that can be asked nothing is not kept, so its state is bound to who, where and what only; the worker
    /// whose state it is has to bind it to more.
    mutating func binding(_ call: Call, _ inputs: InputState?, _ connection: ConnectionKey) -> RequestState.Binding? {
        guard let inputs else { return self.binding(call, inputs, connection, self.noDigest) }
        if let digest = inputs.digest { return self.binding(call, inputs, connection, digest) }
        guard (try? self.scanner.scan(inputs.message.span)) != nil else { return nil }
        let digest = RequestDigest(call.method, inputs.message.span, params: self.scanner.members, self.sealing.digests)
        return self.binding(call, inputs, connection, digest)
    }

    /// In the place of the digest of a request that was not kept.
    private var noDigest: RequestDigest? {
        let nothing: [UInt8] = []
        return RequestDigest(self.sealing.digests.sha256(nothing.span).bytes.span)
    }

    /// Whether the state is for this principal, this server and this request. Nothing of it is true before the seal has been opened.
    private func isBound(
        _ state: RequestState, _ connection: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>
    ) -> Bool {
        let digests = self.sealing.digests
        guard state.binding.method == request.method, state.binding.server == [UInt8](self.servers[server].name.utf8),
            state.binding.principal
                == RequestState.Binding.digest(of: self.connections[connection].exchange.principal, digests)
        else { return false }
        return state.binding.digest == self.noDigest
            || state.binding.digest == RequestDigest(request.method, message, params: request.params, digests)
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
        /// The client has as many calls running as it may have.
        case busy
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
        let invalid = InvalidRequestState()
        let refusal = InputReturn.refused(InvalidInput(code: invalid.code, text: invalid.reason.description))
        let answers: InputAnswers
        do throws(InputResponseRefusal) {
            answers = try InputAnswers(message, params: request.params)
        } catch {
            return .refused(InvalidInput(code: error.code, text: error.reason))
        }
        guard let text = answers.requestState else {
            return self.servers[server].era == .modern ? .forward(nil, answers.answers) : .fresh(answers.answers)
        }
        guard let state = try? self.sealing.seal.open(text.span, at: self.wallSeconds),
            self.isBound(state, key, server, request, message)
        else { return refusal }
        switch state.kind {
        case .retry: return .fresh(answers.answers)
        case .wrapped(let inner): return .forward(inner, answers.answers)
        case .parked:
            guard let call = self.parked[state.callID], let inputs = self.inputs[call], inputs.isParked,
                inputs.round == Int(state.round)
            else { return refusal }
            guard !self.hasAllItsCalls(key, nil) else { return .busy }
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
        inputs.waitingSince = nil
        let answered = inputs.questions.filter { answers[$0.key] != nil }
        inputs.questions.removeAll { answers[$0.key] != nil }
        let stored = inputs.answer
        inputs.answer = []
        self.inputs[call] = inputs
        if let id = inputs.callID { self.parked[id] = nil }
        self.calls[call].resume(
            on: key, clientID: JSONLexeme(message, id),
            progressToken: request.metadata.progressToken.map { JSONLexeme(message, $0) },
            capabilities: capabilities, logLevel: request.metadata.requestedLogLevel(message))
        if let since = parked.waitingSince { self.continueTime(call, since, at: now) }
        self.occupy(key, call, at: now)
        for question in answered {
            guard let answer = answers[question.key] else { continue }
            _ = self.giveAnswer(answer, to: question)
        }
        if !stored.isEmpty {
            self.deliverStored(call, stored, at: now)
        } else if !inputs.questions.isEmpty {
            // Nothing new: the client hears the same again at once; something: the worker may answer or ask more meanwhile.
            guard !answered.isEmpty else {
                self.park(call, at: now)
                return .attached
            }
            self.inputs[call]?.parksAt = now + InputState.coalescing
            self.timers.add(.input(call), at: now + InputState.coalescing)
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

    /// The last word about a parked call: kept for the client's return, for as long as that is waited for. The worker has room for
    /// another call.
    mutating func store(_ key: CallKey, _ message: Span<UInt8>, at now: Instant) {
        guard self.inputs.hasRoom(for: message.count) else {
            return self.store(
                key, errorText: "the answer was too long to be kept", data: [UInt8](#"{"delivered":true}"#), at: now)
        }
        let deadline = self.calls[key].deadline
        self.abandonInputs(key, at: now)
        if case .dispatched(let worker, _, _) = self.calls[key].state { self.leave(worker, self.calls[key].method) }
        self.calls[key].suspend(until: deadline)
        self.inputs[key]?.answer = [UInt8](message)
    }

    /// The same for an error of ours. `data` is raw JSON.
    mutating func store(_ key: CallKey, errorText text: String, data: [UInt8], at now: Instant) {
        var line = [UInt8](#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"#)
        line.appendJSON(string: text)
        line.append(#","data":"#)
        line.append(contentsOf: data)
        line.append("}}")
        let room = self.inputs.hasRoom(for: line.count)
        guard room else { return self.withdraw(key, reason: "the client is not there", at: now) }
        self.store(key, line.span, at: now)
    }
}
