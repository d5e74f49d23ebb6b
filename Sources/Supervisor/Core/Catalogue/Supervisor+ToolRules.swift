import Base
import MCP
import Wire

/// Arguments that a modern client repeats in header fields, so that proxies can route by them (2026-07-28, `x-mcp-header`): a call
/// whose fields say something else is refused before any worker sees it.
extension Supervisor {
    /// Whether the call may go on. If not, it has been refused, or waits for the list of tools and is made again from the start.
    mutating func parametersAgree(
        _ key: ConnectionKey, _ definition: Int, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>,
        _ fields: ParameterFields, mayAsk: Bool, at now: Instant
    ) -> Bool {
        // Our own worker has no such arguments. Without a name the worker refuses.
        guard !self.isOurs(server), let range = request.params.value("name", in: message), jsonKind(message, range) == .string
        else { return true }
        let rules = self.servers[server].toolRules
        if rules.completeSince != nil && !rules.headers.hasRules && (fields.fields.isEmpty || rules.isFresh(at: now)) {
            return true
        }
        let verdict = rules.headers.check(
            tool: JSONString.unescape(message, range), arguments: request.params.value("arguments", in: message), body: message,
            fields: fields.fields, head: fields.bytes.span)
        if verdict == .accepted { return true }
        if mayAsk, !rules.isFresh(at: now) {
            self.holdForTools(key, definition, server, request, message, fields, at: now)
            return false
        }
        guard case .refused(let refusal) = verdict else { return true }
        var text: [UInt8] = []
        refusal.appendReason(to: &text)
        self.refuse(key, request, message, 400, refusal.code, String(decoding: text, as: UTF8.self), at: now)
        return false
    }

    func isOurs(_ server: Int) -> Bool {
        if case .sql = self.servers[server].configuration.kind { return true }
        return false
    }

    private mutating func holdForTools(
        _ key: ConnectionKey, _ definition: Int, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>,
        _ fields: ParameterFields, at now: Instant
    ) {
        guard !self.isDraining else { return self.refuseDraining(key, request, message, at: now) }
        let settings = self.servers[server].configuration.workers
        if self.servers[server].restart.refusesCalls {
            let wait = self.servers[server].restart.retryAfter(at: now) ?? .seconds(1)
            return self.refuseUnavailable(key, request, message, self.servers[server].whyRefused, retryAfter: wait, at: now)
        }
        guard self.servers[server].toolRules.waiting.count < settings.queueMax + settings.concurrency,
            self.servers[server].toolRules.waiting.isEmpty
                || self.servers[server].queuedBytes + message.count <= settings.queueBytesMax
        else {
            return self.refuseUnavailable(key, request, message, "too many calls are waiting", retryAfter: .seconds(1), at: now)
        }
        guard let call = self.hold(key, server, request, message, .afterTools, nil, at: now) else { return }
        self.heldCalls[call] = HeldCall(
            message: [UInt8](message, ByteRange(0, message.count)), fields: fields, definition: definition)
        self.servers[server].queuedBytes += message.count
        self.servers[server].toolRules.waiting.append(call)
        self.askForTools(server, at: now)
    }

    /// The call has ended or goes on: it waits for no list any more.
    mutating func releaseHeld(_ call: CallKey, _ server: Int) {
        guard let held = self.heldCalls.removeValue(forKey: call) else { return }
        self.servers[server].queuedBytes -= held.message.count
        self.servers[server].toolRules.waiting.removeAll { $0 == call }
    }

    // MARK: The list

    /// Asks for the first page if somebody waits and nothing has been asked. Called as well when a worker has become ready.
    mutating func askForTools(_ server: Int, at now: Instant) {
        guard !self.servers[server].toolRules.waiting.isEmpty, !self.servers[server].toolRules.isAsked,
            let worker = self.servers[server].worker, self.workers[worker].state == .ready
        else { return }
        self.servers[server].toolRules.isAsked = true
        self.servers[server].toolRules.isStale = false
        self.servers[server].toolRules.pages = 0
        // Half of what a call has: whoever waited can still be answered.
        let patience = Swift.min(ToolRules.patience, self.servers[server].configuration.workers.callTimeout / 2)
        self.servers[server].toolRules.giveUpAt = now + patience
        self.timers.add(.tools(server: server), at: now + patience)
        let first: [UInt8] = []
        self.askForTools(worker, cursor: first)
    }

    /// `cursor` is a JSON string of the worker's, or empty.
    private mutating func askForTools(_ worker: WorkerKey, cursor: [UInt8]) {
        var params: [UInt8] = [0x7B]
        if !cursor.isEmpty {
            params.append(#""cursor":"#)
            params.append(contentsOf: cursor)
        }
        if self.servers[self.workers[worker].server].era == .modern {
            if !cursor.isEmpty { params.append(0x2C) }
            params.append(#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#)
            params.append(#""io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":"#)
            Handshake.appendClientInfo(to: &params)
            params.append(0x7D)
        }
        params.append(0x7D)
        self.askWorker(worker, .toolsList, params, .tools)
    }

    /// One page, or an error: then nothing can be compared, and the worker decides about its calls alone.
    mutating func toolsListed(_ worker: WorkerKey, _ envelope: JSONRPCEnvelope?, _ message: Span<UInt8>, at now: Instant) {
        let server = self.workers[worker].server
        guard self.servers[server].toolRules.isAsked else { return }
        self.servers[server].toolRules.pages += 1
        if envelope?.kind == .result, !self.servers[server].toolRules.isStale {
            let members = self.workerScanner.members
            self.servers[server].toolRules.headers.add(members, message)
            if let next = members.value("nextCursor", in: message), jsonKind(message, next) == .string, next.count > 2,
                self.servers[server].toolRules.pages < ToolRules.pagesMax
            {
                return self.askForTools(worker, cursor: [UInt8](message, next))
            }
        }
        self.servers[server].toolRules.isAsked = false
        let isStale = self.servers[server].toolRules.isStale
        // Bound: a list that changes all the time is not waited for.
        if isStale, self.servers[server].toolRules.pages < ToolRules.pagesMax { return self.askForTools(server, at: now) }
        self.servers[server].toolRules.completeSince = now
        self.goOn(server, at: now)
    }

    /// A worker that has not listed its tools by now decides about its calls alone.
    mutating func toolsTimerDue(_ server: Int, at now: Instant) {
        guard self.servers[server].toolRules.isAsked, self.servers[server].toolRules.giveUpAt <= now else { return }
        self.servers[server].toolRules.isAsked = false
        self.servers[server].toolRules.completeSince = now
        self.goOn(server, at: now)
    }

    /// The calls that waited are made, each as if it came now.
    private mutating func goOn(_ server: Int, at now: Instant) {
        let waiting = self.servers[server].toolRules.waiting
        for call in waiting {  // Bound: `workers.queue`.
            guard let held = self.heldCalls[call], let connection = self.calls[call].connection,
                self.connections.contains(connection)
            else { continue }
            self.forget(call)
            guard let envelope = try? self.scanner.scan(held.message.span), let request = self.read(envelope, held.message.span)
            else { preconditionFailure("a message that was read before") }
            self.modernCall(
                connection, held.definition, request, held.message.span, held.fields, mayAsk: false, at: now)
        }
        self.continueDrain(at: now)
    }
}
