public import Base
import MCP
import Wire

/// The byte streams to and from a worker.
extension Supervisor {
    public func withOutput<Result>(ofWorker key: WorkerKey, _ body: (Span<UInt8>) -> Result) -> Result? {
        guard self.workers.contains(key) else { return nil }
        return self.workers[key].withUnsentOutput(body)
    }

    public mutating func takeDirtyWorkers(into list: inout [WorkerKey]) {
        list.removeAll(keepingCapacity: true)
        swap(&list, &self.dirtyWorkers)
    }

    /// The kernel took `count` bytes of the worker's input.
    public mutating func workerInputWritten(_ key: WorkerKey, _ count: Int, at now: Instant) {
        guard self.workers.contains(key) else { return }
        self.workers[key].isDirty = false
        self.workers[key].outputSent += count
        self.workers[key].sentTotal += count
        guard self.workers[key].unsentBytes == 0 else { return self.workers[key].compactOutput() }
        self.workers[key].outputSent = 0
        self.workers[key].output.removeAll(keepingCapacity: self.workers[key].output.capacity <= 1 << 20)
        if !self.servers[self.workers[key].server].queue.isEmpty {
            self.pumpQueue(self.workers[key].server, at: now)
        }
    }

    /// The next bytes of the worker's stdout, in order.
    public mutating func workerBytes(_ key: WorkerKey, _ bytes: Span<UInt8>, at now: Instant) {
        var position = 0
        guard self.workers.contains(key) else { return }
        if self.workers[key].state == .probing, !bytes.isEmpty { self.probeSpoke(key, at: now) }
        let torn = self.workers[key].splitter.isInsideLine ? self.workers[key].splitter.line.first : nil
        while self.workers.contains(key) {  // Bound: every turn takes a line or ends.
            let start = position
            switch self.workers[key].splitter.next(in: bytes, from: &position) {
            case .none:
                self.tellListChanges(of: self.workers[key].server, at: now)
                return self.finishEvent(at: now)
            case .inline(let range):
                self.workerLine(key, bytes.extracting(range.range), at: now)
            case .buffered:
                let line = self.workers[key].splitter.line
                self.workerLine(key, line.span, at: now)
            case .tooLong:
                self.stray(key, "a line of a worker was longer than allowed and was dropped")
                // Only what could have been a message is taken for one.
                if (start == 0 ? torn : nil) ?? bytes[start] == 0x7B { self.answerTooLong(key, at: now) }
            }
        }
    }

    private mutating func workerLine(_ key: WorkerKey, _ line: Span<UInt8>, at now: Instant) {
        // What somebody says who is to go is heard by nobody.
        guard self.workers[key].role != .discarded else { return }
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.workerScanner.scan(line)
        } catch .invalid(let reason, .some(let id)) {
            self.stray(key, "a worker gave an answer that is not valid")
            if self.workers[key].state == .probing {
                if JSONNumber.int64(line, id) == Handshake.id { self.eraShown(key, .refused, at: now) }
                return
            }
            return self.answeredBadly(key, id: JSONNumber.int64(line, id), reason, line, at: now)
        } catch .batch(let range) where self.servers[self.workers[key].server].era == .legacy {
            return self.workerBatch(key, line, range, at: now)
        } catch {
            return self.stray(key, "a worker wrote a line that is no message")
        }
        if self.workers[key].state == .probing {
            // Nothing is answered before it is known who asks.
            guard envelope.kind == .result || envelope.kind == .error else { return }
            return self.probeAnswered(key, envelope, line, at: now)
        }
        switch envelope.kind {
        case .result, .error:
            if self.workers[key].state == .handshaking {
                guard let id = envelope.id, JSONNumber.int64(line, id) == Handshake.id else {
                    return self.stray(key, "a worker answered something that was not asked")
                }
                return self.handshakeAnswered(key, envelope, line, at: now)
            }
            if self.listenEnded(key, id: envelope.id, line, at: now) || self.listCompared(key, envelope, line) { return }
            self.answered(key, envelope, line, at: now)
        case .notification: self.workerNotified(key, envelope, line, at: now)
        case .request: self.workerAsked(key, envelope, line, at: now)
        }
    }

    /// A server of 2025-03-26 may write several messages as one, though it is sent none so. Each counts as a line of its own.
    private mutating func workerBatch(_ key: WorkerKey, _ line: Span<UInt8>, _ range: ByteRange, at now: Instant) {
        var elements: [ByteRange] = []
        var scanner = JSONScanner(limits: self.configuration.limits.workerJSON.limits)
        // Expected: too many elements, which no server has a reason for.
        try? scanner.scanArray(line, at: range, elementsMax: Self.batchElementsMax, into: &elements)
        if elements.isEmpty { self.stray(key, "a worker wrote a line that is no message") }
        for element in elements where self.workers.contains(key) {  // Bound: `batchElementsMax`.
            guard line[element.lowerBound] != 0x5B else {
                self.stray(key, "a worker wrote a line that is no message")
                continue
            }
            self.workerLine(key, line.extracting(element.range), at: now)
        }
    }

    private mutating func workerNotified(_ key: WorkerKey, _ envelope: JSONRPCEnvelope, _ line: Span<UInt8>, at now: Instant) {
        guard let name = envelope.method else { return }
        let server = self.workers[key].server
        switch Self.method(line, name) {
        case .notificationsProgress: self.progressed(key, envelope, line, at: now)
        case .notificationsMessage: self.logged(key, envelope, line, at: now)
        case .notificationsCancelled:
            let id = self.workerScanner.members.value("requestId", in: line)
            if !self.listenEnded(key, id: id, line, at: now) { self.workerCancelled(key, line, at: now) }
        case .notificationsSubscriptionsAcknowledged: self.listenAcknowledged(key, line, at: now)
        case .notificationsToolsListChanged:
            self.servers[server].changedLists.insert(.tools)
            self.servers[server].toolRules.changed()
        case .notificationsPromptsListChanged: self.servers[server].changedLists.insert(.prompts)
        case .notificationsResourcesListChanged: self.servers[server].changedLists.insert(.resources)
        case .notificationsResourcesUpdated: self.resourceUpdated(key, envelope, line, at: now)
        default: self.counters.droppedNotifications += 1
        }
    }

    /// Requests of a worker: `ping` is ours to answer, the rest is for the client of one of its calls.
    private mutating func workerAsked(_ key: WorkerKey, _ envelope: JSONRPCEnvelope, _ line: Span<UInt8>, at now: Instant) {
        guard let name = envelope.method, let id = envelope.id else { return }
        // In 2026-07-28 a server sends no request and a client no response.
        guard self.servers[self.workers[key].server].era == .legacy else {
            return self.stray(key, "a worker of a revision without such requests sent one")
        }
        // Bound: a worker that asks faster than it reads gets no more answers queued.
        guard self.workers[key].unsentBytes < Self.workerBacklogBytesMax else { return }
        let method = Self.method(line, name)
        guard method == .ping else { return self.workerAsked(key, method, envelope, line, at: now) }
        self.answerWorker(key, id: [UInt8](line, id), [UInt8](#""result":{}"#))
    }

    /// An answer came that belongs to no call of this worker. Beyond a limit the worker is told to end, gets no more calls, and is
    /// replaced; what it still runs it may answer.
    mutating func strayAnswer(_ key: WorkerKey, at now: Instant) {
        self.counters.strayAnswers += 1
        guard self.workers[key].answeredNobody() else { return }
        if case .stopping = self.workers[key].state { return }
        self.log(
            .error, "a worker gave too many answers that nobody had asked for and is replaced",
            [
                .text("server", self.servers[self.workers[key].server].name),
                .number("workerPid", Int(self.workers[key].processID)), .number("count", self.workers[key].strayAnswers),
            ])
        self.stopWorker(key, step: .inputClosed, at: now)
    }

    /// Output that cannot be used. Counted; told at the 1st, 2nd, 4th, 8th … time, so a chatty worker cannot fill the log.
    private mutating func stray(_ key: WorkerKey, _ what: StaticString) {
        self.workers[key].strayLines += 1
        let count = self.workers[key].strayLines
        guard count & (count - 1) == 0 else { return }
        self.log(
            .warning, what,
            [
                .text("server", self.servers[self.workers[key].server].name),
                .number("workerPid", Int(self.workers[key].processID)),
                .number("count", count),
            ])
    }

    mutating func prepareOutput(worker key: WorkerKey) {
        guard !self.workers[key].isDirty else { return }
        self.workers[key].isDirty = true
        self.dirtyWorkers.append(key)
    }

    /// `line` ends with its LF.
    mutating func sendLine(_ line: Span<UInt8>, to key: WorkerKey) {
        self.prepareOutput(worker: key)
        self.workers[key].output.append(line)
        self.workers[key].queuedTotal += line.count
    }

    mutating func sendLine(_ line: StaticString, to key: WorkerKey) {
        let bytes = [UInt8](line)
        self.sendLine(bytes.span, to: key)
    }

    /// A modern call that wants log messages, about to be sent to a legacy worker. The level stays raised: what a call does not
    /// want it is not sent, and a worker that is told a level before and after every call would be told nothing else.
    mutating func raiseLogLevel(for key: CallKey, _ worker: WorkerKey) {
        guard self.calls[key].revision.era == .modern, let wanted = self.calls[key].logLevel else { return }
        let server = self.calls[key].server
        guard self.servers[server].era == .legacy, self.servers[server].identity?.has(.logging) == true,
            wanted < self.servers[server].logLevel ?? .emergency || self.servers[server].logLevel == nil
        else { return }
        self.tellLogLevel(wanted, server, worker)
    }

    /// A legacy worker has one log level for all: the most verbose that any session asked for.
    mutating func updateWorkerLogLevel(_ server: Int) {
        guard self.servers[server].era == .legacy, let worker = self.servers[server].worker,
            self.workers[worker].state == .ready, self.servers[server].identity?.has(.logging) == true
        else { return }
        var level: LogLevel?
        for key in self.sessions.allKeys where self.sessions[key].variant == server {  // Bound: `sessions`.
            guard let wanted = self.sessions[key].logLevel else { continue }
            level = Swift.min(level ?? wanted, wanted)
        }
        for key in self.calls.keys {  // Bound: the calls in flight; only when a level is set, or a session that had set one ends.
            guard self.calls[key].revision.era == .modern, let wanted = self.calls[key].logLevel,
                case .dispatched(worker, _, _) = self.calls[key].state
            else { continue }
            level = Swift.min(level ?? wanted, wanted)
        }
        guard let level, level != self.servers[server].logLevel else { return }
        self.tellLogLevel(level, server, worker)
    }

    private mutating func tellLogLevel(_ level: LogLevel, _ server: Int, _ worker: WorkerKey) {
        self.servers[server].logLevel = level
        // Id 0 again: the handshake is over, and nobody waits for this answer.
        self.workers[worker].answersOwed += 1
        var line = [UInt8](#"{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":""#)
        line.append(level.text)
        line.append("\"}}\n")
        self.sendLine(line.span, to: worker)
    }
}
