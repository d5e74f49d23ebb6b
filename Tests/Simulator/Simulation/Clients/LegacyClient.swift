import Base
import SupervisorCore

/// A client of the revisions with sessions: initializes, calls on several connections, cancels, keeps a stream, ends its session.
final class LegacyClient: SimClient {
    private var session: String?
    /// Counts the sessions, so that answers that come late are matched to theirs.
    private var generation = 0
    private var server = 0
    private var isInitializing = false
    /// The session said that its client can be asked.
    private var canAnswer = false
    /// Raw ids of what it was asked and will answer.
    private var questions: [[UInt8]] = []
    /// The session's revision has batches.
    private var mayBatch = false
    private var sessionStartedAt: Instant
    /// When the supervisor last had news of the session.
    private var lastContact: Instant
    /// The longest time without.
    private var longestSilence = Interval.zero
    private var running: [Exchange] = []
    /// Ids of calls whose connection is gone; they may still run.
    private var abandoned: [[UInt8]] = []
    /// What it lost the connection of and can resume.
    private var lost: [Exchange] = []

    override init(index: Int, world: Simulation, profile: Plan.ClientProfile, random: PRNG) {
        self.lastContact = world.now
        self.sessionStartedAt = world.now
        super.init(index: index, world: world, profile: profile, random: random)
    }

    override func act() {
        self.disturb()
        guard self.wantsToAct else { return }
        guard let session = self.session else {
            if !self.isInitializing { self.initialize() }
            return
        }
        if !self.lost.isEmpty, self.random.flip() { return self.resume(session) }
        guard let connection = self.random.below(8) == 0 ? self.connect() : self.connection() else { return }
        if let question = self.questions.popLast() { return self.reply(connection, session, question) }
        self.profile.budget -= 1
        switch self.random.below(24) {
        case 0: self.ask(connection, session, .local, "ping", "")
        case 1:
            let level = self.random.one(of: ["debug", "info", "error"])
            self.ask(connection, session, .local, "logging/setLevel", "{\"level\":\"\(level)\"}")
        case 2: self.ask(connection, session, .list, "tools/list", "{}")
        case 3, 4: self.openStream(session)
        case 5: self.delete(connection, session)
        case 6, 7, 8: self.cancel(connection, session)
        case 9 where self.mayBatch, 10 where self.mayBatch: self.batch(connection, session)
        default: self.call(connection, session)
        }
    }

    /// An answered request was heard of no earlier than it was sent.
    private func touch(_ exchange: Exchange) {
        self.longestSilence = Swift.max(self.longestSilence, self.world.now - self.lastContact)
        self.lastContact = Swift.max(self.lastContact, exchange.startedAt)
    }

    override func sessionMayBeGone(_ exchange: Exchange) -> Bool {
        let silence = Swift.max(self.longestSilence, self.world.now - self.lastContact)
        return exchange.sessionEnded || exchange.session != self.generation || self.world.clockJumps > 0
            // Half, because the supervisor heard of it earlier than we heard back.
            || self.world.now - self.sessionStartedAt >= self.world.configuration.limits.sessionAge / 2
            || silence >= self.world.configuration.limits.sessionIdle / 2
    }

    // MARK: Requests

    private func initialize() {
        guard let connection = self.connection() else { return }
        self.profile.budget -= 1
        self.server = self.random.below(self.world.configuration.servers.count)
        self.isInitializing = true
        let exchange = self.exchange(.initialize, server: self.server, isModern: false, id: self.id())
        let version = self.random.one(of: ["2025-03-26", "2025-03-26", "2025-06-18", "2025-11-25", "2025-11-25", "1999-01-01"])
        self.mayBatch = version == "2025-03-26"
        // Which revisions have forms is known to both sides.
        self.canAnswer = version != "2025-03-26" && self.random.flip()
        let capabilities = self.canAnswer ? "{\"elicitation\":{}}" : "{}"
        let params =
            "{\"protocolVersion\":\"\(version)\",\"capabilities\":\(capabilities),\"clientInfo\":{\"name\":\"c\(self.index)\",\"version\":\"1\"}}"
        self.post(exchange, on: connection, session: nil, method: "initialize", params: params)
    }

    private func call(_ connection: ClientConnection, _ session: String) {
        guard let (exchange, params) = self.callParameters() else { return }
        self.post(exchange, on: connection, session: session, method: "tools/call", params: params)
    }

    private func callParameters() -> (Exchange, String)? {
        // An id of its own while it runs: using one twice at once is an error of the client.
        let id = self.id()
        guard self.isFree(id) else { return nil }
        let token = self.random.below(3) == 0 ? self.random.one(of: ["1", "\"1\"", "\"token\"", "1048577"]) : ""
        let exchange = self.exchange(.call, server: self.server, isModern: false, id: id, progressToken: token)
        exchange.wantsLogs = true
        exchange.canAnswer = self.canAnswer
        exchange.hasStructure = !self.mayBatch
        let meta = token.isEmpty ? "" : ",\"_meta\":{\"progressToken\":\(token)}"
        let params = "{\"name\":\"echo\",\"arguments\":\(self.arguments(exchange))\(meta)}"
        self.running.append(exchange)
        return (exchange, params)
    }

    /// Several messages in one POST: calls, a ping, notifications, in any order.
    private func batch(_ connection: ClientConnection, _ session: String) {
        let exchange = self.exchange(.batch, server: self.server, isModern: false)
        exchange.session = self.generation
        var messages: [String] = []
        for _ in 0..<self.random.size(1...6) {
            guard self.random.below(5) != 0, let (part, params) = self.callParameters() else {
                messages.append("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}")
                continue
            }
            part.session = self.generation
            exchange.parts.append(part)
            let id = String(decoding: part.id, as: UTF8.self)
            messages.append("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"tools/call\",\"params\":\(params)}")
        }
        var request = RequestText.post(self.world.path(self.server, &self.random), "[" + messages.joined(separator: ",") + "]")
        request.fields.append(("Mcp-Session-Id", session))
        self.dress(&request, exchange)
        connection.send(exchange, request.bytes)
    }

    private func isFree(_ id: String) -> Bool {
        !self.running.contains { $0.id.elementsEqual(id.utf8) } && !self.abandoned.contains { $0.elementsEqual(id.utf8) }
    }

    private func ask(_ connection: ClientConnection, _ session: String, _ kind: Exchange.Kind, _ method: String, _ params: String)
    {
        let id = self.id()
        guard self.isFree(id) else { return }
        let exchange = self.exchange(kind, server: self.server, isModern: false, id: id)
        self.running.append(exchange)
        self.post(exchange, on: connection, session: session, method: method, params: params)
    }

    private func notify(_ connection: ClientConnection, _ session: String, _ method: String, _ params: String) {
        let exchange = self.exchange(.notification, server: self.server, isModern: false)
        self.post(exchange, on: connection, session: session, method: method, params: params)
    }

    /// Most questions are answered, some never, some twice.
    override func asked(_ exchange: Exchange, _ question: [UInt8]) {
        guard exchange.session == self.generation else { return }
        for _ in 0..<self.random.one(of: [0, 1, 1, 1, 2]) { self.questions.append(question) }
        self.nextActAt = Swift.min(self.nextActAt, self.world.now + self.random.interval(.microseconds(10) ... .seconds(1)))
    }

    private func reply(_ connection: ClientConnection, _ session: String, _ question: [UInt8]) {
        let exchange = self.exchange(.notification, server: self.server, isModern: false)
        let answer = self.random.one(of: [
            "\"result\":{\"action\":\"accept\",\"content\":{}}", "\"result\":{\"action\":\"decline\"}",
            "\"result\":{\"action\":7}",
            "\"error\":{\"code\":-1,\n\"message\":\"no\"}",
        ])
        let id = String(decoding: question, as: UTF8.self)
        var request = RequestText.post(
            self.world.path(self.server, &self.random), "{\"jsonrpc\":\"2.0\",\"id\":\(id),\(answer)}")
        exchange.session = self.generation
        request.fields += [("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-11-25")]
        self.dress(&request, exchange)
        connection.send(exchange, request.bytes)
    }

    private func cancel(_ connection: ClientConnection, _ session: String) {
        guard let victim = self.running.first(where: { $0.kind == .call && !$0.wasCancelled }) else { return }
        victim.wasCancelled = true
        // Nobody knows when the cancellation arrives; a new call with that id could be hit by it.
        self.abandoned.append(victim.id)
        let id = String(decoding: victim.id, as: UTF8.self)
        self.notify(connection, session, "notifications/cancelled", "{\"requestId\":\(id),\"reason\":\"changed my mind\"}")
    }

    private func openStream(_ session: String) {
        guard let connection = self.connect() else { return }
        let exchange = self.exchange(.sessionStream, server: self.server, isModern: false)
        exchange.session = self.generation
        var request = RequestText(method: "GET", path: self.world.path(self.server, &self.random))
        request.fields = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session)]
        if self.random.below(6) == 0 {
            exchange.cursor.isForged = true
            request.fields.append(("Last-Event-ID", self.forgedID()))
        }
        connection.send(exchange, request.bytes)
    }

    private func forgedID() -> String {
        self.random.one(of: [
            "0", "-", "1", "1-", "-1", "0-1", "1-0", "01-1", "zzz-1", "1-zzzzzz", "1-1-1", "A-1", "zzzzzzzzzzzzzzzz-1",
            String(repeating: "1", count: self.random.size(1...4000)) + "-1", "\u{e9}-1", "1 -1",
        ])
    }

    /// Goes on with a stream whose connection it lost.
    private func resume(_ session: String) {
        let exchange = self.lost.remove(at: self.random.below(self.lost.count))
        guard let last = exchange.cursor.last, let connection = self.connect() else { return }
        exchange.outcome = .pending
        for part in exchange.parts where part.outcome == .cut { part.outcome = .pending }
        exchange.cursor.resumed()
        self.running.append(contentsOf: [exchange] + exchange.parts)
        var request = RequestText(method: "GET", path: self.world.path(self.server, &self.random))
        request.fields = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session), ("Last-Event-ID", last)]
        connection.send(exchange, request.bytes)
    }

    private func delete(_ connection: ClientConnection, _ session: String) {
        let exchange = self.exchange(.delete, server: self.server, isModern: false)
        exchange.session = self.generation
        var request = RequestText(method: "DELETE", path: self.world.path(self.server, &self.random))
        request.fields = [("Mcp-Session-Id", session)]
        connection.send(exchange, request.bytes)
        self.leaveSession()
    }

    /// What still runs in it may be answered 404, or end.
    private func leaveSession() {
        for connection in self.connections {
            for exchange in connection.pending where exchange.session == self.generation { exchange.sessionEnded = true }
            for part in connection.pending.flatMap(\.parts) where part.session == self.generation { part.sessionEnded = true }
        }
        self.session = nil
        self.generation += 1
        self.running.removeAll()
        self.abandoned.removeAll()
        self.lost.removeAll()
        self.questions.removeAll()
    }

    private func post(_ exchange: Exchange, on connection: ClientConnection, session: String?, method: String, params: String) {
        let id = exchange.id.isEmpty ? "" : "\"id\":\(String(decoding: exchange.id, as: UTF8.self)),"
        let rest = params.isEmpty ? "" : ",\"params\":\(params)"
        var request = RequestText.post(
            self.world.path(exchange.server, &self.random), "{\"jsonrpc\":\"2.0\",\(id)\"method\":\"\(method)\"\(rest)}")
        if let session {
            exchange.session = self.generation
            request.fields += [("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-11-25")]
        }
        self.dress(&request, exchange)
        connection.send(exchange, request.bytes)
    }

    // MARK: Answers

    override func exchangeEnded(_ exchange: Exchange, _ head: ResponseParser.Head?) {
        let ended = [exchange] + exchange.parts
        self.running.removeAll { running in ended.contains { $0 === running } }
        if exchange.outcome == .cut, exchange.session == self.generation {
            self.abandoned += ended.map(\.id)
            // A refused resumption came with a head.
            if head == nil, exchange.cursor.last != nil, !exchange.cursor.isForged {
                exchange.cursor.lost(at: self.world.now)
                self.lost.append(exchange)
            }
        }
        if exchange.kind == .initialize {
            self.isInitializing = false
            guard case .answered(200, nil) = exchange.outcome else { return }
            guard let session = head?["mcp-session-id"], self.world.sessionIDs.insert(session).inserted else {
                return self.world.judge.report("answers", "initialize was answered without a new session id")
            }
            self.session = session
            self.longestSilence = .zero
            self.lastContact = exchange.startedAt
            self.sessionStartedAt = exchange.startedAt
            if self.random.below(8) != 0, let connection = self.connection() {
                self.notify(connection, session, "notifications/initialized", "")
            }
        } else if exchange.session == self.generation {
            if case .answered(404, _) = exchange.outcome { return self.leaveSession() }
            self.touch(exchange)
        }
    }
}
